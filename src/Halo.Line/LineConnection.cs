using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;

namespace Halo.Line;

/// <summary>One open session's socket, alike at both ends: frames out, frames in, and whether the other is still there.</summary>
/// <remarks>
/// A frame is sent by whoever calls: with nothing in the way it leaves without a change of thread, else with those that wait (<see cref="CoalescingStream"/>).
/// Since no frame of rows is larger than 32 KiB a control frame never waits long behind them.
/// </remarks>
public sealed class LineConnection : IAsyncDisposable
{
    readonly WebSocket _socket;
    readonly CoalescingStream _output;
    readonly TimeProvider _time;
    readonly LineTimes _times;
    readonly FrameWriter _writer;
    readonly CancellationTokenSource _dead = new();
    readonly ITimer _watch;
    long _lastHeard;
    int _pinged;
    int _ponging;
    volatile bool _handling;
    string? _closeReason;
    TaskCompletionSource? _probe;

    // One more than the clock's timestamp; 0: open.
    long _closedAt;

    /// <summary>How long the other end has to take and answer a close. Less than the time in which a program must stop.</summary>
    public static readonly TimeSpan CloseWithin = TimeSpan.FromSeconds(2);

    /// <summary>How long a frame of <see cref="SendLater"/> waits for another at the most.</summary>
    public static readonly TimeSpan LaterWithin = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Frames, and bytes of them, that wait to be sent. An end in order never comes near: it was given no more than it asked for. With more the line is
    /// dropped, since an end that asks and does not read would fill this one's memory.
    /// </summary>
    public const int MostWaiting = 20_000, MostWaitingBytes = 256 * 1024 * 1024;

    /// <summary>Of a message that is passed over, so much is looked at: its first fields tell whose it is.</summary>
    public const int HeadBytes = 16 * 1024;

