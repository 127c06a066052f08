namespace Halo.Api.Queries.Admission;

/// <summary>A bound on how many of something there are: at each site, and at all together.</summary>
/// <remarks>
/// Without <paramref name="recount"/> what was added is removed again, and the count is exact. With it what leaves is not counted, so the count is never too
/// low: where it meets the bound, all are counted anew, at most once a second. What was not added after all is taken out of the count that it was added to,
/// and of no later one: those are of what is there.
/// </remarks>
/// <param name="perSite">As many at one site.</param>
/// <param name="most">As many at all.</param>
/// <param name="recount">Counts what is there.</param>
sealed class SiteBound(int perSite, int most, TimeProvider time, Func<Task<IReadOnlyList<(Guid SiteId, int Count)>>>? recount = null) : IDisposable
{
    static readonly TimeSpan BelievedFor = TimeSpan.FromSeconds(1);
    readonly Lock _lock = new();
    readonly SemaphoreSlim _counting = new(1, 1);
    Dictionary<Guid, int> _bySite = [];

    // Not counted yet: the first one does.
    int _all = recount is null ? 0 : int.MaxValue;
    int _count;
    long? _counted;

    /// <summary>How many there are, by what is counted.</summary>
    public int All
    {
        get
        {
            lock (_lock)
                return _all;
        }
    }

    /// <summary>Adds one, where what is counted leaves room.</summary>
    /// <param name="count">The count that it is in, for <see cref="Remove"/>.</param>
    public BoundMet TryAdd(Guid siteId, out int count)
    {
        lock (_lock)
        {
            count = _count;
            var here = _bySite.GetValueOrDefault(siteId);
            if (here >= perSite)
                return BoundMet.OfSite;
            if (_all >= most)
                return BoundMet.OfAll;
            _bySite[siteId] = here + 1;
            _all++;
            return BoundMet.None;
        }
    }

    /// <summary>Adds one, counting anew where need be.</summary>
    /// <returns>The count that it is in, for <see cref="Remove"/>; null: there is no room.</returns>
    public async ValueTask<int?> AddAsync(Guid siteId)
    {
        if (TryAdd(siteId, out var count) == BoundMet.None)
            return count;
        await _counting.WaitAsync();
        try
        {
            if (TryAdd(siteId, out count) == BoundMet.None)
                return count;
            if (_counted is { } counted && time.GetElapsedTime(counted) < BelievedFor)
                return null;
            // What is added meanwhile is in neither count, or in both: so many may be over the bound for a moment.
            var found = await recount!();
            lock (_lock)
            {
                _bySite = found.ToDictionary(f => f.SiteId, f => f.Count);
                _all = found.Sum(f => f.Count);
                _count++;
            }
            _counted = time.GetTimestamp();
            return TryAdd(siteId, out count) == BoundMet.None ? count : null;
        }
        finally
        {
            _counting.Release();
        }
    }

    /// <summary>One that was added is gone, or is not there after all.</summary>
    /// <param name="count">The count that it was added to.</param>
    public void Remove(Guid siteId, int count)
    {
        lock (_lock)
        {
            if (count != _count)
                return;
            _all--;
            if (_bySite.GetValueOrDefault(siteId) is > 1 and var here)
                _bySite[siteId] = here - 1;
            else
                _bySite.Remove(siteId);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _counting.Dispose();
}

/// <summary>Which bound leaves no room for one more.</summary>
enum BoundMet
{
    None,

    /// <summary>That of one site.</summary>
    OfSite,

    /// <summary>That of all sites together.</summary>
    OfAll,
}
