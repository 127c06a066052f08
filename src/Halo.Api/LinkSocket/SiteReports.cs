using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.Queries.Schemas;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.LinkSocket;

/// <summary>What a Link says of itself and its sites.</summary>
sealed partial class SiteReports(
    LinkDirectory links, LinkSessions sessions, SiteDirectory sites, SiteRegistry registry, SiteNoticeBuilder siteNotices, AvailabilityHistory history, SiteUninstaller uninstaller,
    RemoteConfigurations configurations, UpdateAttempts attempts, SchemaWatch schemas, ILogger<SiteReports> log)
{
    /// <summary>Takes the descriptions of sites in.</summary>
    /// <returns>Those of them that are this Link's own.</returns>
    public async Task<IReadOnlyList<SiteRecord>> DescribeAsync(Guid linkId, string? machineId, IReadOnlyList<SiteDescription> described)
    {
        await registry.DescribeAsync(linkId, machineId, described);
        return [.. described.Select(s => sites.Find(s.Id)).OfType<SiteRecord>().Where(s => s.LinkId == linkId)];
    }

    /// <summary>How the sites of a session stand now.</summary>
    public IReadOnlyList<SiteNotice> NoticesOf(LinkSession session) => [.. session.SiteIds.Select(sites.Find).OfType<SiteRecord>().Select(siteNotices.Notice)];

    /// <summary>It lives, and so do its databases or not.</summary>
    public void OnHeartbeat(LinkSession session, Heartbeat heartbeat)
    {
        links.Heard(session.LinkId, heartbeat.LinkVersion, heartbeat: heartbeat);
        attempts.Heard(session.LinkId, heartbeat.Update);
        registry.Heard(session.SiteIds, heartbeat.ClockUtc, heartbeat.Databases);
        schemas.Heard(session.SiteIds, heartbeat.Databases);
    }

    /// <summary>The Link's settings changed: its sites are judged as by a Hello, in the open session.</summary>
    public async Task OnSiteChangesAsync(LinkSession session, string? machineId, SiteChanges changes)
    {
        IReadOnlyList<SiteRecord> own;
        using (await sessions.LockAsync(session.LinkId))
        {
            // A newer session has said what the Link has now; an older one must not take its sites out.
            if (!ReferenceEquals(sessions.Find(session.LinkId), session))
                return;
            own = await DescribeAsync(session.LinkId, machineId, changes.Sites ?? []);
            var before = session.SiteIds;
            session.SiteIds = [.. own.Select(s => s.Id)];
            history.Note([.. session.SiteIds.Except(before)], SiteContact.Online);
            if (changes.ConfiguredSites is { } configured)
                await uninstaller.SitesAsync(session.LinkId, [.. configured, .. session.SiteIds]);
        }
        // Waited for: a Link that asks and asks and reads no answer must not fill the memory with them.
        await session.TellAsync(new SiteNotices([.. own.Select(siteNotices.Notice)]) { Answers = changes.Id });
        await session.TellAsync(configurations.For(session.LinkId));
        // What waits for a site that has come may be claimed now.
        session.WorkAvailable();
        LogSiteChanges(session.LinkId, siteNotices.Explain(own));
    }

    [LoggerMessage(1114, LogLevel.Information, "The settings of Link {LinkId} changed. {Sites}")]
    partial void LogSiteChanges(Guid linkId, string sites);
}
