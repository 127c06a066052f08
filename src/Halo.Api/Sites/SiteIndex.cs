using System.Collections.Concurrent;

namespace Halo.Api.Sites;

/// <summary>Which sites have something in common: looked up at every opening of a session, and by integrators who look for a practice, where a look through all would grow with them.</summary>
/// <remarks>Read from anywhere, written by one at a time.</remarks>
sealed class SiteIndex<TKey>(Func<SiteRecord, TKey> keyOf) where TKey : notnull
{
    readonly ConcurrentDictionary<TKey, Guid[]> _ids = new();

    /// <summary>Those with a key, in no order.</summary>
    /// <param name="find">A site as it is now: its key is looked at again, since it may have got another this moment.</param>
    public IEnumerable<SiteRecord> Find(TKey key, Func<Guid, SiteRecord?> find) =>
        _ids.GetValueOrDefault(key, []).Select(find).OfType<SiteRecord>().Where(s => keyOf(s).Equals(key));

    /// <summary>Takes up a site that is new, or will have another key: before it is so, that it is missing at no moment.</summary>
    public void Add(SiteRecord? before, SiteRecord site)
    {
        if (!HasKeyOf(before, site))
            _ids[keyOf(site)] = [.. _ids.GetValueOrDefault(keyOf(site), []), site.Id];
    }

    /// <summary>Forgets the key that a site had, after it has got another.</summary>
    public void Forget(SiteRecord? before, SiteRecord site)
    {
        if (before is not null && !HasKeyOf(before, site))
            Remove(before);
    }

    /// <summary>Forgets a site.</summary>
    public void Remove(SiteRecord site)
    {
        Guid[] others = [.. _ids.GetValueOrDefault(keyOf(site), []).Where(id => id != site.Id)];
        if (others.Length > 0)
            _ids[keyOf(site)] = others;
        else
            _ids.TryRemove(keyOf(site), out _);
    }

    bool HasKeyOf(SiteRecord? before, SiteRecord site) => before is not null && keyOf(before).Equals(keyOf(site));
}
