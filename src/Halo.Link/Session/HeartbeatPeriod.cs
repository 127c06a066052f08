namespace Halo.Link.Session;

/// <summary>How often the Link reports: as the API says in Welcome, or as an operator set it. A change counts at once.</summary>
sealed class HeartbeatPeriod
{
    static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    readonly Lock _lock = new();
    TimeSpan _told = TimeSpan.FromSeconds(60);
    TimeSpan? _set;
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The present one, at least a second.</summary>
    public TimeSpan Value
    {
        get
        {
            lock (_lock)
                return (_set ?? _told) is var period && period > Shortest ? period : Shortest;
        }
    }

    /// <summary>Completes at the next change, or when a report is due at once.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    /// <summary>What the Welcome said.</summary>
    public void Tell(TimeSpan period)
    {
        lock (_lock)
            _told = period;
    }

    /// <summary>What an operator set; null: nothing.</summary>
    public void Set(TimeSpan? period)
    {
        lock (_lock)
        {
            if (_set == period)
                return;
            _set = period;
        }
        BeatNow();
    }

    /// <summary>There is something to report.</summary>
    public void BeatNow()
    {
        TaskCompletionSource changed;
        lock (_lock)
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        changed.TrySetResult();
    }
}
