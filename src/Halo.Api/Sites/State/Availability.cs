using Halo.Api.Links;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites.State;

/// <summary>Whether a Link's sites can be reached: computed when asked, from the session and the last word heard.</summary>
sealed class Availability(LinkDirectory links, ILinkGateway gateway, AvailabilityHistory history, ApiOptions options, TimeProvider time)
{
    // Without any contact for so long, a site is unreachable.
    readonly TimeSpan _silence = options.Links.UnreachableAfter;

    // A site's silence counts only while this service was up itself.
    readonly DateTimeOffset _upSince = time.GetUtcNow();

    /// <summary>The availability of every site of a Link.</summary>
    public SiteAvailability Of(Guid linkId) => Judge(linkId).Now;

    /// <summary>The availability of one site: one that was taken out is not there, whatever its Link serves besides.</summary>
    public SiteAvailability Of(SiteRecord site) => site.Status == SiteStatus.Uninstalled ? SiteAvailability.Offline : Of(site.LinkId);

    /// <summary>When the availability of a site became what it is, or later: a session that opened since without a change in between counts too.</summary>
    public DateTimeOffset Since(SiteRecord site) => site.Status == SiteStatus.Uninstalled ? site.UpdatedAt : Judge(site.LinkId).Since;

    (SiteAvailability Now, DateTimeOffset Since) Judge(Guid linkId)
    {
        if (gateway.Find(linkId) is { } session)
            return (SiteAvailability.Online, session.OpenedAt);
        if (links.Find(linkId) is not { LastHeardAt: { } heard } link)
            return (SiteAvailability.Unreachable, DateTimeOffset.MinValue);
        if (link.ClosedInOrder)
            return (SiteAvailability.Offline, heard);
        // Lost for good before this service went down.
        if (heard < _upSince && history.DownSince - heard >= _silence)
            return (SiteAvailability.Unreachable, heard + _silence);
        var lost = heard > _upSince ? heard : _upSince;
        return time.GetUtcNow() - lost < _silence ? (SiteAvailability.Online, heard) : (SiteAvailability.Unreachable, lost + _silence);
    }
}
