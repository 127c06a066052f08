using System.Collections.Concurrent;
using System.Data.Common;
using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Links.Enrolling;

/// <summary>Links that wait for an operator's approval: anybody can make one, so what waits is bounded, from one address too.</summary>
sealed class WaitingLinks(LinkDirectory links, SiteDirectory sites, TimeProvider time)
{
    /// <summary>Links that may wait, and their sites: all together, from one address, and the sites of one Link.</summary>
    public const int Most = 1000, MostSites = 5000, MostOfAddress = 20, MostSitesOfAddress = 200, MostSitesOfLink = 50;

    /// <summary>One that has not asked for so long makes room for others. A Link that waits asks again within a minute.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromHours(1);

    // Not kept: after a start each address is known again when its Link asks again.
    readonly ConcurrentDictionary<Guid, string> _addresses = new();

    /// <summary>A waiting Link asked from here.</summary>
    public void Heard(Guid linkId, string? address)
    {
        if (address is not null)
            _addresses[linkId] = address;
    }

    /// <summary>Why another one cannot wait; null: it can.</summary>
    /// <param name="siteCount">Sites that it names.</param>
    public Refusal? Refuse(int siteCount, string? address)
    {
        if (siteCount > MostSitesOfLink)
            return Refusal.Invalid("sites", string.Create(CultureInfo.InvariantCulture, $"may hold {MostSitesOfLink} sites until the Link is approved; name the others afterwards."));
        var all = links.All.Where(l => l.Status == LinkStatus.Waiting).Select(l => l.Id).ToList();
        var here = all.Where(id => _addresses.GetValueOrDefault(id) == address).ToList();
        if (address is not null && (here.Count >= MostOfAddress || SitesOf(here) + siteCount > MostSitesOfAddress))
            return Full($"From {address} as many Links wait for approval as may");
        return all.Count >= Most || SitesOf(all) + siteCount > MostSites ? Full("As many Links wait for approval as may") : null;
    }

    /// <summary>Removes the waiting ones that have been silent for long, with all that they named.</summary>
    /// <returns>Which.</returns>
    public async Task<IReadOnlyList<Guid>> ExpireAsync(DbTransaction t)
    {
        var silent = await t.ReadAsync(r => r.GetGuid(0),
            """
            SELECT l.id FROM links l WHERE l.status = 'waiting' AND l.updated_at < @old
              AND NOT EXISTS (SELECT 1 FROM sites s JOIN pairings p ON p.site_id = s.id WHERE s.link_id = l.id)
            """, ("old", (time.GetUtcNow() - Silence).ToUnixTimeMilliseconds()));
        foreach (var id in silent)
        {
            foreach (var site in sites.OfLink(id))
                await t.RunAsync("DELETE FROM remote_configurations WHERE site_id = @id", ("id", site.Id));
            await t.RunAsync("DELETE FROM sites WHERE link_id = @id", ("id", id));
            await t.RunAsync("DELETE FROM links WHERE id = @id AND status = 'waiting'", ("id", id));
        }
        return silent;
    }

    /// <summary>They went from the store, and go from memory: but not one that has enrolled anew since.</summary>
    public async Task ForgetAsync(IReadOnlyList<Guid> linkIds)
    {
        foreach (var id in linkIds)
        {
            await sites.RefreshLinkAsync(id);
            if (await links.RefreshAsync(id) is null)
                _addresses.TryRemove(id, out _);
        }
    }

    int SitesOf(IEnumerable<Guid> linkIds) => linkIds.Sum(id => sites.OfLink(id).Count());

    static Refusal Full(string what) => new(429, ErrorCodes.TooManyRequests, $"{what}. Ask the operator of the Halo API to approve or revoke some (GET /admin/v1/links), then try again.")
    {
        RetryAfter = TimeSpan.FromMinutes(1),
    };
}
