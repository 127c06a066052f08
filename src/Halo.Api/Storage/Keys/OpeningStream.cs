using System.Security.Cryptography;

namespace Halo.Api.Storage.Keys;

/// <summary>
/// The plain bytes of a sealed blob, seekable: only the chunks that are read are decrypted, each checked before a byte of it is given out.
/// </summary>
/// <remarks>Opening checks the last chunk, so a blob that was cut at a chunk's end is refused before anything is read.</remarks>
sealed class OpeningStream : Stream
{
    readonly Stream _source;
    readonly DataKey _key;
    readonly BlobPlace _place;
    readonly SealedLayout _layout;
    readonly AesGcm _cipher;
    readonly byte[] _plain = new byte[SealedBlob.ChunkBytes];
    readonly byte[] _sealed = new byte[SealedBlob.ChunkBytes + SealedBlob.TagBytes];
    int _loaded = -1;
    long _position;

    OpeningStream(Stream source, DataKey key, BlobPlace place, SealedLayout layout, AesGcm cipher)
    {
        _source = source;
        _key = key;
        _place = place;
        _layout = layout;
        _cipher = cipher;
    }

    /// <param name="source">Seekable; belongs to the new stream.</param>
    /// <exception cref="SealBrokenException">It was changed, cut, or belongs elsewhere.</exception>
    public static async Task<OpeningStream> OpenAsync(Stream source, DataKey key, BlobPlace place, CancellationToken stop)
    {
        try
        {
            var layout = SealedLayout.Of(source.Length);
            var header = new byte[SealedBlob.HeaderBytes];
            await source.ReadExactlyAsync(header, stop);
            var stream = new OpeningStream(source, key, place, layout, SealedBlob.CipherFor(key, header));
            await stream.LoadAsync(layout.Chunks - 1, stop);
            return stream;
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => _layout.PlainLength;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_position >= Length || buffer.IsEmpty)
            return 0;
        var chunk = (int)(_position / SealedBlob.ChunkBytes);
        if (chunk != _loaded)
            await LoadAsync(chunk, cancellationToken);
        var offset = (int)(_position % SealedBlob.ChunkBytes);
        var take = Math.Min(buffer.Length, _layout.PlainLengthOf(chunk) - offset);
        _plain.AsMemory(offset, take).CopyTo(buffer);
        _position += take;
        return take;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => Length + offset,
    };

    async Task LoadAsync(int chunk, CancellationToken stop)
    {
        var length = _layout.PlainLengthOf(chunk);
        _loaded = -1;
        _source.Position = SealedLayout.OffsetOf(chunk);
        await _source.ReadExactlyAsync(_sealed.AsMemory(0, length + SealedBlob.TagBytes), stop);
        SealedBlob.OpenChunk(_cipher, _key.QueryId, _place, chunk, chunk == _layout.Chunks - 1,
            _sealed.AsSpan(0, length + SealedBlob.TagBytes), _plain.AsSpan(0, length));
        _loaded = chunk;
    }

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _cipher.Dispose();
            _source.Dispose();
        }
        base.Dispose(disposing);
    }
}
