namespace Halo.Client.Tests.Rows;

/// <summary>Gives its bytes in pieces of one size, and then ends in order or breaks.</summary>
sealed class SlowStream(byte[] bytes, int piece, Exception? end = null) : MemoryStream(bytes)
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = Read(buffer.Span[..Math.Min(piece, buffer.Length)]);
        return read == 0 && end is not null ? throw end : new(read);
    }
}
