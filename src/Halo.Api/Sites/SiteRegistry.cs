using System.Data.Common;
using System.Text.Json;
using Dapper;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sites;

/// <summary>Writes sites: brought by an enrolment, described again by each Hello, heard of by each heartbeat.</summary>
sealed class SiteRegistry(Database database, SiteDirectory directory, ApiOptions options, TimeProvider time)
{
    /// <summary>Whose a site id is; null where it is nobody's yet.</summary>
    public static Task<Guid?> OwnerAsync(DbTransaction transaction, Guid siteId) =>
        transaction.Connection!.QuerySingleOrDefaultAsync<Guid?>("SELECT link_id FROM sites WHERE id = @siteId", new { siteId }, transaction);

    /// <summary>Adds a site of a Link, or describes it again. The first of its practice becomes authoritative where that is proven.</summary>
    /// <param name="mayBeAuthoritative">Whether the enrolment proves that this is the practice (design: open mode, or a token that names it).</param>
    public async Task PutAsync(DbTransaction transaction, Guid linkId, string? machineId, SiteDescription site, bool mayBeAuthoritative)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        await transaction.Connection!.ExecuteAsync(
            """
            INSERT INTO sites (id, link_id, status, engine, pms_name, pms_id, pms_version, practice_name, catalogues, metadata, enriched_at,
              authoritative, authority_shared, confirmed, database_identity, machine_id, created_at, updated_at)
            VALUES (@Id, @linkId, 'initialising', @Engine, @PracticeManagementName, @PracticeManagementSiteId, @PracticeManagementVersion,
              @PracticeName, @catalogues, @metadata, @now,
              @shared OR @mayBeAuthoritative AND NOT EXISTS (SELECT 1 FROM sites o WHERE o.pms_id = @PracticeManagementSiteId
                AND o.pms_name = @PracticeManagementName AND o.authoritative),
              @shared, TRUE, @DatabaseIdentity, @machineId, @now, @now)
            ON CONFLICT (id) DO NOTHING
            """,
            new
            {
                site.Id,
                linkId,
                site.Engine,
                site.PracticeManagementName,
                site.PracticeManagementSiteId,
                site.PracticeManagementVersion,
                site.PracticeName,
                site.DatabaseIdentity,
                machineId,
                catalogues = Catalogues(site),
                metadata = Metadata(site),
                mayBeAuthoritative,
                shared = options.IsShared(site.PracticeManagementSiteId),
                now,
            }, transaction);
    }

    /// <summary>Takes over what a Link says of its sites. Another database, machine or practice waits for an operator; what was reported is kept for that.</summary>
    public async Task DescribeAsync(Guid linkId, string? machineId, IReadOnlyList<SiteDescription> described)
    {
        var now = time.GetUtcNow();
        await database.WriteAsync(async transaction =>
        {
            foreach (var site in described)
            {
                var parameters = new
                {
                    site.Id,
                    linkId,
                    site.DatabaseIdentity,
                    machineId,
                    site.PracticeManagementName,
                    site.PracticeManagementSiteId,
                    catalogues = Catalogues(site),
                    metadata = Metadata(site),
                    now = now.ToUnixTimeMilliseconds(),
                    tooOld = options.MinimumVersions.MissedBy(site.PracticeManagementName, site.PracticeManagementVersion) is not null,
                };
                await transaction.Connection!.ExecuteAsync(
                    """
                    UPDATE sites SET
                      confirmed = confirmed AND pms_id = @PracticeManagementSiteId AND pms_name = @PracticeManagementName
                        AND (database_identity IS NULL OR CAST(@DatabaseIdentity AS TEXT) IS NULL OR database_identity = @DatabaseIdentity)
                        AND (machine_id IS NULL OR CAST(@machineId AS TEXT) IS NULL OR machine_id = @machineId),
                      database_identity = CASE WHEN confirmed THEN COALESCE(database_identity, @DatabaseIdentity) ELSE database_identity END,
                      machine_id = CASE WHEN confirmed THEN COALESCE(machine_id, @machineId) ELSE machine_id END,
                      reported_pms_name = @PracticeManagementName, reported_pms_id = @PracticeManagementSiteId,
                      reported_database_identity = COALESCE(CAST(@DatabaseIdentity AS TEXT), reported_database_identity),
                      reported_machine_id = COALESCE(CAST(@machineId AS TEXT), reported_machine_id),
                      version_too_old = @tooOld, catalogues = @catalogues, metadata = @metadata, enriched_at = @now, updated_at = @now,
                      status = CASE WHEN status IN ('initialising', 'uninstalled') THEN 'active' ELSE status END
                    WHERE id = @Id AND link_id = @linkId
                    """, parameters, transaction);
            }
            return 0;
        });
        await directory.RefreshLinkAsync(linkId);
    }

    /// <summary>At start: the minimum versions may have become others.</summary>
    public Task ApplyMinimumVersionsAsync() => database.WriteAsync(async t =>
    {
        foreach (var (id, stored) in await t.ReadAsync(r => (r.GetGuid(0), r.GetBoolean(1)), "SELECT id, version_too_old FROM sites"))
        {
            if (directory.Find(id) is { } site && site.MinimumVersion is not null != stored)
                await t.RunAsync("UPDATE sites SET version_too_old = @tooOld WHERE id = @id", ("tooOld", !stored), ("id", id));
        }
        return 0;
    });

    /// <summary>Takes over a heartbeat: at once in memory, with the next group commit in the store.</summary>
    public void Heard(IEnumerable<Guid> siteIds, DateTimeOffset clock, IReadOnlyList<SiteDatabase> databases)
    {
        var now = time.GetUtcNow();
        foreach (var site in siteIds.Select(directory.Find).OfType<SiteRecord>())
        {
            var health = databases.FirstOrDefault(d => d.SiteId == site.Id)?.Health ?? site.Database;
            directory.Update(site.Id, s => s with { HeartbeatAt = now, ClientClockAt = clock, Database = health });
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
