namespace Halo.Link.Files;

/// <summary>Finds which known site each configured one is.</summary>
static class SiteMatch
{
    /// <summary>For each configured site the place of the known one that it is; null: it is new.</summary>
    public static int?[] Find(IReadOnlyList<SiteIdentity> known, IReadOnlyList<SiteIdentity> configured)
    {
        var found = new int?[configured.Count];
        if (known.Count == 1 && configured.Count == 1)
            return [0];
        // The surest first: nothing differs; the practice, wherever its database stands now; the database, whatever it is called now.
        Take(found, known, configured, (k, c) => k.HasSameDatabase(c) && k.IsSamePractice(c));
        Take(found, known, configured, (k, c) => k.Engine == c.Engine && k.IsSamePractice(c));
        Take(found, known, configured, (k, c) => k.IsSamePractice(c));
        Take(found, known, configured, (k, c) => k.HasSameDatabase(c), alone: true);
        // A practice id that is read from the database, or was, and another server: only where nothing else can be meant.
        Take(found, known, configured, (k, c) => k.TakenOut is null && k.Engine == c.Engine && k.HasSameName(c)
            && (k.PracticeManagementSiteId is null || c.PracticeManagementSiteId is null), alone: true);
        return found;
    }

    /// <param name="alone">Whether a match counts only where neither side has another.</param>
    static void Take(
        int?[] found, IReadOnlyList<SiteIdentity> known, IReadOnlyList<SiteIdentity> configured, Func<SiteIdentity, SiteIdentity, bool> agrees, bool alone = false)
    {
        for (var i = 0; i < configured.Count; i++)
        {
            if (found[i] is not null)
                continue;
            var fitting = Enumerable.Range(0, known.Count).Where(k => !found.Contains(k) && agrees(known[k], configured[i])).ToList();
            if (fitting.Count == 0 || alone && (fitting.Count > 1 || configured.Where((c, o) => o != i && found[o] is null && agrees(known[fitting[0]], c)).Any()))
                continue;
            found[i] = fitting[0];
        }
    }
}
