namespace Halo.Client.Calls;

/// <summary>An answer's body as it comes; where nothing comes for too long the connection counts as lost.</summary>
sealed class AnswerStream(HttpResponseMessage response, Stream body, TimeSpan patience, TimeProvider time) : Stream
{
    CancellationTokenSource _lost = new(Timeout.InfiniteTimeSpan, time);

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (!_lost.TryReset())
        {
            _lost.Dispose();
            _lost = new(Timeout.InfiniteTimeSpan, time);
        }
        _lost.CancelAfter(patience);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_lost.Token, cancellationToken);
        try
        {
            return await body.ReadAsync(buffer, both.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException("Nothing came of the answer for too long.", e);
        }
        finally
        {
            _lost.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            response.Dispose();
            body.Dispose();
            _lost.Dispose();
        }
        base.Dispose(disposing);
    }
}
