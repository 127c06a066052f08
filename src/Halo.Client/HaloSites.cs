using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Halo.Client.Calls;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Client;

/// <summary>The practices' databases that the service knows.</summary>
public sealed class HaloSites
{
    const int PageSites = 1000;

    readonly ApiCalls _calls;

    internal HaloSites(ApiCalls calls) => _calls = calls;

    /// <summary>The one authoritative site of a practice, by the practice's id in its own system.</summary>
    /// <param name="practiceManagementName">The system's name, as <c>Best Practice</c>, <c>Zedmed</c>, <c>D4w</c>.</param>
    /// <param name="practiceManagementSiteId">The practice's id in it.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>Null: there is none.</returns>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public async Task<HaloSite?> FindAsync(string practiceManagementName, string practiceManagementSiteId, CancellationToken cancellationToken = default)
    {
        var path = $"integrator/sites?{Practice(practiceManagementName, practiceManagementSiteId)}";
        var found = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, path), HaloJson.Default.SiteList, cancellationToken);
        return found.Sites.Count > 0 ? new(_calls, found.Sites[0].Id, found.Sites[0]) : null;
    }

    /// <summary>All sites that you are paired with, authoritative or not, in the order of their ids. They are fetched in pages as they are read.</summary>
    /// <param name="availability">Only those that can, or cannot, be asked now.</param>
    /// <param name="status">Only those in this state.</param>
    /// <param name="changedSince">Only those that changed, or were paired, then or later, by the service's clock. Give a time a minute before your last call: of what changes just now it may not know yet.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public async IAsyncEnumerable<HaloSite> ListAsync(
        SiteAvailability? availability = null, SiteStatus? status = null, DateTimeOffset? changedSince = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var path = $"integrator/sites?limit={PageSites}";
        if (availability is { } reached)
            path += $"&availability={Word(reached)}";
        if (status is { } state)
            path += $"&status={Word(state)}";
        if (changedSince is { } since)
            path += $"&changedSince={Uri.EscapeDataString(since.UtcDateTime.ToString("O", CultureInfo.InvariantCulture))}";
        for (var after = ""; after is not null;)
        {
            var place = path + after;
            var page = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, place), HaloJson.Default.SiteList, cancellationToken);
            foreach (var site in page.Sites)
                yield return new(_calls, site.Id, site);
            after = page.Next is null ? null : $"&after={Uri.EscapeDataString(page.Next)}";
        }
    }

    /// <summary>A site by its id, as it stands now.</summary>
    /// <exception cref="HaloException">It did not succeed; code <c>NotFound</c> where there is none.</exception>
    public async Task<HaloSite> GetAsync(Guid id, CancellationToken cancellationToken = default)
    {
        var site = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, $"integrator/sites/{id}"), HaloJson.Default.Site, cancellationToken);
        return new(_calls, site.Id, site);
    }

    /// <summary>A site by its id, without asking for it: its <see cref="HaloSite.Info"/> is null.</summary>
    public HaloSite At(Guid id) => new(_calls, id, null);

    /// <summary>Pairs you with a practice by the code that it made (<c>halo-link pairing-code</c>). Who is paired already gets the site.</summary>
    /// <exception cref="HaloException">It did not succeed; code <c>PairingCodeInvalid</c> where the code is wrong, spent or expired.</exception>
    public async Task<HaloSite> PairAsync(string practiceManagementName, string practiceManagementSiteId, string? pairingCode, CancellationToken cancellationToken = default)
    {
        var path = $"integrator/pair-site?{Practice(practiceManagementName, practiceManagementSiteId)}";
        if (pairingCode is not null)
            path += $"&pairingCode={Uri.EscapeDataString(pairingCode)}";
        // A code that was taken and whose answer was lost: the repeat finds the pairing.
        var site = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Post, path), HaloJson.Default.Site, cancellationToken);
        return new(_calls, site.Id, site);
    }

    static string Word(Enum value) => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    static string Practice(string name, string id)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        return $"practiceManagementName={Uri.EscapeDataString(name)}&practiceManagementSiteId={Uri.EscapeDataString(id)}";
    }
}
