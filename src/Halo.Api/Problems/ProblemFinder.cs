using System.Globalization;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Updating;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Sites;

namespace Halo.Api.Problems;

/// <summary>What needs a person now, from what is known of sites, Links, releases, webhooks and operators' keys.</summary>
/// <remarks>Nothing is kept: a problem is there for as long as what it is seen by.</remarks>
sealed class ProblemFinder(
    SiteDirectory sites, LinkDirectory links, Availability availability, UpdateAttempts attempts, ReleaseRegistry releases, RemoteConfigurations configurations,
    WebhookStore webhooks, OperatorDirectory operators, IntegratorDirectory integrators, TimeProvider time)
{
    const long LowDisk = 1L << 30;

    IReadOnlyList<DisabledWebhook>? _disabled;

    static readonly TimeSpan MostDrift = TimeSpan.FromMinutes(5), SecondRunsLast = TimeSpan.FromDays(1), KeyEndsWithin = TimeSpan.FromDays(14), KeyUnusedFor = TimeSpan.FromDays(90);

    /// <summary>All, those that have lasted longest first; what began at an unknown time comes last.</summary>
    public async Task<IReadOnlyList<Problem>> FindAsync()
    {
        var now = time.GetUtcNow();
        List<Problem> all =
        [
            .. sites.All.Where(s => s.Status is SiteStatus.Active or SiteStatus.Initialising).SelectMany(OfSite),
            .. links.All.SelectMany(l => OfLink(l, now)),
            .. releases.All.Where(r => r.Status == ReleaseStatus.Stopped).Select(Stopped),
            .. operators.All.Where(o => o.RevokedAt is null).SelectMany(o => OfKey(o, now)),
            .. integrators.All.Where(i => i.Enabled).SelectMany(i => OfKeys(i, now)),
            .. (await DisabledAsync()).Select(Disabled),
        ];
        return [.. all.OrderBy(p => p.Since ?? DateTimeOffset.MaxValue).ThenBy(p => p.Id, StringComparer.Ordinal)];
    }

    /// <summary>All else is in memory: where the store is away, it is known all the same.</summary>
    async Task<IReadOnlyList<DisabledWebhook>> DisabledAsync()
    {
        try
        {
            return _disabled = await webhooks.ListDisabledAsync();
        }
        catch (Exception e) when (_disabled is not null && StorageException.Means(e))
        {
            return _disabled;
        }
    }

    IEnumerable<Problem> OfSite(SiteRecord site)
    {
        if (links.Find(site.LinkId) is not { Status: LinkStatus.Enrolled })
            yield break;
        var (practice, contact) = (NameOf(site), availability.Of(site));
        if (site is { Authoritative: true } && contact == SiteAvailability.Unreachable)
        {
            yield return Of(site, ProblemKinds.SiteUnreachable, $"Nothing is heard of the Halo Link of {practice}.",
                "Ask the practice whether the server and its internet run; on the server, halo-link doctor says what is wrong.", availability.Since(site));
        }
        else if (site.Database is { Status: DatabaseStatus.Failing } health && contact == SiteAvailability.Online)
        {
            yield return Of(site, ProblemKinds.DatabaseFailing, $"The Halo Link of {practice} cannot reach the database{(health.ErrorCode is { } code ? $" ({code})" : "")}.",
                "Ask the practice whether the database runs and its login is right; on the server, halo-link doctor says more.", site.DatabaseSince);
        }
        if (site is { ClientClockAt: { } clinic, HeartbeatAt: { } ours } && (clinic - ours).Duration() > MostDrift && contact == SiteAvailability.Online)
        {
            yield return Of(site, ProblemKinds.ClockDrift,
                string.Create(CultureInfo.InvariantCulture, $"The clock of {practice} is {(clinic - ours).Duration().TotalMinutes:0} minutes {(clinic > ours ? "ahead" : "behind")}."),
                "Have the practice set its server's clock, best by a time server: appointments and tokens depend on it.", null);
        }
        if (!site.Confirmed)
        {
            yield return Of(site, ProblemKinds.ConfirmationWaiting, $"{practice} has another {(site.Changes is { Count: > 0 } changes ? string.Join(", ", changes) : "database, machine or practice")} than is known.",
                $"Ask the practice; if it is right, PUT /admin/v1/sites/{site.Id}/confirm.", site.EnrichedAt);
        }
        if (site is { MinimumVersion: not null, Authoritative: true })
            yield return Of(site, ProblemKinds.VersionTooOld, SiteAccess.VersionWords(site), "Ask the practice to update its software.", site.EnrichedAt);
    }

    IEnumerable<Problem> OfLink(LinkRecord link, DateTimeOffset now)
    {
        var host = link.Host?.Name is { Length: > 0 } name ? $"The Halo Link on {name}" : $"Halo Link {link.Id}";
        if (link.Status == LinkStatus.Waiting)
            yield return Of(link, ProblemKinds.ApprovalWaiting, $"{host} waits to be approved.", $"Make sure that it is the practice's; then POST /admin/v1/links/{link.Id}/approve, or …/revoke.", link.CreatedAt);
        if (link.Status != LinkStatus.Enrolled)
            yield break;
        if (link.AlsoSeen is { } second && now - second.LastAt < SecondRunsLast)
        {
            yield return Of(link, ProblemKinds.SecondRun, $"{host} runs a second time{(second.Address is { } from ? $", from {from}" : "")}; the second is refused.",
                "Find the clone or copy and stop it (docs/operations.md, A cloned or restored server).", second.FirstAt);
        }
        if (link.Heartbeat?.FreeDiskBytes is < LowDisk and { } free)
            yield return Of(link, ProblemKinds.DiskLow, $"{host} has {free >> 20} MiB of disk left.", "Ask the practice to make room: results are kept on that disk until they are delivered.", null);
        if (attempts.LastOf(link.Id) is { State: not (AttemptState.Updating or AttemptState.Installed) } update)
        {
            yield return Of(link, ProblemKinds.UpdateFailed, $"{host} could not be updated to {update.Version}{(update.Message is { Length: > 0 } why ? $": {why}" : ".")}",
                "Look at its log on the server; GET /admin/v1/releases shows whether others fail too.", update.At);
        }
        if (configurations.AppliedBy(link.Id) is { Refused: [var first, ..] refused } applied)
        {
            yield return Of(link, ProblemKinds.SettingsRefused, $"{host} refuses {(refused.Count == 1 ? "a setting" : $"{refused.Count} settings")}, as {first.Setting}: {first.Reason}",
                "Change the configuration of the site, or ask the practice to allow more.", applied.At);
        }
    }

    static IEnumerable<Problem> OfKey(Operator known, DateTimeOffset now)
    {
        if (known.ExpiresAt is { } end && end - now < KeyEndsWithin)
        {
            yield return new($"{ProblemKinds.OperatorKeyExpiring}:{known.Id}", ProblemKinds.OperatorKeyExpiring,
                end <= now ? $"The key of operator {known.Name} expired at {end:u}." : $"The key of operator {known.Name} expires at {end:u}.",
                $"Make another operator where it is still needed, and revoke this one: DELETE /admin/v1/operators/{known.Id}.")
            { Since = end - KeyEndsWithin, OperatorId = known.Id };
        }
        else if ((known.LastUse?.At ?? known.CreatedAt) is var used && now - used > KeyUnusedFor)
        {
            yield return new($"{ProblemKinds.OperatorKeyUnused}:{known.Id}", ProblemKinds.OperatorKeyUnused,
                $"The key of operator {known.Name} has not been used since {used:u}.", $"Revoke it where nobody needs it: DELETE /admin/v1/operators/{known.Id}.")
            { Since = used + KeyUnusedFor, OperatorId = known.Id };
        }
    }

    /// <summary>One that has not called, or one of whose keys is used no more. A second key that was never used is in reserve.</summary>
    IEnumerable<Problem> OfKeys(Integrator integrator, DateTimeOffset now)
    {
        var quiet = integrator.Keys.Select(k => (Key: k, integrators.LastUseOf(k)?.At, Since: UsedOrKnownSince(k))).Where(k => now - k.Since > KeyUnusedFor).ToList();
        if (quiet.Count == integrator.Keys.Count && quiet.Count > 0)
        {
            var since = quiet.Max(k => k.Since);
            yield return new($"{ProblemKinds.IntegratorKeyUnused}:{integrator.Id}", ProblemKinds.IntegratorKeyUnused,
                $"Integrator {integrator.Name} has not called since {since:u}.", $"Ask whether it still needs access; if not, disable it: PATCH /admin/v1/integrators/{integrator.Id} with {{ \"enabled\": false }}.")
            { Since = since + KeyUnusedFor, IntegratorId = integrator.Id };
            yield break;
        }
        foreach (var (key, at, since) in quiet.Where(k => k.At is not null))
        {
            yield return new($"{ProblemKinds.IntegratorKeyUnused}:{integrator.Id}:{key.Slot}", ProblemKinds.IntegratorKeyUnused,
                $"The {key.Slot} key of integrator {integrator.Name} has not been used since {at:u}, and still works.",
                $"Replace it, so that whoever kept the old one has nothing: POST /admin/v1/integrators/{integrator.Id}/keys/{key.Slot}/rotate.")
            { Since = since + KeyUnusedFor, IntegratorId = integrator.Id };
        }
    }

    DateTimeOffset UsedOrKnownSince(IntegratorKey key) =>
        integrators.LastUseOf(key)?.At ?? (key.CreatedAt > integrators.UsesKnownSince ? key.CreatedAt : integrators.UsesKnownSince);

    static Problem Stopped(Release release) => new($"{ProblemKinds.ReleaseStopped}:{release.Version}", ProblemKinds.ReleaseStopped,
        $"Release {release.Version} stopped by itself{(release.Reason is { Length: > 0 } why ? $": {why}" : ".")}",
        $"Look at GET /admin/v1/releases/{release.Version}; then resume or withdraw it.")
    { Since = release.ChangedAt };

    static Problem Disabled(DisabledWebhook webhook) => new($"{ProblemKinds.WebhookDisabled}:{webhook.Id}", ProblemKinds.WebhookDisabled,
        $"A webhook of an integrator was disabled: {webhook.Reason}", "Tell the integrator: its receiver has to be mended, and the webhook enabled again.")
    { Since = webhook.Since, IntegratorId = webhook.IntegratorId };

    static Problem Of(SiteRecord site, string kind, string message, string action, DateTimeOffset? since) =>
        new($"{kind}:{site.Id}", kind, message, action) { Since = since == DateTimeOffset.MinValue ? null : since, SiteId = site.Id, LinkId = site.LinkId };

    static Problem Of(LinkRecord link, string kind, string message, string action, DateTimeOffset? since) => new($"{kind}:{link.Id}", kind, message, action) { Since = since, LinkId = link.Id };

    static string NameOf(SiteRecord site) => site.PracticeName is { Length: > 0 } name ? $"{name} ({site.PmsName} {site.PmsId})" : $"{site.PmsName} {site.PmsId}";
}
