using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Queries.Immediate;

/// <summary>How many immediate queries are under way, waiting ones among them: for each site and all together no more than the settings allow.</summary>
sealed class ImmediateConcurrency(QueryLimits limits)
{
    readonly Lock _lock = new();
    readonly Dictionary<Guid, int> _bySite = [];
    int _all;

    /// <summary>Under way at all sites.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _all;
        }
    }

    /// <summary>Takes a place; disposing gives it back.</summary>
    /// <exception cref="RefusedException">There is none.</exception>
    public IDisposable Take(Guid siteId)
    {
        lock (_lock)
        {
            var atSite = _bySite.GetValueOrDefault(siteId);
            if (atSite >= limits.ImmediatePerSite)
                throw Full($"The site has {limits.ImmediatePerSite} immediate queries under way, as many as it may. Nothing ran; try again shortly, or ask async.");
            if (_all >= limits.Immediate)
                throw Full($"The service has {limits.Immediate} immediate queries under way, as many as it may. Nothing ran; try again shortly.");
            _bySite[siteId] = atSite + 1;
            _all++;
        }
        return new Place(this, siteId);
    }

    static RefusedException Full(string message) =>
        new(new Refusal(503, ErrorCodes.QueueFull, message) { RetryAfter = TimeSpan.FromSeconds(1) });

    void Leave(Guid siteId)
    {
        lock (_lock)
        {
            _all--;
            if (--_bySite[siteId] == 0)
                _bySite.Remove(siteId);
        }
    }

    sealed class Place(ImmediateConcurrency places, Guid siteId) : IDisposable
    {
        ImmediateConcurrency? _places = places;

        public void Dispose() => Interlocked.Exchange(ref _places, null)?.Leave(siteId);
    }
}
