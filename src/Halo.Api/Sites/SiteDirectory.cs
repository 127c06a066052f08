using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Text.Json;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Every site in memory, so that routing a query reads no store.</summary>
/// <remarks>An entry is replaced before the call that changed it returns.</remarks>
sealed class SiteDirectory(Database database, ApiOptions options) : IDisposable
{
    const string Select =
        """
        SELECT id, link_id, status, pms_name, pms_id, pms_version, practice_name, catalogues, metadata, enriched_at, authoritative, confirmed,
          database_identity, machine_id, reported_pms_name, reported_pms_id, reported_database_identity, reported_machine_id, database_health,
          heartbeat_at, client_clock_at, created_at, updated_at
        FROM sites
        """;

    readonly ConcurrentDictionary<Guid, SiteRecord> _sites = new();
    readonly SiteIndex<Guid> _byLink = new(s => s.LinkId);
    readonly SiteIndex<string> _byPmsId = new(s => s.PmsId);

    // One reading at a time: an older one would otherwise overwrite what a newer one found.
    readonly SemaphoreSlim _reading = new(1);

    /// <summary>All, oldest first.</summary>
    public IEnumerable<SiteRecord> All => Ordered(_sites.Values);

    /// <summary>One by its Halo GUID.</summary>
    public SiteRecord? Find(Guid id) => _sites.GetValueOrDefault(id);

    /// <summary>A Link's own, oldest first.</summary>
    public IEnumerable<SiteRecord> OfLink(Guid linkId) => Ordered(_byLink.Find(linkId, Find));

    /// <summary>The authoritative site of the same practice; null: it has no other.</summary>
    public SiteRecord? OtherOfPractice(SiteRecord site) => OfPractice(site).FirstOrDefault(s => s.Authoritative && s.Id != site.Id);

    /// <summary>These sites and all others of their practices, in no order.</summary>
    public IReadOnlyList<SiteRecord> OfPractices(IReadOnlyCollection<Guid> ids) =>
        [.. ids.Select(Find).OfType<SiteRecord>().SelectMany(OfPractice).DistinctBy(s => s.Id)];

