using System.Security.Cryptography;

namespace Halo.Api.Storage.Keys;

/// <summary>Seals what is written to it, chunk by chunk, into another stream. Without <see cref="CompleteAsync"/> the blob never opens.</summary>
sealed class SealingStream : IAsyncDisposable
{
    readonly DataKey _key;
    readonly BlobPlace _place;
    readonly Stream _target;
    readonly byte[] _header = SealedBlob.NewHeader();
    readonly byte[] _plain = new byte[SealedBlob.ChunkBytes];
    readonly byte[] _sealed = new byte[SealedBlob.ChunkBytes + SealedBlob.TagBytes];
    readonly AesGcm _cipher;
    int _filled;
    int _index;

    public SealingStream(DataKey key, BlobPlace place, Stream target)
    {
        _key = key;
        _place = place;
        _target = target;
        _cipher = SealedBlob.CipherFor(key, _header);
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        while (!bytes.IsEmpty)
        {
            // A full chunk leaves only when more follows: the last one is marked as the last.
            if (_filled == _plain.Length)
                await FlushAsync(last: false, stop);
            var take = Math.Min(bytes.Length, _plain.Length - _filled);
            bytes[..take].CopyTo(_plain.AsMemory(_filled));
            _filled += take;
            bytes = bytes[take..];
        }
    }

    public Task CompleteAsync(CancellationToken stop) => FlushAsync(last: true, stop);

    async Task FlushAsync(bool last, CancellationToken stop)
    {
        if (_index == 0)
            await _target.WriteAsync(_header, stop);
        var length = _filled + SealedBlob.TagBytes;
        SealedBlob.SealChunk(_cipher, _key.QueryId, _place, _index++, last, _plain.AsSpan(0, _filled), _sealed.AsSpan(0, length));
        _filled = 0;
        await _target.WriteAsync(_sealed.AsMemory(0, length), stop);
    }

    public ValueTask DisposeAsync()
    {
        _cipher.Dispose();
        return ValueTask.CompletedTask;
    }
}
