using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Settling;

/// <summary>Who waits for which query to become final. No thread and no timer per waiter: one timer stands at the earliest end of all waits.</summary>
/// <remarks>
/// Whoever settles wakes those who wait, after the commit (<see cref="SettlementEffects"/>). A query that another node settles
/// is noticed at the end of the wait, because every waiter reads the ledger again then; with PostgreSQL a NOTIFY of the ids that
/// became final, sent in the settling transaction, would reach <see cref="Wake(Guid)"/> of the other nodes through one listening
/// connection, and nothing else here would change.
/// </remarks>
sealed class QueryWaiters : IDisposable
{
    readonly Lock _lock = new();
    readonly Dictionary<Guid, HashSet<Waiter>> _byQuery = [];

    // By the monotonic clock, as the timer: somebody may set the other one.
    readonly SortedSet<Waiter> _byEnd = new(Comparer<Waiter>.Create(static (a, b) => (a.End, a.Number).CompareTo((b.End, b.Number))));
    readonly int _most;
    readonly TimeProvider _time;
    readonly ITimer _timer;
    long _number;

    // Of the service itself, which are not counted among those of callers.
    int _own;
    bool _stopped;

    public QueryWaiters(QueryLimits limits, TimeProvider time)
    {
        (_most, _time) = (limits.Waiters, time);
        _timer = time.CreateTimer(static me => ((QueryWaiters)me!).EndDue(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Waits under way.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _byEnd.Count;
        }
    }

    /// <summary>The service stops: a wait ends where it begins.</summary>
    public bool IsStopped
    {
        get
        {
            lock (_lock)
                return _stopped;
        }
    }

    /// <summary>Begins to wait. Look at the query after this and before <see cref="Waiter.Ended"/>, so that no end falls between.</summary>
    /// <param name="atMost">From now.</param>
    /// <param name="gone">The caller left.</param>
    /// <exception cref="RefusedException">As many wait as may.</exception>
    public Waiter Begin(Guid queryId, TimeSpan atMost, CancellationToken gone) => Begin(queryId, atMost, isOwn: false, gone);

    /// <summary>The same for the service itself, which bounds its waits elsewhere.</summary>
    public Waiter BeginOwn(Guid queryId, TimeSpan atMost, CancellationToken gone) => Begin(queryId, atMost, isOwn: true, gone);

    Waiter Begin(Guid queryId, TimeSpan atMost, bool isOwn, CancellationToken gone)
    {
        Waiter waiter;
        lock (_lock)
        {
            waiter = new Waiter(this, queryId, _time.GetTimestamp() + (long)(atMost.TotalSeconds * _time.TimestampFrequency), _number++, isOwn);
            if (_stopped)
            {
                waiter.Complete();
                return waiter;
            }
            if (!isOwn && _byEnd.Count - _own >= _most)
            {
                throw new RefusedException(new Refusal(503, ErrorCodes.QueueFull, "As many requests wait for queries as may. Ask again shortly, or without wait.")
                {
                    RetryAfter = TimeSpan.FromSeconds(1),
                });
            }
            if (!_byQuery.TryGetValue(queryId, out var all))
                _byQuery[queryId] = all = [];
            all.Add(waiter);
            _byEnd.Add(waiter);
            _own += isOwn ? 1 : 0;
            if (_byEnd.Min == waiter)
                SetTimer();
        }
        waiter.Watch(gone);
        return waiter;
    }

    /// <summary>The query has become final, or something about it is worth a look.</summary>
    public void Wake(Guid queryId)
    {
        lock (_lock)
        {
            if (_byQuery.TryGetValue(queryId, out var all))
                End([.. all]);
        }
    }

    /// <inheritdoc cref="Wake(Guid)"/>
    public void Wake(IReadOnlyList<Guid> queryIds)
    {
        foreach (var id in queryIds)
            Wake(id);
    }

    /// <summary>The service stops: nobody is kept waiting.</summary>
    public void Stop()
    {
        lock (_lock)
        {
            _stopped = true;
            End([.. _byEnd]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Stop();
        _timer.Dispose();
    }

    internal void Remove(Waiter waiter)
    {
        lock (_lock)
            End([waiter]);
    }

    void EndDue()
    {
        lock (_lock)
        {
            var now = _time.GetTimestamp();
            End([.. _byEnd.TakeWhile(w => w.End <= now)]);
            SetTimer();
        }
    }

    void End(IReadOnlyList<Waiter> waiters)
    {
        foreach (var waiter in waiters)
        {
            if (_byEnd.Remove(waiter) && waiter.IsOwn)
                _own--;
            if (_byQuery.TryGetValue(waiter.QueryId, out var all) && all.Remove(waiter) && all.Count == 0)
                _byQuery.Remove(waiter.QueryId);
            waiter.Complete();
        }
    }

    void SetTimer()
    {
        if (_byEnd.Min is not { } next)
            return;
        // Never early by a rounding.
        var wait = _time.GetElapsedTime(_time.GetTimestamp(), next.End) + TimeSpan.FromMilliseconds(1);
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, Timeout.InfiniteTimeSpan);
    }
}

/// <summary>One wait for one query.</summary>
sealed class Waiter : IDisposable
{
    readonly QueryWaiters _all;
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    CancellationTokenRegistration _gone;

    internal Waiter(QueryWaiters all, Guid queryId, long end, long number, bool isOwn) =>
        (_all, QueryId, End, Number, IsOwn) = (all, queryId, end, number, isOwn);

    /// <summary>Settled, time over, caller gone, or the service stops: look again.</summary>
    public Task Ended => _ended.Task;

    internal Guid QueryId { get; }

    internal long End { get; }

    internal long Number { get; }

    internal bool IsOwn { get; }

    /// <summary>Leaves nothing behind.</summary>
    public void Dispose()
    {
        _gone.Dispose();
        _all.Remove(this);
    }

    internal void Watch(CancellationToken gone) => _gone = gone.UnsafeRegister(static me => ((Waiter)me!).Leave(), this);

    internal void Complete() => _ended.TrySetResult();

    void Leave() => _all.Remove(this);
}
