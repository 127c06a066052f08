using System.Buffers.Binary;

namespace Halo.Testing.Tds;

/// <summary>While TLS is agreed on its bytes travel in PRELOGIN packets; afterwards they are the connection's own.</summary>
sealed class TdsHandshakeStream(Stream inner) : Stream
{
    int _left;

    /// <summary>Set when the handshake is over.</summary>
    public bool IsPlain { get; set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!IsPlain || _left > 0)
        {
            if (_left == 0)
            {
                var header = new byte[8];
                if (await inner.ReadAtLeastAsync(header, 8, throwOnEndOfStream: false, cancellationToken) < 8)
                    return 0;
                _left = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2)) - 8;
            }
            var read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
            _left -= read;
            return read;
        }
        return await inner.ReadAsync(buffer, cancellationToken);
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (IsPlain)
            await inner.WriteAsync(buffer, cancellationToken);
        else
            await new TdsPackets(inner, () => 4088).WriteAsync(buffer, ends: true, cancellationToken, TdsPackets.PreLogin);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
