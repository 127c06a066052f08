using System.Buffers;
using System.Net.Http;
using System.Net.Sockets;

namespace Halo.Link.Session;

/// <summary>
/// Under a session's socket: where small frames follow each other closely they leave when the thread pool has done what was ready
/// before, those of queries that end together in one packet. Each packet costs both ends as much as a small query's statement.
/// A lone frame leaves at once, on its sender's thread.
/// </summary>
/// <remarks>
/// As with a socket's own buffer a write that has returned is on its way, not there: what is lost with the connection is told again
/// by the protocol. A fault closes the connection: the next write tells it, and the reader ends. Order is kept, also where TLS writes
/// something of its own meanwhile.
/// Memory: none while nothing is gathered.
/// </remarks>
sealed class GatheringStream(Stream inner, TimeProvider time) : Stream, IThreadPoolWorkItem
{
    /// <summary>What is larger is not worth a copy.</summary>
    internal const int Small = 4 * 1024;

    /// <summary>At the most so much waits.</summary>
    internal const int Capacity = 16 * 1024;

    // Below what one caller's next small query needs, above what lies between two of eight.
    internal static readonly TimeSpan Closely = TimeSpan.FromMicroseconds(300);

    // A write that is under way ends at once, unless the other end takes nothing.
    static readonly TimeSpan LongestLast = TimeSpan.FromMilliseconds(50);

    readonly Lock _lock = new();
    readonly SemaphoreSlim _turn = new(1, 1);
    byte[]? _gathered;
    int _length;
    int _through;
    long? _last;
    volatile Exception? _fault;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Connects as the handler would, and gathers what it writes.</summary>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, stop);
            return new GatheringStream(new NetworkStream(socket, ownsSocket: true), TimeProvider.System);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            ThrowIfFaulted();
            return TryGather(buffer.Span) ? ValueTask.CompletedTask : WriteThroughAsync(buffer, cancellationToken);
        }
        catch (IOException e)
        {
            return ValueTask.FromException(e);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    /// <summary>Nothing: it is called behind every frame.</summary>
    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override int Read(Span<byte> buffer) => inner.Read(buffer);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        inner.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Sends what is gathered, on a thread of the pool.</summary>
    void IThreadPoolWorkItem.Execute() => _ = SendGatheredAsync();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            SendLast();
            inner.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>What is gathered, a close above all, still leaves where the connection takes it without waiting.</summary>
    void SendLast()
    {
        if (!_turn.Wait(LongestLast))
            return;
        try
        {
            _ = WriteGatheredAsync(CancellationToken.None).AsTask();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <returns>False: it goes through, as what is written until it has.</returns>
    bool TryGather(ReadOnlySpan<byte> bytes)
    {
        var now = time.GetTimestamp();
        lock (_lock)
        {
            var follows = _last is { } last && time.GetElapsedTime(last, now) < Closely;
            _last = now;
            if (bytes.Length > Small || _length + bytes.Length > Capacity || _through > 0 || (!follows && _gathered is null))
            {
                _through++;
                return false;
            }
            if (_gathered is null)
            {
                _gathered = ArrayPool<byte>.Shared.Rent(Capacity);
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }
            bytes.CopyTo(_gathered.AsSpan(_length));
            _length += bytes.Length;
            return true;
        }
    }

    async ValueTask WriteThroughAsync(ReadOnlyMemory<byte> bytes, CancellationToken stop)
    {
        try
        {
            await _turn.WaitAsync(stop);
            try
            {
                ThrowIfFaulted();
                await WriteGatheredAsync(stop);
                await inner.WriteAsync(bytes, stop);
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            lock (_lock)
                _through--;
        }
    }

    async Task SendGatheredAsync()
    {
        await _turn.WaitAsync();
        try
        {
            await WriteGatheredAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            // Whoever writes next is told; who waits for an answer hears it from the reader.
            _fault = e;
            inner.Dispose();
        }
        finally
        {
            _turn.Release();
        }
    }

    void ThrowIfFaulted()
    {
        if (_fault is { } fault)
            throw new IOException(fault.Message, fault);
    }

    /// <summary>By whoever has the turn.</summary>
    async ValueTask WriteGatheredAsync(CancellationToken stop)
    {
        byte[]? gathered;
        int length;
        lock (_lock)
            (gathered, length, _gathered, _length) = (_gathered, _length, null, 0);
        if (gathered is null)
            return;
        try
        {
            await inner.WriteAsync(gathered.AsMemory(0, length), stop);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(gathered);
        }
    }
}
