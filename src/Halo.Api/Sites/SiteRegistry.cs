using System.Data.Common;
using System.Text.Json;
using Halo.Api.Ledger.Events;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sites;

/// <summary>Writes sites: brought by an enrolment, described again by each Hello, heard of by each heartbeat.</summary>
sealed class SiteRegistry(Database database, SiteDirectory directory, EventSignals signals, ApiOptions options, TimeProvider time)
{
    /// <summary>Whose a site id is; null where it is nobody's yet.</summary>
    public static async Task<Guid?> OwnerAsync(DbTransaction transaction, Guid siteId) =>
        (await transaction.ReadAsync(r => (Guid?)r.GetGuid(0), "SELECT link_id FROM sites WHERE id = @id", ("id", siteId))).SingleOrDefault();

    /// <summary>Adds a site of a Link, or describes it again. The first of its practice becomes authoritative where that is proven.</summary>
    /// <param name="mayBeAuthoritative">Whether the enrolment proves that this is the practice (design: open mode, or a token that names it).</param>
    public Task PutAsync(DbTransaction transaction, Guid linkId, string? machineId, SiteDescription site, bool mayBeAuthoritative) => transaction.RunAsync(
        """
        INSERT INTO sites (id, link_id, status, engine, pms_name, pms_id, pms_version, practice_name, catalogues, metadata, enriched_at,
          authoritative, authority_shared, confirmed, database_identity, machine_id, created_at, updated_at)
        VALUES (@id, @link, 'initialising', @engine, @pms, @practice, @version, @name, @catalogues, @metadata, @now,
          @shared OR @proven AND NOT EXISTS (SELECT 1 FROM sites o WHERE o.pms_id = @practice AND o.pms_name = @pms AND o.authoritative),
          @shared, TRUE, @database, @machine, @now, @now)
        ON CONFLICT (id) DO NOTHING
        """,
        ("id", site.Id), ("link", linkId), ("engine", site.Engine), ("pms", site.PracticeManagementName), ("practice", site.PracticeManagementSiteId),
        ("version", site.PracticeManagementVersion), ("name", site.PracticeName), ("catalogues", Catalogues(site)), ("metadata", Metadata(site)),
        ("now", time.GetUtcNow().Ms()), ("shared", options.IsShared(site.PracticeManagementSiteId)), ("proven", mayBeAuthoritative),
        ("database", site.DatabaseIdentity), ("machine", machineId));

    /// <summary>Takes over what a Link says of its sites. Another database, machine or practice waits for an operator; what was reported is kept for that.</summary>
    public async Task DescribeAsync(Guid linkId, string? machineId, IReadOnlyList<SiteDescription> described)
    {
        var now = time.GetUtcNow();
        var told = await database.WriteAsync(async transaction =>
        {
            var told = new List<NewEvent>();
            foreach (var site in described)
            {
                var isOwn = await transaction.RunAsync(
                    """
                    UPDATE sites SET
                      confirmed = confirmed AND pms_id = @practice AND pms_name = @pms
                        AND (database_identity IS NULL OR CAST(@database AS TEXT) IS NULL OR database_identity = @database)
                        AND (machine_id IS NULL OR CAST(@machine AS TEXT) IS NULL OR machine_id = @machine),
                      database_identity = CASE WHEN confirmed THEN COALESCE(database_identity, @database) ELSE database_identity END,
                      machine_id = CASE WHEN confirmed THEN COALESCE(machine_id, @machine) ELSE machine_id END,
                      reported_pms_name = @pms, reported_pms_id = @practice,
                      reported_database_identity = COALESCE(CAST(@database AS TEXT), reported_database_identity),
                      reported_machine_id = COALESCE(CAST(@machine AS TEXT), reported_machine_id),
                      version_too_old = @tooOld, catalogues = @catalogues, metadata = @metadata, enriched_at = @now, updated_at = @now,
                      status = CASE WHEN status IN ('initialising', 'uninstalled') THEN 'active' ELSE status END
                    WHERE id = @id AND link_id = @link
                    """,
                    ("id", site.Id), ("link", linkId), ("pms", site.PracticeManagementName), ("practice", site.PracticeManagementSiteId),
                    ("database", site.DatabaseIdentity), ("machine", machineId), ("catalogues", Catalogues(site)), ("metadata", Metadata(site)), ("now", now.Ms()),
                    ("tooOld", options.MinimumVersions.MissedBy(site.PracticeManagementName, site.PracticeManagementVersion) is not null));
                // Of one that waits for an operator nobody is told: it may be another practice's.
                if (isOwn > 0 && site.PracticeManagementVersion is { } version && directory.Find(site.Id) is { Confirmed: true, Metadata.PracticeManagementVersion: { } before } && version != before)
                    told.AddRange(await EventLog.ForSiteAsync(transaction, site.Id, EventTypes.SiteVersion, new() { Version = version, PreviousVersion = before }));
            }
            await EventLog.AppendAsync(transaction, told, now.Ms());
            return told;
        });
        signals.Raise(told.Select(e => e.IntegratorId));
        await directory.RefreshLinkAsync(linkId);
    }

    /// <summary>At start: the minimum versions may have become others.</summary>
    public async Task ApplyMinimumVersionsAsync() => await directory.RefreshAsync(await database.WriteAsync(async t =>
    {
        var changed = new List<Guid>();
        foreach (var (id, stored) in await t.ReadAsync(r => (r.GetGuid(0), r.GetBoolean(1)), "SELECT id, version_too_old FROM sites"))
        {
            if (directory.Find(id) is not { } site || site.MinimumVersion is not null == stored)
                continue;
            await t.RunAsync("UPDATE sites SET version_too_old = @tooOld, updated_at = @now WHERE id = @id", ("tooOld", !stored), ("now", time.GetUtcNow().Ms()), ("id", id));
            changed.Add(id);
        }
        return changed;
    }));

    /// <summary>Takes over a heartbeat: at once in memory, with the next group commit in the store.</summary>
    public void Heard(IEnumerable<Guid> siteIds, DateTimeOffset clock, IReadOnlyList<SiteDatabase> databases)
    {
        var now = time.GetUtcNow();
        foreach (var site in siteIds.Select(directory.Find).OfType<SiteRecord>())
        {
            var health = databases.FirstOrDefault(d => d.SiteId == site.Id)?.Health ?? site.Database;
            directory.Update(site.Id, s => s with
            {
                HeartbeatAt = now,
                ClientClockAt = clock,
                Database = health,
                DatabaseSince = health?.Status == s.Database?.Status ? s.DatabaseSince : now,
            });
            database.CommitLater(("sites.heartbeat", site.Id), new(
                "UPDATE sites SET heartbeat_at = @now, client_clock_at = @clock, database_health = @health WHERE id = @id",
                ("now", now.ToUnixTimeMilliseconds()), ("clock", clock.ToUnixTimeMilliseconds()),
                ("health", health is null ? null : JsonSerializer.Serialize(health, HaloJson.Default.DatabaseHealth)), ("id", site.Id)));
        }
    }

    static string Catalogues(SiteDescription site) => JsonSerializer.Serialize(site.Catalogues, HaloJson.Default.IReadOnlyListSiteCatalogue);

    static string Metadata(SiteDescription site) => JsonSerializer.Serialize(
        new PracticeMetadata
        {
            PmsType = PmsNames.TypeOf(site.PracticeManagementName),
            PracticeName = site.PracticeName,
            PracticeManagementSiteId = site.PracticeManagementSiteId,
            PracticeManagementVersion = site.PracticeManagementVersion,
        }, HaloJson.Default.PracticeMetadata);
}
