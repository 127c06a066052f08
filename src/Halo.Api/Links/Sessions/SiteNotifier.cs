using Halo.Api.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Sessions;

/// <summary>Tells Links at once what became of their sites, so that the log at the practice says so.</summary>
sealed class SiteNotifier(ILinkGateway gateway, SiteDirectory sites, SiteNoticeBuilder siteNotices)
{
    /// <summary>
    /// Tells each Link that is connected about its own among these sites and the others of their practices, which are told who serves
    /// it; the rest learn it from their next Welcome.
    /// </summary>
    /// <param name="before">Those of the practices that the sites were of before.</param>
    public void Tell(IReadOnlyCollection<Guid> siteIds, IReadOnlyList<SiteRecord>? before = null)
    {
        var now = sites.OfPractices([.. siteIds, .. (before ?? []).Select(s => s.Id)]);
        foreach (var own in now.GroupBy(s => s.LinkId))
        {
            if (gateway.Find(own.Key) is { } session)
                session.Tell(new SiteNotices([.. own.Select(siteNotices.Notice)]));
        }
    }
}