    /// <summary>The sites of a practice that integrators may find, oldest first.</summary>
    /// <param name="pmsName">The PMS's name or type, in any case.</param>
    public IEnumerable<SiteRecord> Authoritative(string pmsId, string pmsName) => Ordered(_byPmsId.Find(pmsId, Find).Where(s =>
        s.Authoritative && s.Status != SiteStatus.Removed
        && PmsNames.TypeOf(s.PmsName).Equals(PmsNames.TypeOf(pmsName), StringComparison.OrdinalIgnoreCase)));

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        foreach (var site in await connection.ReadAsync(Read, Select))
            Put(site);
    }

    /// <summary>Reads the sites of a Link again after something about them changed; gone from the store is gone from memory.</summary>
    public Task RefreshLinkAsync(Guid linkId) => ReadAgainAsync(async connection =>
    {
        var found = await connection.ReadAsync(Read, $"{Select} WHERE link_id = @link", ("link", linkId));
        foreach (var gone in OfLink(linkId).ExceptBy(found.Select(s => s.Id), s => s.Id).ToList())
            Remove(gone);
        return found;
    });

    /// <summary>Reads some sites again after an operator changed them.</summary>
    public Task RefreshAsync(IEnumerable<Guid> ids) => ReadAgainAsync(async connection =>
    {
        var sites = new List<SiteRecord>();
        foreach (var id in ids)
            sites.AddRange(await connection.ReadAsync(Read, $"{Select} WHERE id = @id", ("id", id)));
        return sites;
    });

    /// <summary>Puts what was heard into the entry; the store learns it by the heartbeat's own statement.</summary>
    public void Update(Guid id, Func<SiteRecord, SiteRecord> change)
    {
        while (_sites.TryGetValue(id, out var before) && !_sites.TryUpdate(id, change(before), before))
        {
            // Changed by another meanwhile: once more on what stands now.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    async Task ReadAgainAsync(Func<DbConnection, Task<List<SiteRecord>>> read)
    {
        await _reading.WaitAsync();
        try
        {
            await using var connection = await database.OpenAsync();
            foreach (var site in await read(connection))
                Put(site);
        }
        finally
        {
            _reading.Release();
        }
    }

    IEnumerable<SiteRecord> OfPractice(SiteRecord site) => _byPmsId.Find(site.PmsId, Find).Where(site.IsOfPractice);

    /// <summary>One at a time: at the start, and in <see cref="ReadAgainAsync"/>.</summary>
    void Put(SiteRecord read)
    {
        var site = Judge(read);
        var before = Find(site.Id);
        _byLink.Add(before, site);
        _byPmsId.Add(before, site);
        _sites.AddOrUpdate(site.Id, site, (_, heard) => KeepHeard(site, heard));
        _byLink.Forget(before, site);
        _byPmsId.Forget(before, site);
    }

    void Remove(SiteRecord site)
    {
        _sites.TryRemove(site.Id, out _);
        _byLink.Remove(site);
        _byPmsId.Remove(site);
    }

    /// <summary>What is heard is in the store later than in memory: a reading does not set it back.</summary>
    static SiteRecord KeepHeard(SiteRecord read, SiteRecord before) => before.HeartbeatAt is { } heard && !(heard <= read.HeartbeatAt)
        ? read with { HeartbeatAt = heard, ClientClockAt = before.ClientClockAt, Database = before.Database, DatabaseSince = before.DatabaseSince }
        : read with { DatabaseSince = before.DatabaseSince };

    static IEnumerable<SiteRecord> Ordered(IEnumerable<SiteRecord> sites) => sites.OrderBy(s => s.CreatedAt).ThenBy(s => s.Id);

    SiteRecord Judge(SiteRecord site) => site with { MinimumVersion = options.MinimumVersions.MissedBy(site.PmsName, site.Metadata.PracticeManagementVersion) };

    static SiteRecord Read(DbDataReader r)
    {
        var (name, id, database, machine) = (r.GetString("pms_name"), r.GetString("pms_id"), r.StringOrNull("database_identity"), r.StringOrNull("machine_id"));
        return new()
        {
            Id = r.GetGuid("id"),
            LinkId = r.GetGuid("link_id"),
            Status = Enum.Parse<SiteStatus>(r.GetString("status"), ignoreCase: true),
            PmsName = name,
            PmsId = id,
            PmsVersion = r.StringOrNull("pms_version"),
            PracticeName = r.StringOrNull("practice_name"),
            Catalogues = JsonSerializer.Deserialize(r.GetString("catalogues"), HaloJson.Default.IReadOnlyListSiteCatalogue)!,
            Metadata = JsonSerializer.Deserialize(r.GetString("metadata"), HaloJson.Default.PracticeMetadata)!,
            EnrichedAt = r.Time("enriched_at"),
            Authoritative = r.GetBoolean("authoritative"),
            Confirmed = r.GetBoolean("confirmed"),
            DatabaseIdentity = database,
            MachineId = machine,
            Reported = new(Once(r.StringOrNull("reported_pms_name"), name) ?? name, Once(r.StringOrNull("reported_pms_id"), id) ?? id,
                Once(r.StringOrNull("reported_database_identity"), database), Once(r.StringOrNull("reported_machine_id"), machine)),
            Database = r.StringOrNull("database_health") is { } health ? JsonSerializer.Deserialize(health, HaloJson.Default.DatabaseHealth) : null,
            HeartbeatAt = r.TimeOrNull("heartbeat_at"),
            ClientClockAt = r.TimeOrNull("client_clock_at"),
            CreatedAt = r.Time("created_at"),
            UpdatedAt = r.Time("updated_at"),
        };

        // One text in memory for what is the same, as it nearly always is.
        static string? Once(string? reported, string? known) => reported == known ? known : reported;
    }
}
