using System.Collections.Concurrent;

namespace Halo.Api.Sites;

/// <summary>Which sites have something in common: looked up at every session and query, where a look through all would grow with them.</summary>
/// <remarks>Read from anywhere, written by one at a time.</remarks>
sealed class SiteIndex<TKey>(Func<SiteRecord, TKey> keyOf) where TKey : notnull
{
    readonly ConcurrentDictionary<TKey, Guid[]> _ids = new();

    /// <summary>Those with a key, in no order.</summary>
    /// <param name="find">A site as it is now: its key is looked at again, since it may have got another this moment.</param>
    public IEnumerable<SiteRecord> Find(TKey key, Func<Guid, SiteRecord?> find) =>
        _ids.GetValueOrDefault(key, []).Select(find).OfType<SiteRecord>().Where(s => keyOf(s).Equals(key));

    /// <summary>Takes up a site that is new, or whose key may be another now.</summary>
    public void Put(SiteRecord? before, SiteRecord site)
    {
        var key = keyOf(site);
        if (before is not null && keyOf(before) is var old && !old.Equals(key))
            _ids[old] = [.. _ids[old].Where(id => id != site.Id)];
        var ids = _ids.GetValueOrDefault(key, []);
        if (!ids.Contains(site.Id))
            _ids[key] = [.. ids, site.Id];
    }
}