    /// <summary>Takes over an open socket; the line disposes it.</summary>
    /// <param name="output">What the socket writes to.</param>
    public LineConnection(WebSocket socket, CoalescingStream output, TimeProvider time, LineTimes? times = null)
    {
        _socket = socket;
        _output = output;
        _time = time;
        _times = times ?? new();
        _writer = new(socket, output, time, () => Abort(LineCloseReason.Silent));
        _lastHeard = time.GetTimestamp();
        _watch = time.CreateTimer(static line => ((LineConnection)line!).Watch(), this, _times.PingAfter, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends when the line is found dead or was closed.</summary>
    public CancellationToken Dead => _dead.Token;

    /// <summary>Why the line ended, once it has: a word of <see cref="LineCloseReason"/>, or null where it broke.</summary>
    public string? CloseReason => _closeReason;

    /// <summary>What the other end said when it closed: its own reason, or this end's where it answers a close. Null where it closed with none, or not at all.</summary>
    /// <remarks>Where both close at the same moment, <see cref="CloseReason"/> is this end's, and this one tells that the other end closed by itself.</remarks>
    public string? OtherCloseReason { get; private set; }

    /// <summary>Receives until the line ends. The handler gets one frame after another; its payload is valid until it returns.</summary>
    /// <param name="bound">Bytes that the payload of a kind may have; what has more is passed over and never held. Null: <see cref="FrameBounds.Of"/>.</param>
    /// <param name="tooLarge">Gets what was passed over: its payload is the first <see cref="HeadBytes"/> of it.</param>
    /// <returns>When the line has ended, however it ended.</returns>
    public async Task ReceiveAsync(Func<Frame, ValueTask> handler, Func<FrameKind, int>? bound = null, Func<Frame, ValueTask>? tooLarge = null)
    {
        bound ??= FrameBounds.Of;
        tooLarge ??= static _ => ValueTask.CompletedTask;
        var isTooLarge = false;
        using var assembler = new FrameAssembler();
        // Waited for with no room at all: of thousands of idle lines none holds memory for what does not come, neither here nor in TLS.
        var room = Memory<byte>.Empty;
        try
        {
            while (true)
            {
                var received = await _socket.ReceiveAsync(room, _dead.Token);
                Heard();
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    await AnswerCloseAsync();
                    return;
                }
                assembler.Advance(received.Count);
                if (isTooLarge || IsOver(assembler.Message, bound))
                {
                    isTooLarge = true;
                    assembler.KeepFirst(HeadBytes);
                }
                if (!received.EndOfMessage)
                {
                    room = assembler.GetMemory();
                    continue;
                }
                if (received.MessageType != WebSocketMessageType.Binary || !FrameCodec.TryRead(assembler.Message, out var frame))
                {
                    await CloseAsync(LineCloseReason.ProtocolError);
                    return;
                }
                await DispatchAsync(frame, isTooLarge ? tooLarge : handler);
                assembler.Reset();
                isTooLarge = false;
                room = Memory<byte>.Empty;
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or IOException)
        {
            // The line broke, or was found dead: the caller sees it by this method's return.
        }
        finally
        {
            End(null);
        }
    }

    /// <summary>Sends a frame without payload.</summary>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    public ValueTask<bool> SendAsync(FrameKind kind, Guid queryId, CancellationToken giveUp = default) =>
        SendAsync(kind, queryId, ReadOnlySpan<byte>.Empty, giveUp);

    /// <summary>Sends a frame, copying its payload.</summary>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    /// <exception cref="FrameTooLargeException">It has more than its kind may: nothing was sent, and the line goes on.</exception>
    public ValueTask<bool> SendAsync(FrameKind kind, Guid queryId, ReadOnlySpan<byte> payload, CancellationToken giveUp = default)
    {
        if (payload.Length > FrameBounds.Of(kind))
            return ValueTask.FromException<bool>(new FrameTooLargeException(kind, payload.Length));
        var buffer = FrameBuffers.Rent(FrameCodec.MaxHeaderBytes + payload.Length);
        var header = FrameCodec.WriteHeader(buffer, kind, queryId);
        payload.CopyTo(buffer.AsSpan(header));
        return SendRentedAsync(buffer, header + payload.Length, giveUp);
    }

    /// <summary>Sends a frame whose payload is JSON.</summary>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    public ValueTask<bool> SendAsync<T>(FrameKind kind, Guid queryId, T message, JsonTypeInfo<T> type, CancellationToken giveUp = default) =>
        SendAsync(kind, queryId, JsonSerializer.SerializeToUtf8Bytes(message, type), giveUp);

    /// <summary>Sends bytes that already are a frame: header and payload, in a buffer of the caller's. Nothing is copied.</summary>
    /// <param name="frame">Not to be touched until this returns.</param>
    /// <param name="giveUp">Gives up waiting for the line; a frame that has begun is always finished.</param>
    /// <returns>False when the line is gone; nothing was sent, or not all.</returns>
    public ValueTask<bool> SendFrameAsync(ReadOnlyMemory<byte> frame, CancellationToken giveUp = default) => _writer.SendAsync(frame, giveUp);

    /// <summary>
    /// Sends a frame without payload that nobody waits for: together with the next one that leaves, or after <see cref="LaterWithin"/>.
    /// Sent by itself it would cost both ends as much as one that matters. A close sends it before.
    /// </summary>
    public void SendLater(FrameKind kind, Guid queryId)
    {
        var buffer = FrameBuffers.Rent(FrameCodec.MaxHeaderBytes);
        _ = SendRentedAsync(buffer, FrameCodec.WriteHeader(buffer, kind, queryId), CancellationToken.None, later: true).AsTask();
    }

    /// <summary>Asks the other end whether it is there.</summary>
    /// <returns>
    /// False where nothing was heard of it until <paramref name="giveUp"/>, or the line ended. While a frame is being handled nothing is read, so that silence
    /// is this end's own.
    /// </returns>
    public async Task<bool> ProbeAsync(CancellationToken giveUp)
    {
        var probe = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        probe = Interlocked.CompareExchange(ref _probe, probe, null) ?? probe;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(giveUp, _dead.Token);
        _ = SendAsync(FrameKind.Ping, Guid.Empty, CancellationToken.None).AsTask();
        await probe.Task.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return probe.Task.IsCompleted || _handling && !_dead.IsCancellationRequested;
    }

    /// <summary>Closes in order, telling the other end why. Waits for a frame that is being sent, not for the other end's answer.</summary>
    /// <remarks>From then on nothing can be sent. An end that takes nothing, or does not answer, is dropped after <see cref="CloseWithin"/>.</remarks>
    public async Task CloseAsync(string reason)
    {
        using var limit = new CancellationTokenSource(CloseWithin, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _dead.Token);
        _closeReason ??= reason;
        if (!await _writer.CloseAsync(reason, either.Token))
        {
            Abort(reason);
            return;
        }
        if (Interlocked.CompareExchange(ref _closedAt, _time.GetTimestamp() + 1, 0) == 0)
            Rearm(CloseWithin);
    }

    /// <summary>Drops the line at once, without a word.</summary>
    public void Abort(string reason)
    {
        End(reason);
        _socket.Abort();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        End(null);
        await _watch.DisposeAsync();
        _writer.Dispose();
        _socket.Dispose();
    }

    static bool IsOver(ReadOnlyMemory<byte> message, Func<FrameKind, int> bound) =>
        !message.IsEmpty && (FrameKind)message.Span[0] is var kind && message.Length - FrameCodec.HeaderBytes(kind) > bound(kind);

    async ValueTask<bool> SendRentedAsync(byte[] buffer, int length, CancellationToken giveUp, bool later = false)
    {
        try
        {
            return await _writer.SendAsync(buffer.AsMemory(0, length), giveUp, later);
        }
        finally
        {
            FrameBuffers.Return(buffer);
        }
    }

    async ValueTask DispatchAsync(Frame frame, Func<Frame, ValueTask> handler)
    {
        switch (frame.Kind)
        {
            case FrameKind.Ping:
                // Not awaited: were both ends' sends held up, each would wait for the other to read, and neither would.
                if (Interlocked.Exchange(ref _ponging, 1) == 0)
                    _ = AnswerPingAsync();
                break;
            case FrameKind.Pong:
                break;
            default:
                _handling = true;
                await handler(frame);
                Heard();
                _handling = false;
                break;
        }
    }

    async Task AnswerPingAsync()
    {
        await SendAsync(FrameKind.Pong, Guid.Empty);
        Volatile.Write(ref _ponging, 0);
    }

    async Task AnswerCloseAsync()
    {
        OtherCloseReason = _socket.CloseStatusDescription;
        _closeReason ??= OtherCloseReason;
        await CloseAsync(_closeReason ?? "");
    }

    void Heard()
    {
        Volatile.Write(ref _lastHeard, _time.GetTimestamp());
        // The timer waits for the end that is not to be: the next ping is due when it would be without this one.
        if (Volatile.Read(ref _pinged) != 0 && Interlocked.Exchange(ref _pinged, 0) != 0)
        {
            Rearm(_times.PingAfter);
            // Closed meanwhile: the end's time, not the ping's.
            _ = EndsByClose();
        }
        if (Volatile.Read(ref _probe) is not null)
            Interlocked.Exchange(ref _probe, null)?.TrySetResult();
    }

    /// <summary>One timer per line: after 20 s of silence a ping, after 10 s more the end (<see cref="LineTimes"/>).</summary>
    void Watch()
    {
        if (_dead.IsCancellationRequested)
            return;
        if (EndsByClose())
            return;
        // While a frame is being handled nothing is read: that silence is this end's own.
        if (_handling)
            Heard();
        var silence = _time.GetElapsedTime(Volatile.Read(ref _lastHeard));
        if (silence < _times.PingAfter)
        {
            Rearm(_times.PingAfter - silence);
        }
        else if (Interlocked.Exchange(ref _pinged, 1) == 0)
        {
            // Before the ping, whose answer sets another time.
            Rearm(_times.DeadAfterPing);
            _ = SendAsync(FrameKind.Ping, Guid.Empty).AsTask();
        }
        else
        {
            Abort(LineCloseReason.Silent);
        }
        // Closed meanwhile: the end's time, not the next look's.
        _ = EndsByClose();
    }

    /// <summary>Ends the line when its time after a close is over, whatever the other end still says: it was told that this is the end.</summary>
    bool EndsByClose()
    {
        var closed = Volatile.Read(ref _closedAt);
        if (closed == 0)
            return false;
        if (CloseWithin - _time.GetElapsedTime(closed - 1) is { Ticks: > 0 } left)
            Rearm(left);
        else
            Abort("");
        return true;
    }

    void Rearm(TimeSpan due)
    {
        try
        {
            _watch.Change(due, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // Disposed between the look and this.
        }
    }

    void End(string? reason)
    {
        _closeReason ??= reason;
        _output.End();
        _dead.Cancel();
    }
}
