using System.Net.WebSockets;

namespace Halo.Line;

/// <summary>The sending half of a line: frames go into its <see cref="CoalescingStream"/> one after another, and leave together where they come together.</summary>
/// <param name="overrun">Drops the line: its other end asks for more and more, and takes nothing of it.</param>
sealed class FrameWriter(WebSocket socket, CoalescingStream output, TimeProvider time, Action overrun) : IDisposable
{
    readonly SemaphoreSlim _turn = new(1, 1);
    long _waitingBytes;
    int _waiting;
    ITimer? _later;
    int _isLaterSet;

    /// <summary>Sends bytes that already are a frame.</summary>
    /// <param name="frame">Not to be touched until this returns.</param>
    /// <param name="giveUp">Gives up waiting for the line; a frame that has begun is always finished.</param>
    /// <param name="later">Nobody waits for it: it leaves with the next one, or after <see cref="LineConnection.LaterWithin"/>.</param>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    public async ValueTask<bool> SendAsync(ReadOnlyMemory<byte> frame, CancellationToken giveUp, bool later = false)
    {
        // With nothing in the way nothing is counted.
        if (!_turn.Wait(0, CancellationToken.None) && !await WaitAsync(frame.Length, giveUp))
            return false;
        try
        {
            output.HoldsBack = true;
            // Never with a token: a send that is cancelled half-way tears the whole line down. What the stream does not take it refuses when the line ends.
            await socket.SendAsync(frame, WebSocketMessageType.Binary, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);
        }
        catch (Exception e) when (IsOfTheLine(e))
        {
            return false;
        }
        finally
        {
            output.HoldsBack = false;
            _turn.Release();
        }
        if (later)
            SendLater();
        else
            output.Send();
        return true;
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
                var closing = socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason, limit);
                await output.WrittenAsync().WaitAsync(limit);
                await closing;
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

    void SendLater()
    {
        // Most leave with another frame before it is due; the timer is not set anew for each.
        if (Interlocked.Exchange(ref _isLaterSet, 1) != 0)
            return;
        _later ??= time.CreateTimer(static me => ((FrameWriter)me!).OnLater(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        try
        {
            _later.Change(LineConnection.LaterWithin, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The line has ended.
        }
    }

    void OnLater()
    {
        Volatile.Write(ref _isLaterSet, 0);
        output.Send();
    }

    static bool IsOfTheLine(Exception e) =>
        e is WebSocketException or OperationCanceledException or ObjectDisposedException or IOException or InvalidOperationException;
}
