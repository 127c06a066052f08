
namespace Halo.Link.Work.Immediate;

/// <summary>So many queries at once and no more. Who waits is served by turns: the integrator that was served least recently goes first.</summary>
/// <remarks>Nothing is polled: a place that becomes free is handed to the next one by whoever leaves it.</remarks>
sealed class Lane(int slots, TimeProvider time)
{
    const int RememberedIntegrators = 1024;

    readonly Lock _lock = new();
    readonly Dictionary<Guid, long> _lastServed = [];
    readonly LinkedList<Waiter> _waiting = new();
    int _slots = slots;
    long _served;
    int _running;

    /// <summary>Places taken.</summary>
    public int Running
    {
        get
        {
            lock (_lock)
                return _running;
        }
    }

    /// <summary>Queries that wait for a place.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
                return _waiting.Count;
        }
    }

    /// <summary>Waits for a place; who got one gives it back by <see cref="Leave"/>.</summary>
    /// <param name="integratorId">Whose query it is.</param>
    /// <param name="longest">Longest wait; zero: at once or not at all.</param>
    /// <param name="cancel">Gives up waiting.</param>
    /// <param name="mayEnter">Asked, and bound by its yes, when a place of the lane is free; after a no, <see cref="Offer"/> asks again.</param>
    /// <returns>Whether it got a place, or why not.</returns>
    public ValueTask<LaneEntry> EnterAsync(Guid integratorId, TimeSpan longest, CancellationToken cancel, Func<bool>? mayEnter = null)
    {
        if (cancel.IsCancellationRequested)
            return ValueTask.FromResult(LaneEntry.Cancelled);
        Waiter waiter;
        lock (_lock)
        {
            if (_running < _slots && mayEnter?.Invoke() != false)
            {
                Serve(integratorId);
                return ValueTask.FromResult(LaneEntry.Entered);
            }
            if (longest <= TimeSpan.Zero)
                return ValueTask.FromResult(LaneEntry.Expired);
            waiter = new Waiter(integratorId, mayEnter);
            waiter.Node = _waiting.AddLast(waiter);
        }
        return WaitAsync(waiter, longest, cancel);
    }

    /// <summary>Gives a place back.</summary>
    public void Leave()
    {
        lock (_lock)
            _running--;
        Offer();
    }

    /// <summary>Offers what places are free to those that wait.</summary>
    public void Offer()
    {
        while (TryServeNext() is { } next)
            next.Decided.TrySetResult(LaneEntry.Entered);
    }

    /// <summary>From now on so many at once. What runs goes on: a smaller lane is reached as places are given back.</summary>
    public void Resize(int slots)
    {
        lock (_lock)
            _slots = slots;
        Offer();
    }

    /// <summary>Gives a free place to whose turn it is; null: there is none, or nobody waits who may have it.</summary>
    Waiter? TryServeNext()
    {
        lock (_lock)
        {
            HashSet<Waiter>? held = null;
            while (_running < _slots && NextBut(held) is { } next)
            {
                if (next.MayEnter?.Invoke() == false)
                {
                    (held ??= []).Add(next);
                    continue;
                }
                Take(next);
                Serve(next.IntegratorId);
                return next;
            }
            return null;
        }
    }

    /// <summary>The first that waits among equals: the list is in order of arrival, and MinBy keeps the first.</summary>
    Waiter? NextBut(HashSet<Waiter>? held) =>
        (held is null ? _waiting : _waiting.Where(w => !held.Contains(w))).MinBy(w => _lastServed.GetValueOrDefault(w.IntegratorId, -1));

    async ValueTask<LaneEntry> WaitAsync(Waiter waiter, TimeSpan longest, CancellationToken cancel)
    {
        using var deadline = time.CreateTimer(_ => GiveUp(waiter, LaneEntry.Expired), null, longest, Timeout.InfiniteTimeSpan);
        using var cancelled = cancel.UnsafeRegister(_ => GiveUp(waiter, LaneEntry.Cancelled), null);
        return await waiter.Decided.Task;
    }

    void GiveUp(Waiter waiter, LaneEntry why)
    {
        lock (_lock)
        {
            if (waiter.Node is null)
                return;
            Take(waiter);
        }
        waiter.Decided.TrySetResult(why);
    }

    void Take(Waiter waiter)
    {
        _waiting.Remove(waiter.Node!);
        waiter.Node = null;
    }

    void Serve(Guid integratorId)
    {
        _running++;
        if (_lastServed.Count >= RememberedIntegrators && !_lastServed.ContainsKey(integratorId))
            _lastServed.Remove(_lastServed.MinBy(p => p.Value).Key);
        _lastServed[integratorId] = ++_served;
    }

    sealed class Waiter(Guid integratorId, Func<bool>? mayEnter)
    {
        public Guid IntegratorId { get; } = integratorId;

        public Func<bool>? MayEnter { get; } = mayEnter;

        public TaskCompletionSource<LaneEntry> Decided { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Its place among those that wait; null once it is decided.</summary>
        public LinkedListNode<Waiter>? Node { get; set; }
    }
}

/// <summary>How waiting for a place ended.</summary>
enum LaneEntry
{
    Entered,
    Expired,
    Cancelled,
}
