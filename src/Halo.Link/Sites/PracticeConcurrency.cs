using Halo.Link.Settings;

namespace Halo.Link.Sites;

/// <summary>How many queries each integrator has in each site's database now, immediate and async together: what <see cref="PolicyRules.MaxConcurrent"/> counts.</summary>
sealed class PracticeConcurrency
{
    readonly Lock _lock = new();
    readonly Dictionary<(Guid Site, Guid Integrator), int> _running = [];

    /// <summary>Who gives its place to whoever comes for it, and was not called yet.</summary>
    readonly List<(Guid Site, Guid Integrator, Action GiveWay)> _givesWay = [];

    /// <summary>A query of that site has left its database. Raised outside of any lock.</summary>
    public event Action<Guid>? Freed;

    /// <summary>Takes a place, where the practice leaves one; who got one gives it back by <see cref="Leave"/>.</summary>
    /// <param name="most">The practice's limit; null: none.</param>
    /// <param name="giveWay">Called where others want the place: who is called leaves soon. Null: it is kept to the end.</param>
    public bool TryEnter(Guid siteId, Guid integratorId, int? most, Action? giveWay = null)
    {
        Action other;
        lock (_lock)
        {
            var running = _running.GetValueOrDefault((siteId, integratorId));
            if (running < most || most is null)
            {
                _running[(siteId, integratorId)] = running + 1;
                if (giveWay is not null)
                    _givesWay.Add((siteId, integratorId, giveWay));
                return true;
            }
            var found = giveWay is not null ? -1 : _givesWay.FindIndex(g => g.Site == siteId && g.Integrator == integratorId);
            if (found < 0)
                return false;
            other = _givesWay[found].GiveWay;
            _givesWay.RemoveAt(found);
        }
        other();
        return false;
    }

    /// <summary>Gives a place back.</summary>
    /// <param name="giveWay">As when it was taken; it is not called any more once this returns, unless it is being called.</param>
    public void Leave(Guid siteId, Guid integratorId, Action? giveWay = null)
    {
        lock (_lock)
        {
            if (--_running[(siteId, integratorId)] == 0)
                _running.Remove((siteId, integratorId));
            if (giveWay is not null)
                _givesWay.RemoveAll(g => g.GiveWay == giveWay);
        }
        Freed?.Invoke(siteId);
    }
}
