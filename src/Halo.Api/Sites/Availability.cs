using Halo.Api.Links;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Whether a Link's sites can be reached: computed when asked, from the session and the last word heard.</summary>
public sealed class Availability(LinkDirectory links, LinkSessions sessions, ApiOptions options, TimeProvider time)
{
    // Without any contact for so long, a site is unreachable.
    readonly TimeSpan _silence = TimeSpan.FromMilliseconds(options.Links.UnreachableAfterMs);

    // A site's silence counts only while this service was up itself.
    readonly DateTimeOffset _upSince = time.GetUtcNow();

    /// <summary>The availability of every site of a Link.</summary>
    public SiteAvailability Of(Guid linkId)
    {
        if (sessions.Find(linkId) is not null)
            return SiteAvailability.Online;
        if (links.Find(linkId) is not { LastHeardAt: { } heard } link)
            return SiteAvailability.Unreachable;
        if (link.ClosedInOrder)
            return SiteAvailability.Offline;
        var since = heard > _upSince ? heard : _upSince;
        return time.GetUtcNow() - since < _silence ? SiteAvailability.Online : SiteAvailability.Unreachable;
    }
}
