using Halo.LinkProtocol.Frames;

namespace Halo.Line;

/// <summary>
/// Between a WebSocket and its connection, below which TLS may be: what is written while a write is under way leaves with the next one.
/// A packet costs both ends as much as a small query's statement, and so do a TLS record and the waking of the other end.
/// </summary>
/// <remarks>
/// What is written is copied and its writer goes on; with <see cref="MostKept"/> bytes waiting it waits until the connection has taken them. As with a
/// socket's own buffer, a write that has returned is on its way, not there. A fault closes the connection: the next write tells it, and the reader ends.
/// A lone write leaves at once, on its sender's thread. One that follows another within <see cref="Closely"/> leaves when the thread pool has done what
/// was ready before, with what that work writes. Memory: none while nothing waits.
/// </remarks>
public sealed class CoalescingStream(Stream inner, TimeProvider time) : Stream, IThreadPoolWorkItem
{
    /// <summary>With so many bytes waiting a writer waits too. Not more: a command to stop a query would wait behind all of them.</summary>
    public const int MostKept = 32 * 1024;

    // Below what one caller's next small query needs, above what lies between two of eight.
    internal static readonly TimeSpan Closely = TimeSpan.FromMicroseconds(300);

    const int FirstBytes = 4 * 1024;

    readonly Lock _lock = new();
    byte[]? _kept;
    int _length;
    bool _isWriting;
    long? _lastSent;
    Exception? _fault;
    TaskCompletionSource? _taken;
    TaskCompletionSource? _written;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>While true a flush does nothing: whoever set it calls <see cref="Send"/> when its time has come.</summary>
    internal bool HoldsBack { get; set; }

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Task taken;
        lock (_lock)
        {
            if (_fault is { } fault)
                return ValueTask.FromException(new IOException(fault.Message, fault));
            Keep(buffer.Span);
            if (_length < MostKept)
                return ValueTask.CompletedTask;
            taken = (_taken ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
        Send();
        return new(taken.WaitAsync(cancellationToken));
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override void Flush()
    {
        if (!HoldsBack)
            Send();
    }

    /// <summary>Sends what waits, without waiting for it. A WebSocket calls it behind every frame.</summary>
    public override Task FlushAsync(CancellationToken cancellationToken)
    {
        Flush();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) => inner.Read(buffer);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        inner.ReadAsync(buffer, offset, count, cancellationToken);

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Writes what waits: behind the write that is under way, else at once, or together with what follows closely.</summary>
    internal void Send()
    {
        bool follows;
        lock (_lock)
        {
            if (_isWriting || _length == 0)
                return;
            _isWriting = true;
            var now = time.GetTimestamp();
            follows = _lastSent is { } last && time.GetElapsedTime(last, now) < Closely;
            _lastSent = now;
        }
        if (follows)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        else
            _ = WriteKeptAsync();
    }

    /// <summary>Sends what waits, and returns when the connection has taken all of it.</summary>
    internal Task WrittenAsync()
    {
        Task written;
        lock (_lock)
        {
            if (_fault is not null || !_isWriting && _length == 0)
                return Task.CompletedTask;
            written = (_written ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
        Send();
        return written;
    }

    /// <inheritdoc/>
    void IThreadPoolWorkItem.Execute() => _ = WriteKeptAsync();

    /// <summary>From now on nothing is written: whoever waits, and whoever comes, is told that the line is gone.</summary>
    internal void End() => Refuse(new ObjectDisposedException(nameof(CoalescingStream)));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_kept is null || _kept.Length - _length < bytes.Length)
        {
            var larger = FrameBuffers.Rent(Math.Max(FirstBytes, _length + bytes.Length));
            _kept.AsSpan(0, _length).CopyTo(larger);
            if (_kept is not null)
                FrameBuffers.Return(_kept);
            _kept = larger;
        }
        bytes.CopyTo(_kept.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>By whoever has set <see cref="_isWriting"/>: one write. What has come meanwhile is written by the pool, so that no sender works for the others.</summary>
    async Task WriteKeptAsync()
    {
        byte[] kept;
        int length;
        TaskCompletionSource? taken;
        lock (_lock)
        {
            if (_kept is null)
                return;
            (kept, length, taken) = (_kept, _length, _taken);
            (_kept, _length, _taken) = (null, 0, null);
        }
        taken?.SetResult();
        try
        {
            await inner.WriteAsync(kept.AsMemory(0, length));
        }
        catch (Exception e)
        {
            // Whoever writes next is told; who waits for an answer hears it from the reader.
            Refuse(e);
            inner.Dispose();
            return;
        }
        finally
        {
            FrameBuffers.Return(kept);
        }
        TaskCompletionSource? written = null;
        bool isMore;
        lock (_lock)
        {
            isMore = _isWriting = _length > 0;
            if (!isMore)
                (written, _written) = (_written, null);
        }
        if (isMore)
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        written?.SetResult();
    }

    void Refuse(Exception fault)
    {
        byte[]? kept;
        TaskCompletionSource? taken, written;
        lock (_lock)
        {
            _fault ??= fault;
            (kept, taken, written) = (_kept, _taken, _written);
            (_kept, _length, _taken, _written) = (null, 0, null, null);
        }
        if (kept is not null)
            FrameBuffers.Return(kept);
        taken?.SetException(new IOException(fault.Message, fault));
        written?.SetResult();
    }
}
