namespace Halo.Api.Queries.Immediate;

/// <summary>
/// Accepts and ends that the store did not take. Their commands may be with a Link all the same, so both are written as soon as
/// the store takes them: an accept also where no end will ever be told, since its caller was given its id.
/// </summary>
/// <remarks>Each is kept for as long as its query could last, and a day for a Link that was away; one timer stands at the earliest end.</remarks>
sealed class Unrecorded : IDisposable
{
    // A store that fails for long must not fill the memory; what is beyond is settled as the Link's word alone.
    const int Most = 10_000;
    static readonly TimeSpan ForAbsentLinks = TimeSpan.FromDays(1);
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    readonly Lock _lock = new();
    readonly Dictionary<Guid, Func<Task>> _accepts = [];
    readonly Dictionary<Guid, Func<Task>> _ends = [];
    readonly Queue<Guid> _turns = new();
    readonly PriorityQueue<Guid, DateTimeOffset> _byEnd = new();
    readonly TimeProvider _time;
    readonly ITimer _timer;
    readonly ITimer _retry;
    bool _retries;

    public Unrecorded(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static me => ((Unrecorded)me!).DropOld(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _retry = time.CreateTimer(static me => _ = ((Unrecorded)me!).RetryAsync(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _accepts.Count + _ends.Count;
        }
    }

    /// <summary>Queries whose end is kept.</summary>
    public IReadOnlyList<Guid> Ends
    {
        get
        {
            lock (_lock)
                return [.. _ends.Keys];
        }
    }

    /// <summary>Waits for an accept to be recorded, remembering how where that fails. The task ends, without a fault, when it is known.</summary>
    /// <param name="again">Records it once more.</param>
    /// <param name="patience">How long the query could last.</param>
    public async Task Watch(Guid queryId, Task recorded, Func<Task> again, TimeSpan patience)
    {
        try
        {
            await recorded;
        }
        catch (Exception)
        {
            // Made up for by the outcome's settling, or when the store is back.
            Keep(_accepts, queryId, again, patience);
        }
    }

    /// <summary>How a query ended could not be written: tried again until it can, unless its Link is faster in telling it again.</summary>
    public void Later(Guid queryId, Func<Task> settle) => Keep(_ends, queryId, settle, TimeSpan.Zero);

    /// <summary>Makes the record that is missing.</summary>
    /// <returns>False where none is known to be missing.</returns>
    public async Task<bool> RecordAsync(Guid queryId)
    {
        Func<Task>? record;
        lock (_lock)
        {
            if (!_accepts.TryGetValue(queryId, out record))
                return false;
        }
        await record();
        lock (_lock)
            _accepts.Remove(queryId);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _timer.Dispose();
        _retry.Dispose();
    }

    bool Keep(Dictionary<Guid, Func<Task>> where, Guid queryId, Func<Task> write, TimeSpan patience)
    {
        lock (_lock)
        {
            if (where.Count >= Most || !where.TryAdd(queryId, write))
                return false;
            _turns.Enqueue(queryId);
            var end = _time.GetUtcNow() + patience + ForAbsentLinks;
            var isFirst = !_byEnd.TryPeek(out _, out var first) || end < first;
            _byEnd.Enqueue(queryId, end);
            if (isFirst)
                SetTimer();
            if (!_retries)
                _retry.Change(RetryAfter, Timeout.InfiniteTimeSpan);
            _retries = true;
            return true;
        }
    }

    /// <summary>All of them, until the store fails again; the one that failed goes behind the others.</summary>
    async Task RetryAsync()
    {
        while (Next() is { } queryId)
        {
            try
            {
                Func<Task>? settle;
                lock (_lock)
                    settle = _ends.GetValueOrDefault(queryId);
                if (settle is null)
                {
                    await RecordAsync(queryId);
                    continue;
                }
                await settle();
                lock (_lock)
                    _ends.Remove(queryId);
            }
            catch (Exception)
            {
                // Its first failure was logged. Again in a while.
                lock (_lock)
                {
                    _turns.Enqueue(queryId);
                    _retry.Change(RetryAfter, Timeout.InfiniteTimeSpan);
                }
                return;
            }
        }
    }

    Guid? Next()
    {
        lock (_lock)
        {
            while (_turns.TryDequeue(out var queryId))
            {
                if (_ends.ContainsKey(queryId) || _accepts.ContainsKey(queryId))
                    return queryId;
            }
            _retries = false;
            return null;
        }
    }

    void DropOld()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            while (_byEnd.TryPeek(out var id, out var end) && end <= now)
            {
                _byEnd.Dequeue();
                _accepts.Remove(id);
                _ends.Remove(id);
            }
            SetTimer();
        }
    }

    void SetTimer()
    {
        if (!_byEnd.TryPeek(out _, out var end))
            return;
        var wait = end - _time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, Timeout.InfiniteTimeSpan);
    }
}
