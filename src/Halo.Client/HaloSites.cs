using Halo.Client.Calls;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Client;

/// <summary>The practices' databases that the service knows.</summary>
public sealed class HaloSites
{
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

    static string Practice(string name, string id)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        return $"practiceManagementName={Uri.EscapeDataString(name)}&practiceManagementSiteId={Uri.EscapeDataString(id)}";
    }
}
