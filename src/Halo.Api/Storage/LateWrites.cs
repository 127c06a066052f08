namespace Halo.Api.Storage;

/// <summary>Writes that nobody waits for, such as who is connected: they are not lost where the store is away, but written as soon as it takes writes again.</summary>
/// <remarks>
/// Each says how something stands now, under a key: what was given last under a key counts, and what came before it need not be written. So
/// an outage costs memory for what exists, and for each entry of a site's history, which has a key of its own. A stop of the service writes what is left
/// (<see cref="FlushAsync"/>); where the store is away then it loses them, and of more than <see cref="MostKept"/> those that came last.
/// </remarks>
/// <param name="most">How many keys are kept.</param>
sealed class LateWrites(Func<Statement, Task<int>> commit, int most = LateWrites.MostKept)
{
    /// <summary>More than a service has of Links, sites and their ends in an outage of an hour.</summary>
    const int MostKept = 200_000;

    // Of real time, as all of the store's own.
    static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    readonly Lock _gate = new();

    // Given last, and not known to be stored.
    readonly Dictionary<object, Statement> _last = [];
    readonly HashSet<object> _failed = [];
    bool _repeating;

    /// <summary>Keys whose last write is not stored yet.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _last.Count;
        }
    }

    /// <summary>Gives a statement to the next group commit, and again until it is stored or another is given under its key.</summary>
    /// <param name="statement">May run more than once: it says what is to be, not what is to be added.</param>
    public void Add(object key, Statement statement)
    {
        lock (_gate)
        {
            if (_last.Count < most || _last.ContainsKey(key))
                _last[key] = statement;
            // Under the gate: the store gets them in this order.
            _ = WriteAsync(key, statement);
        }
    }

    /// <summary>Gives all that is not stored yet to the store once more, without a pause, and again where that found a connection that was broken.</summary>
    /// <returns>Completes when the store has answered, whether or not it took them.</returns>
    public async Task FlushAsync()
    {
        for (var tries = 0; tries < 2; tries++)
        {
            Task[] written;
            lock (_gate)
                written = [.. _last.ToArray().Select(w => WriteAsync(w.Key, w.Value))];
            await Task.WhenAll(written);
        }
    }

    async Task WriteAsync(object key, Statement statement)
    {
        var isAway = false;
        try
        {
            await commit(statement);
        }
        catch (Exception e)
        {
            // What the store refuses as such, it would refuse again.
            isAway = StorageException.Means(e);
        }
        lock (_gate)
        {
            if (!_last.TryGetValue(key, out var last) || !ReferenceEquals(last, statement))
                return;
            if (!isAway)
            {
                _last.Remove(key);
                _failed.Remove(key);
                return;
            }
            _failed.Add(key);
            if (_repeating)
                return;
            _repeating = true;
        }
        _ = RepeatAsync();
    }

    /// <summary>Tries one until it is stored, then all: a store that is away is not given thousands each second.</summary>
    async Task RepeatAsync()
    {
        var all = false;
        while (true)
        {
            if (!all)
                await Task.Delay(Pause, TimeProvider.System);
            Task[] written;
            int before;
            lock (_gate)
            {
                before = _failed.Count;
                if (before == 0)
                {
                    _repeating = false;
                    return;
                }
                // A write that ends at once takes its key out: not while they are counted.
                List<object> keys = [.. _failed.Take(all ? before : 1)];
                written = [.. keys.Select(key => WriteAsync(key, _last[key]))];
            }
            await Task.WhenAll(written);
            lock (_gate)
                all = _failed.Count < before;
        }
    }
}
