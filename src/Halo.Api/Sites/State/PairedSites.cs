using Halo.Api.Integrators;
using Halo.Api.Storage;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites.State;

/// <summary>The sites that an integrator is paired with, whatever has become of them, in the order of their ids.</summary>
/// <remarks>From memory; when a pairing was made is read in one statement, where that is asked for.</remarks>
sealed class PairedSites(SiteDirectory sites, Availability availability, SiteView view, Database database)
{
    /// <summary>A page of them, and where the next one begins.</summary>
    public async Task<SiteList> ListAsync(Integrator integrator, PairedSiteFilter wanted)
    {
        Func<SiteRecord, bool> isChanged = static _ => true;
        if (wanted.ChangedSince is { } asked)
        {
            // Times are stored to the millisecond.
            var since = DateTimeOffset.FromUnixTimeMilliseconds(asked.Ms());
            var paired = await PairedSinceAsync(integrator.Id, since);
            isChanged = site => ChangedAt(site) >= since || paired.Contains(site.Id);
        }
        // One more than wanted tells whether there is a next page.
        var found = integrator.Sites.Where(id => wanted.After is not { } after || id.CompareTo(after) > 0).Order()
            .Select(sites.Find).OfType<SiteRecord>()
            .Where(s => wanted.Status is null || s.Status == wanted.Status).Where(isChanged)
            .Select(view.Show).Where(s => wanted.Availability is null || s.Availability == wanted.Availability)
            .Take(wanted.Limit + 1).ToList();
        return found.Count > wanted.Limit
            ? new([.. found.Take(wanted.Limit)]) { Next = found[wanted.Limit - 1].Id.ToString() }
            : new(found);
    }

    /// <summary>When what is shown of a site changed last, or later. Heartbeats and clocks are no change.</summary>
    DateTimeOffset ChangedAt(SiteRecord site)
    {
        var at = site.UpdatedAt;
        if (availability.Since(site) is var reached && reached > at)
            at = reached;
        return site.DatabaseSince is { } heard && heard > at ? heard : at;
    }

    async Task<HashSet<Guid>> PairedSinceAsync(Guid integratorId, DateTimeOffset since) => [.. await database.ReadAsync(r => r.GetGuid(0),
        "SELECT site_id FROM pairings WHERE integrator_id = @id AND created_at >= @since", ("id", integratorId), ("since", since.Ms()))];
}

/// <summary>Which of an integrator's sites are wanted.</summary>
/// <param name="Limit">At most so many.</param>
sealed record PairedSiteFilter(int Limit)
{
    /// <summary>As it is now.</summary>
    public SiteAvailability? Availability { get; init; }

    public SiteStatus? Status { get; init; }

    /// <summary>Changed, or paired, then or later.</summary>
    public DateTimeOffset? ChangedSince { get; init; }

    /// <summary>With a higher id than this.</summary>
    public Guid? After { get; init; }
}
