using Halo.Api.Errors;
using Halo.Api.Ledger;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Async;

/// <summary>Keeps the queue bounded, for each site and whole, without counting at each accept.</summary>
/// <remarks>
/// What is accepted is counted up and what leaves is not counted at all, so the counts are never too low. Where one says that
/// the bound is reached the store is counted anew; where that holds, it is believed for a second. What was not stored after all is taken out
/// of the counts that it was counted into, and of no later ones: those are of what was stored.
/// </remarks>
sealed class QueuedCounts(QueryStore store, QueryLimits limits, TimeProvider time) : IDisposable
{
    static readonly TimeSpan BelievedFor = TimeSpan.FromSeconds(1);
    readonly Lock _lock = new();
    readonly SemaphoreSlim _counting = new(1, 1);
    Dictionary<Guid, int> _bySite = [];
    // Not counted yet: the first accept does.
    int _all = int.MaxValue;
    long? _counted;
    int _count;

    /// <summary>Counts one in, before it is stored.</summary>
    /// <returns>The count that it is in, for <see cref="Remove"/>.</returns>
    /// <exception cref="RefusedException">The queue is full.</exception>
    public async Task<int> AddAsync(Guid siteId)
    {
        if (TryAdd(siteId) is { } count)
            return count;
        await _counting.WaitAsync();
        try
        {
            if (TryAdd(siteId) is { } meanwhile)
                return meanwhile;
            if (_counted is null || time.GetElapsedTime(_counted.Value) >= BelievedFor)
            {
                await CountAsync();
                if (TryAdd(siteId) is { } anew)
                    return anew;
            }
        }
        finally
        {
            _counting.Release();
        }
        throw new RefusedException(new Refusal(503, ErrorCodes.QueueFull,
            "As many async queries are queued as may be, at this site or at the service. Nothing ran; try again later.")
        {
            RetryAfter = TimeSpan.FromSeconds(10),
        });
    }

    /// <summary>It was not stored after all, for certain.</summary>
    /// <param name="count">Where it was counted in.</param>
    public void Remove(Guid siteId, int count)
    {
        lock (_lock)
        {
            if (count != _count)
                return;
            _all--;
            if (_bySite.TryGetValue(siteId, out var atSite))
                _bySite[siteId] = atSite - 1;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _counting.Dispose();

    /// <returns>Null: there is no room.</returns>
    int? TryAdd(Guid siteId)
    {
        lock (_lock)
        {
            var atSite = _bySite.GetValueOrDefault(siteId);
            if (_all >= limits.Queued || atSite >= limits.QueuedPerSite)
                return null;
            _bySite[siteId] = atSite + 1;
            _all++;
            return _count;
        }
    }

    async Task CountAsync()
    {
        // What is accepted while the store is counted is in neither, or in both: so many may be over the bound for a moment.
        var found = await store.CountQueuedAsync();
        lock (_lock)
        {
            _bySite = found.ToDictionary(f => f.SiteId, f => f.Count);
            _all = found.Sum(f => f.Count);
            _counted = time.GetTimestamp();
            _count++;
        }
    }
}
