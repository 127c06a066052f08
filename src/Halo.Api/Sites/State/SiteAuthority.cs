using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;

namespace Halo.Api.Sites.State;

/// <summary>
/// What an operator decides about a site. Each decision, the settling of what waits there and its line in the audit log are one
/// transaction; when a call returns it is in force, and the Links that it concerns are told.
/// </summary>
sealed class SiteAuthority(
    Database database, SiteDirectory directory, IntegratorDirectory integrators, Cancellations cancellations, SettlementEffects effects, EventSignals signals, ILinkGateway gateway, SiteNotifier notifier,
    AuditLog audit, ApiOptions options, TimeProvider time)
{
    /// <summary>What whoever decides about a site that is gone is told.</summary>
    public static Refusal Removed(Guid siteId) => new(409, ErrorCodes.Conflict, $"Site {siteId} was removed and cannot come back. Give the Link a new data directory; it then enrols as a new site.");

    /// <summary>Moves authority of the site's practice to it. What waits at the old site is cancelled, what runs there finishes.</summary>
    /// <param name="copyPairings">Whether those who were paired with the old site are then paired with this one.</param>
    public async Task<bool> MoveAsync(Guid siteId, bool copyPairings, OperatorDeed deed)
    {
        var settled = new List<SettledQuery>();
        var moved = await database.WriteAsync<Moved?>(async t =>
        {
            settled.Clear();
            if (await HoldPracticeAsync(t, siteId) is not { Removed: false } site)
                return null;
            var old = site.Shared ? [] : (await t.ReadAsync(r => r.GetGuid(0),
                "SELECT id FROM sites WHERE pms_id = @practice AND pms_name = @pms AND authoritative AND id <> @id",
                ("practice", site.PmsId), ("pms", site.PmsName), ("id", siteId)));
            var paired = new List<Guid>();
            foreach (var oldId in old)
            {
                await t.RunAsync("UPDATE sites SET authoritative = FALSE, updated_at = @now WHERE id = @id", ("id", oldId), ("now", Now));
                settled.AddRange(await cancellations.CancelQueuedAsync(t, oldId, null));
                if (copyPairings)
                    paired.AddRange(await CopyPairingsAsync(t, oldId, siteId));
            }
            var isNew = await t.RunAsync("UPDATE sites SET authoritative = TRUE, updated_at = @now WHERE id = @id AND NOT authoritative", ("id", siteId), ("now", Now)) > 0;
            await audit.WriteAsync(t, "site.authority-moved", siteId.ToString(), deed, new JsonObject
            {
                ["from"] = new JsonArray([.. old.Select(id => JsonValue.Create(id.ToString()))]),
                ["cancelled"] = settled.Count,
                ["pairingsCopied"] = paired.Count,
            });
            var events = paired.Select(i => new NewEvent(i, EventTypes.PairingCreated, siteId, new())).ToList();
            if (isNew)
                events.AddRange(await EventLog.ForSiteAsync(t, siteId, EventTypes.SiteMoved, new() { PreviousSiteId = old.Count > 0 ? old[0] : null }, old));
            await EventLog.AppendAsync(t, events, Now);
            return new Moved(old, paired, [.. events.Select(e => e.IntegratorId)]);
        });
        if (moved is null)
            return false;
        signals.Raise(moved.Told);
        await effects.ApplyAsync(settled);
        foreach (var integrator in moved.Paired)
            await integrators.RefreshAsync(integrator);
        await PublishAsync([siteId, .. moved.Old]);
        await CancelLateAsync(moved.Old);
        return true;
    }

    /// <summary>What the site last reported of its database, machine and practice is right. Another practice is joined without its authority.</summary>
    public async Task<bool> ConfirmAsync(Guid siteId, OperatorDeed deed)
    {
        var settled = new List<SettledQuery>();
        var done = await database.WriteAsync(async t =>
        {
            settled.Clear();
            if (await HoldPracticeAsync(t, siteId) is not { Removed: false } site)
                return false;
            if (site.OtherPractice)
            {
                var shared = options.IsShared(site.ReportedPmsId!);
                await t.RunAsync(
                    "UPDATE sites SET pms_name = reported_pms_name, pms_id = reported_pms_id, authoritative = @shared, authority_shared = @shared WHERE id = @id",
                    ("shared", shared), ("id", siteId));
                settled.AddRange(await cancellations.CancelQueuedAsync(t, siteId, null));
            }
            // Of another database they say nothing.
            await t.RunAsync(
                """
                DELETE FROM database_schemas WHERE site_id = @id AND (@other OR EXISTS (
                  SELECT 1 FROM sites WHERE id = @id AND reported_database_identity IS NOT NULL AND (database_identity IS NULL OR database_identity <> reported_database_identity)))
                """, ("id", siteId), ("other", site.OtherPractice));
            await t.RunAsync(
                """
                UPDATE sites SET confirmed = TRUE, database_identity = COALESCE(reported_database_identity, database_identity),
                  machine_id = COALESCE(reported_machine_id, machine_id), updated_at = @now
                WHERE id = @id
                """, ("id", siteId), ("now", Now));
            await audit.WriteAsync(t, "site.confirmed", siteId.ToString(), deed, new JsonObject
            {
                ["before"] = site.OtherPractice ? $"{site.PmsName} {site.PmsId}" : null,
                ["practice"] = site.OtherPractice ? $"{site.ReportedPmsName} {site.ReportedPmsId}" : null,
                ["cancelled"] = settled.Count,
            });
            return true;
        });
        await effects.ApplyAsync(settled);
        if (done)
        {
            await PublishAsync([siteId]);
            // What waited here through the doubt may be claimed now.
            if (directory.Find(siteId) is { } site)
                gateway.Find(site.LinkId)?.WorkAvailable();
        }
        return done;
    }

    /// <summary>Takes the site out for good. Its id stays, so that callers are told what became of it; so do the results that are there.</summary>
    public async Task RemoveAsync(Guid siteId, OperatorDeed deed)
    {
        var settled = new List<SettledQuery>();
        await database.WriteAsync(async t =>
        {
            settled.Clear();
            if (await HoldPracticeAsync(t, siteId) is not { Removed: false })
                return 0;
            await t.RunAsync("UPDATE sites SET status = 'removed', authoritative = FALSE, updated_at = @now WHERE id = @id", ("id", siteId), ("now", Now));
            await t.RunAsync("DELETE FROM pairing_codes WHERE site_id = @id", ("id", siteId));
            settled.AddRange(await cancellations.CancelQueuedAsync(t, siteId, null));
            await audit.WriteAsync(t, "site.removed", siteId.ToString(), deed, new JsonObject { ["cancelled"] = settled.Count });
            return 1;
        });
        await effects.ApplyAsync(settled);
        await PublishAsync([siteId]);
        await CancelLateAsync([siteId]);
    }

    /// <summary>At start: the sites of practices that share authority are made so, and those of practices that no longer do have one again.</summary>
    public Task ApplySharedAsync() => database.WriteAsync(async t =>
    {
        var practices = await t.ReadAsync(r => (Name: r.GetString(0), Id: r.GetString(1), Shared: r.GetBoolean(2)),
            "SELECT DISTINCT pms_name, pms_id, authority_shared FROM sites WHERE status <> 'removed'");
        foreach (var practice in practices.Where(p => p.Shared != options.IsShared(p.Id)))
        {
            await t.RunAsync(
                """
                UPDATE sites SET authority_shared = @shared, authoritative = @shared OR id = (
                  SELECT o.id FROM sites o WHERE o.pms_id = @id AND o.pms_name = @name AND o.authoritative ORDER BY o.created_at, o.id LIMIT 1),
                  updated_at = @now
                WHERE pms_id = @id AND pms_name = @name AND status <> 'removed'
                """, ("shared", !practice.Shared), ("id", practice.Id), ("name", practice.Name), ("now", Now));
        }
        return practices.Count;
    });

    long Now => time.GetUtcNow().Ms();

    async Task PublishAsync(IReadOnlyList<Guid> siteIds)
    {
        var before = directory.OfPractices(siteIds);
        await directory.RefreshAsync(siteIds);
        notifier.Tell(siteIds, before);
    }

    /// <summary>What was let in by the old snapshot while the decision was being stored.</summary>
    async Task CancelLateAsync(IEnumerable<Guid> siteIds)
    {
        foreach (var id in siteIds)
            await effects.ApplyAsync(await cancellations.CancelQueuedAsync(id, null));
    }

    /// <summary>Locks every site of the practice, so that two decisions about it take turns.</summary>
    async Task<HeldSite?> HoldPracticeAsync(DbTransaction t, Guid siteId)
    {
        await t.ReadAsync(r => r.GetGuid(0),
            $"""
            SELECT id FROM sites WHERE (pms_id, pms_name) IN (SELECT pms_id, pms_name FROM sites WHERE id = @id) ORDER BY id{database.ForUpdate}
            """, ("id", siteId));
        return (await t.ReadAsync(r => new HeldSite(r.GetString(0), r.GetString(1), r.StringOrNull(2), r.StringOrNull(3), r.GetBoolean(4), r.GetString(5) == "removed"),
            "SELECT pms_name, pms_id, reported_pms_name, reported_pms_id, authority_shared, status FROM sites WHERE id = @id", ("id", siteId))).SingleOrDefault();
    }

    Task<List<Guid>> CopyPairingsAsync(DbTransaction t, Guid from, Guid to) => t.ReadAsync(r => r.GetGuid(0),
        """
        INSERT INTO pairings (integrator_id, site_id, paired_by, created_at)
        SELECT integrator_id, @to, 'operator', @now FROM pairings WHERE site_id = @from
        ON CONFLICT (integrator_id, site_id) DO NOTHING
        RETURNING integrator_id
        """, ("from", from), ("to", to), ("now", Now));

    sealed record Moved(IReadOnlyList<Guid> Old, IReadOnlyList<Guid> Paired, IReadOnlyList<Guid> Told);

    sealed record HeldSite(string PmsName, string PmsId, string? ReportedPmsName, string? ReportedPmsId, bool Shared, bool Removed)
    {
        public bool OtherPractice => ReportedPmsId is not null && (ReportedPmsName, ReportedPmsId) != (PmsName, PmsId);
    }
}
