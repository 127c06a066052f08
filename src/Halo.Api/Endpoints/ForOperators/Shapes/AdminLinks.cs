using System.Text.Json;
using Halo.Api.Links;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.Sites;
using Halo.Contracts.Admin;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>Links as operators see them.</summary>
sealed class AdminLinks(LinkDirectory links, LinkSessions sessions, SiteDirectory sites, LinkRollouts rollouts, LinkUpdates updates, UpdateAttempts attempts)
{
    public AdminLink Show(LinkRecord link) => Fill(new AdminLink(), link);

    public AdminLinkDetail ShowWhole(LinkRecord link)
    {
        var report = link.Heartbeat;
        return (AdminLinkDetail)Fill(new AdminLinkDetail
        {
            Sites = [.. sites.OfLink(link.Id).Select(s => s.Id)],
            Processors = link.Host?.Processors,
            MachineId = link.MachineId,
            UptimeSeconds = report?.UptimeSeconds,
            Queues = report?.Queues,
            FreeDiskBytes = report?.FreeDiskBytes,
            SpoolBytes = report?.SpoolBytes,
        }, link);
    }

    /// <summary>Of all that are trusted, newest version first as text.</summary>
    public IReadOnlyList<VersionCount> Versions() =>
    [
        .. links.All.Where(l => l.Status == LinkStatus.Enrolled).GroupBy(l => l.Version)
            .Select(g => new VersionCount(g.Key, g.Count(), g.Count(l => sessions.Find(l.Id) is not null)))
            .OrderByDescending(v => Version.TryParse(v.Version, out var parsed) ? parsed : new Version(0, 0)),
    ];

    /// <summary>Whether its newest update <c>failed</c>, or it is <c>pending</c>: it should run another version.</summary>
    public bool IsAt(LinkRecord link, string update) => update == "failed"
        ? attempts.LastOf(link.Id) is { State: not (AttemptState.Updating or AttemptState.Installed) }
        : updates.TargetOf(link.Id) is not null;

    AdminLink Fill(AdminLink to, LinkRecord link)
    {
        var session = sessions.Find(link.Id);
        return to with
        {
            Id = link.Id,
            Status = link.Status.ToString().ToLowerInvariant(),
            Version = link.Version,
            VersionSince = link.VersionSince,
            Connected = session is not null,
            ConnectedSince = session?.OpenedAt,
            LastHeardAt = link.LastHeardAt,
            CreatedAt = link.CreatedAt,
            Host = link.Host?.Name,
            OperatingSystem = link.Host?.OperatingSystem,
            AlsoSeen = link.AlsoSeen,
            Update = UpdateOf(link),
        };
    }

    AdminLinkUpdate UpdateOf(LinkRecord link)
    {
        var (rollout, said) = (rollouts.Of(link.Id), link.Heartbeat?.Update);
        return new(rollout.Ring.Word())
        {
            Pinned = rollout.Pinned,
            Target = updates.TargetOf(link.Id)?.Release.Version,
            Phase = said is null ? null : JsonNamingPolicy.CamelCase.ConvertName(said.Stage.ToString()),
            Reason = said?.Reason,
            // Nobody but this service can say that a Link is silent.
            Last = attempts.LastOf(link.Id) is { State: AttemptState.Silent } silent ? new("silent", silent.Message ?? "", silent.At) { To = silent.Version }
                : said?.Last is { } last ? new(JsonNamingPolicy.CamelCase.ConvertName(last.Outcome.ToString()), last.Message, last.At) { From = last.From, To = last.To }
                : null,
        };
    }
}
