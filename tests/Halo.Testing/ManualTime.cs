namespace Halo.Testing;

/// <summary>A clock that stands still until a test moves it; its timers fire, in order, while it is moved.</summary>
/// <remarks>
/// Not FakeTimeProvider (10.10): there a clock that is set takes the timestamps with it, so it cannot show what a jump of the wall clock does; every timer that
/// <c>Advance</c> fires sees the end of the advance for its own time; and a timer set to zero runs inside the call that sets it, under the caller's locks.
/// </remarks>
public sealed class ManualTime(DateTimeOffset? start = null) : TimeProvider
{
    readonly Lock _lock = new();
    readonly List<ManualTimer> _timers = [];
    readonly DateTimeOffset _start = start ?? new(2026, 3, 5, 9, 0, 0, TimeSpan.Zero);
    TimeSpan _elapsed;
    TimeSpan _wallShift;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp()
    {
        lock (_lock)
            return _elapsed.Ticks;
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
            return _start + _elapsed + _wallShift;
    }

    /// <summary>Moves the wall clock alone, as an administrator or a bad time server would.</summary>
    public void JumpWallClock(TimeSpan by)
    {
        lock (_lock)
            _wallShift += by;
    }

    /// <summary>Lets time pass and fires what falls due, earliest first.</summary>
    public void Advance(TimeSpan by)
    {
        TimeSpan end;
        lock (_lock)
            end = _elapsed + by;
        while (true)
        {
            ManualTimer? due;
            lock (_lock)
            {
                due = _timers.Where(t => t.Due <= end).MinBy(t => t.Due);
                _elapsed = due is null ? end : due.Due > _elapsed ? due.Due : _elapsed;
                due?.Schedule();
            }
            if (due is null)
                return;
            due.Fire();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        TimeSpan _period;

        public TimeSpan Due { get; private set; }

        public void Fire() => callback(state);

        /// <summary>After firing: the next due time, or out of the list.</summary>
        public void Schedule()
        {
            if (_period > TimeSpan.Zero)
                Due += _period;
            else
                time._timers.Remove(this);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                time._timers.Remove(this);
                if (dueTime == Timeout.InfiniteTimeSpan)
                    return true;
                Due = time._elapsed + dueTime;
                _period = period;
                time._timers.Add(this);
                return true;
            }
        }

        public void Dispose()
        {
            lock (time._lock)
                time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
