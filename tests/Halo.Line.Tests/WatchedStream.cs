namespace Halo.Line.Tests;

/// <summary>Passes everything on and knows what went through, so that a test can wait until an end has taken all there is.</summary>
sealed class WatchedStream(Stream inner) : Stream
{
    long _read;
    long _written;
    int _writes;
    int _waiting;

    public long BytesRead => Volatile.Read(ref _read);

    public long BytesWritten => Volatile.Read(ref _written);

    public int Writes => Volatile.Read(ref _writes);

    /// <summary>Whoever reads has dealt with what it got and asks for more.</summary>
    public bool Waiting => Volatile.Read(ref _waiting) == 1;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref _waiting, 1);
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Volatile.Write(ref _waiting, 0);
        Interlocked.Add(ref _read, read);
        return read;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _writes);
        await inner.WriteAsync(buffer, cancellationToken);
        Interlocked.Add(ref _written, buffer.Length);
    }

    public override void Flush() => inner.Flush();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
