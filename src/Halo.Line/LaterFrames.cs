using Halo.LinkProtocol;

namespace Halo.Line;

/// <summary>Frames without payload that nobody waits for: they are kept until another frame leaves, or for a moment.</summary>
/// <param name="due">Called when they should leave by themselves.</param>
sealed class LaterFrames(TimeProvider time, Action due) : IDisposable
{
    readonly Lock _lock = new();
    readonly Queue<(FrameKind Kind, Guid QueryId)> _waiting = new();
    ITimer? _timer;
    bool _isTimed;
    bool _ended;

    public void Add(FrameKind kind, Guid queryId)
    {
        lock (_lock)
        {
            // Where the other end reads nothing, what is dropped here is told anew in the next session.
            if (_ended || _waiting.Count == ProtocolLimits.MaxHeld)
                return;
            _waiting.Enqueue((kind, queryId));
            if (_isTimed)
                return;
            _isTimed = true;
            _timer ??= time.CreateTimer(static me => ((LaterFrames)me!).OnTime(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(LineConnection.LaterWithin, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The one that has waited longest.</summary>
    public bool TryTake(out (FrameKind Kind, Guid QueryId) frame)
    {
        lock (_lock)
            return _waiting.TryDequeue(out frame);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ended = true;
            _waiting.Clear();
            _timer?.Dispose();
        }
    }

    void OnTime()
    {
        lock (_lock)
        {
            // Most have left behind other frames by now; the timer is not set anew for each.
            _isTimed = false;
            if (_waiting.Count == 0)
                return;
        }
        due();
    }
}
