using Halo.Api.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>Tells Links at once what became of their sites, so that the log at the practice says so.</summary>
public sealed class SiteNotifier(LinkSessions sessions, SiteDirectory sites)
{
    /// <summary>Tells each Link that is connected about its own among these sites; the others learn it from their next Welcome.</summary>
    public void Tell(IEnumerable<Guid> siteIds)
    {
        foreach (var own in siteIds.Distinct().Select(sites.Find).OfType<SiteRecord>().GroupBy(s => s.LinkId))
        {
            if (sessions.Find(own.Key) is { } session)
                session.Tell(new SiteNotices([.. own.Select(Enrolment.Notice)]));
        }
    }
}
