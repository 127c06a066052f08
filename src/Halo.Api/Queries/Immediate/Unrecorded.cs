namespace Halo.Api.Queries.Immediate;

/// <summary>Accepts that the store did not take. Their commands may be with a Link all the same: the record is made again before an outcome is.</summary>
/// <remarks>Each is kept for as long as its query could last, and a day for a Link that was away; one timer stands at the earliest end.</remarks>
sealed class Unrecorded : IDisposable
{
    // A store that fails for long must not fill the memory; what is beyond is settled as the Link's word alone.
    const int Most = 10_000;
    static readonly TimeSpan ForAbsentLinks = TimeSpan.FromDays(1);

    readonly Lock _lock = new();
    readonly Dictionary<Guid, Func<Task>> _accepts = [];
    readonly PriorityQueue<Guid, DateTimeOffset> _byEnd = new();
    readonly TimeProvider _time;
    readonly ITimer _timer;

    public Unrecorded(TimeProvider time)
    {
        _time = time;
        _timer = time.CreateTimer(static me => ((Unrecorded)me!).DropOld(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _accepts.Count;
        }
    }

    /// <summary>Records an accept, remembering how where that fails. The task ends, without a fault, when it is known.</summary>
    /// <param name="patience">How long the query could last.</param>
    public async Task Watch(Guid queryId, Func<Task> record, TimeSpan patience)
    {
        try
        {
            await record();
        }
        catch (Exception) when (Keep(queryId, record, patience))
        {
            // Told by whoever needs the record: the outcome's settling.
        }
    }

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
    public void Dispose() => _timer.Dispose();

    bool Keep(Guid queryId, Func<Task> record, TimeSpan patience)
    {
        lock (_lock)
        {
            if (_accepts.Count >= Most || !_accepts.TryAdd(queryId, record))
                return false;
            var end = _time.GetUtcNow() + patience + ForAbsentLinks;
            var isFirst = !_byEnd.TryPeek(out _, out var first) || end < first;
            _byEnd.Enqueue(queryId, end);
            if (isFirst)
                SetTimer();
            return true;
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
