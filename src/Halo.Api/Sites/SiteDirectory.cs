using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using Dapper;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Every site in memory, so that routing a query reads no store.</summary>
/// <remarks>An entry is replaced before the call that changed it returns.</remarks>
sealed class SiteDirectory(Database database, ApiOptions options) : IDisposable
{
    const string Select = """
        SELECT id, link_id AS LinkId, status, pms_name AS PmsName, pms_id AS PmsId, pms_version AS PmsVersion,
               practice_name AS PracticeName, catalogues, metadata, enriched_at AS EnrichedAt, authoritative, confirmed,
               database_identity AS DatabaseIdentity, machine_id AS MachineId,
               reported_pms_name AS ReportedPmsName, reported_pms_id AS ReportedPmsId,
               reported_database_identity AS ReportedDatabaseIdentity, reported_machine_id AS ReportedMachineId, database_health AS DatabaseHealth,
               heartbeat_at AS HeartbeatAt, client_clock_at AS ClientClockAt, created_at AS CreatedAt
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
        foreach (var row in await connection.QueryAsync<Row>(Select))
            Put(row);
    }

    /// <summary>Reads the sites of a Link again after something about them changed.</summary>
    public Task RefreshLinkAsync(Guid linkId) =>
        ReadAgainAsync(c => c.QueryAsync<Row>($"{Select} WHERE link_id = @linkId", new { linkId }));

    /// <summary>Reads some sites again after an operator changed them.</summary>
    public Task RefreshAsync(IEnumerable<Guid> ids) => ReadAgainAsync(async connection =>
    {
        var rows = new List<Row>();
        foreach (var id in ids)
            rows.AddRange(await connection.QueryAsync<Row>($"{Select} WHERE id = @id", new { id }));
        return rows;
    });

    /// <summary>The sites of a Link are not in the store any more.</summary>
    public void ForgetLink(Guid linkId)
    {
        _reading.Wait();
        try
        {
            foreach (var site in OfLink(linkId).ToList())
            {
                _sites.TryRemove(site.Id, out _);
                _byLink.Remove(site);
                _byPmsId.Remove(site);
            }
        }
        finally
        {
            _reading.Release();
        }
    }

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

    async Task ReadAgainAsync(Func<DbConnection, Task<IEnumerable<Row>>> read)
    {
        await _reading.WaitAsync();
        try
        {
            await using var connection = await database.OpenAsync();
            foreach (var row in await read(connection))
                Put(row);
        }
        finally
        {
            _reading.Release();
        }
    }

    IEnumerable<SiteRecord> OfPractice(SiteRecord site) => _byPmsId.Find(site.PmsId, Find).Where(site.IsOfPractice);

    /// <summary>One at a time: at the start, and in <see cref="ReadAgainAsync"/>.</summary>
    void Put(Row row)
    {
        var site = Judge(row.ToRecord());
        var before = Find(site.Id);
        _byLink.Add(before, site);
        _byPmsId.Add(before, site);
        _sites[site.Id] = site;
        _byLink.Forget(before, site);
        _byPmsId.Forget(before, site);
    }

    static IEnumerable<SiteRecord> Ordered(IEnumerable<SiteRecord> sites) => sites.OrderBy(s => s.CreatedAt).ThenBy(s => s.Id);

    SiteRecord Judge(SiteRecord site) => site with { MinimumVersion = options.MinimumVersions.MissedBy(site.PmsName, site.Metadata.PracticeManagementVersion) };

    sealed class Row
    {
        public Guid Id { get; init; }
        public Guid LinkId { get; init; }
        public string Status { get; init; } = "";
        public string PmsName { get; init; } = "";
        public string PmsId { get; init; } = "";
        public string? PmsVersion { get; init; }
        public string? PracticeName { get; init; }
        public string Catalogues { get; init; } = "[]";
        public string Metadata { get; init; } = "";
        public long EnrichedAt { get; init; }
        public bool Authoritative { get; init; }
        public bool Confirmed { get; init; }
        public string? DatabaseIdentity { get; init; }
        public string? MachineId { get; init; }
        public string? ReportedPmsName { get; init; }
        public string? ReportedPmsId { get; init; }
        public string? ReportedDatabaseIdentity { get; init; }
        public string? ReportedMachineId { get; init; }
        public string? DatabaseHealth { get; init; }
        public long? HeartbeatAt { get; init; }
        public long? ClientClockAt { get; init; }
        public long CreatedAt { get; init; }

        public SiteRecord ToRecord() => new()
        {
            Id = Id,
            LinkId = LinkId,
            Status = Enum.Parse<SiteStatus>(Status, ignoreCase: true),
            PmsName = PmsName,
            PmsId = PmsId,
            PmsVersion = PmsVersion,
            PracticeName = PracticeName,
            Catalogues = JsonSerializer.Deserialize(Catalogues, HaloJson.Default.IReadOnlyListSiteCatalogue)!,
            Metadata = JsonSerializer.Deserialize(Metadata, HaloJson.Default.PracticeMetadata)!,
            EnrichedAt = DateTimeOffset.FromUnixTimeMilliseconds(EnrichedAt),
            Authoritative = Authoritative,
            Confirmed = Confirmed,
            DatabaseIdentity = DatabaseIdentity,
            MachineId = MachineId,
            Reported = new(Once(ReportedPmsName, PmsName) ?? PmsName, Once(ReportedPmsId, PmsId) ?? PmsId,
                Once(ReportedDatabaseIdentity, DatabaseIdentity), Once(ReportedMachineId, MachineId)),
            Database = DatabaseHealth is null ? null : JsonSerializer.Deserialize(DatabaseHealth, HaloJson.Default.DatabaseHealth),
            HeartbeatAt = Time(HeartbeatAt),
            ClientClockAt = Time(ClientClockAt),
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
        };

        /// <summary>One text in memory for what is the same, as it nearly always is.</summary>
        static string? Once(string? reported, string? known) => reported == known ? known : reported;

        static DateTimeOffset? Time(long? ms) => ms is { } value ? DateTimeOffset.FromUnixTimeMilliseconds(value) : null;
    }
}
