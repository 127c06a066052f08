using System.Buffers;
using System.Net.WebSockets;
using Halo.LinkProtocol;

namespace Halo.Line;

/// <summary>The sending half of a line: one frame at a time, and behind it those that nobody waits for.</summary>
/// <param name="overrun">Drops the line: its other end asks for more and more, and takes nothing of it.</param>
/// <param name="dead">Ends with the line.</param>
sealed class FrameSender(WebSocket socket, TimeProvider time, Action overrun, CancellationToken dead) : IDisposable
{
    readonly SemaphoreSlim _turn = new(1, 1);
    long _waitingBytes;
    int _waiting;
    LaterFrames? _later;

    /// <summary>Sends bytes that already are a frame.</summary>
    /// <param name="giveUp">Gives up waiting for the line; a frame that has begun is always finished.</param>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    public async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> frame, CancellationToken giveUp)
    {
        // With nothing in the way nothing is counted.
        if (!_turn.Wait(0, CancellationToken.None) && !await WaitAsync(frame.Length, giveUp))
            return false;
        try
        {
            // Never with the caller's token: a send that is cancelled half-way tears the whole line down.
            await WriteAsync(frame, dead);
            if (_later is not null)
                await WriteWaitingAsync(dead);
            return true;
        }
        catch (Exception e) when (IsOfTheLine(e))
        {
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Waits for the frames before this one.</summary>
    /// <returns>False: too many wait already, and the line was dropped.</returns>
    async ValueTask<bool> WaitAsync(int bytes, CancellationToken giveUp)
    {
        try
        {
            var frames = Interlocked.Increment(ref _waiting);
            if (Interlocked.Add(ref _waitingBytes, bytes) > LineConnection.MostWaitingBytes || frames > LineConnection.MostWaiting)
            {
                overrun();
                return false;
            }
            await _turn.WaitAsync(giveUp);
            return true;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            Interlocked.Add(ref _waitingBytes, -bytes);
        }
    }

    /// <summary>Sends a frame behind the next one, or after <see cref="LineConnection.LaterWithin"/>.</summary>
    public void SendLater(FrameKind kind, Guid queryId)
    {
        if (_later is null)
            Interlocked.CompareExchange(ref _later, new(time, () => _ = SendWaitingAsync()), null);
        _later.Add(kind, queryId);
    }

    /// <summary>Sends what waits, then the close.</summary>
    /// <returns>False when the line is gone, or took nothing until <paramref name="limit"/>.</returns>
    public async Task<bool> CloseAsync(string reason, CancellationToken limit)
    {
        try
        {
            await _turn.WaitAsync(limit);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await WriteWaitingAsync(limit);
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason, limit);
            }
            return true;
        }
        catch (Exception e) when (IsOfTheLine(e))
        {
            return false;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _later?.Dispose();

    async Task SendWaitingAsync()
    {
        try
        {
            await _turn.WaitAsync(dead);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        try
        {
            await WriteWaitingAsync(dead);
        }
        catch (Exception e) when (IsOfTheLine(e))
        {
            // The receiver sees that the line is gone.
        }
        finally
        {
            _turn.Release();
        }
    }

    async ValueTask WriteWaitingAsync(CancellationToken stop)
    {
        if (_later?.TryTake(out var next) != true)
            return;
        var buffer = ArrayPool<byte>.Shared.Rent(FrameCodec.MaxHeaderBytes);
        try
        {
            do
                await WriteAsync(buffer.AsMemory(0, FrameCodec.WriteHeader(buffer, next.Kind, next.QueryId)), stop);
            while (_later.TryTake(out next));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    ValueTask WriteAsync(ReadOnlyMemory<byte> frame, CancellationToken stop) =>
        socket.SendAsync(frame, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, stop);

    static bool IsOfTheLine(Exception e) =>
        e is WebSocketException or OperationCanceledException or ObjectDisposedException or IOException or InvalidOperationException;
}
