using System.Collections.Concurrent;
using System.Text.Json;
using Dapper;
using Halo.Api.Storage;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>Every Link in memory: its key, its right, and when it was last heard of.</summary>
sealed class LinkDirectory(Database database, TimeProvider time)
{
    const string Select = """
        SELECT id, public_key_x AS PublicKeyX, public_key_y AS PublicKeyY, status, version, version_since AS VersionSince, machine_id AS MachineId,
               host, heartbeat, also_seen AS AlsoSeen,
               last_heard_at AS LastHeardAt, closed_in_order AS ClosedInOrder, created_at AS CreatedAt
        FROM links
        """;

    readonly ConcurrentDictionary<Guid, LinkRecord> _links = new();

    /// <summary>All, oldest first.</summary>
    public IEnumerable<LinkRecord> All => _links.Values.OrderBy(l => l.CreatedAt).ThenBy(l => l.Id);

    /// <summary>One by its Link GUID.</summary>
    public LinkRecord? Find(Guid id) => _links.GetValueOrDefault(id);

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        foreach (var row in await connection.QueryAsync<Row>(Select))
            _links[row.Id] = row.ToRecord();
    }

    /// <summary>Reads one again after something about it changed in the store.</summary>
    public async Task<LinkRecord?> RefreshAsync(Guid id)
    {
        await using var connection = await database.OpenAsync();
        var row = await connection.QuerySingleOrDefaultAsync<Row>($"{Select} WHERE id = @id", new { id });
        return row is null ? null : _links[id] = row.ToRecord();
    }

    /// <summary>It is not in the store any more.</summary>
    public void Forget(Guid id) => _links.TryRemove(id, out _);

    /// <summary>A session opened, spoke or closed: at once in memory, with the next group commit in the store.</summary>
    public void Heard(Guid id, string? version = null, bool closedInOrder = false, Heartbeat? heartbeat = null)
    {
        var now = time.GetUtcNow();
        Update(id, before => before with
        {
            LastHeardAt = now,
            ClosedInOrder = closedInOrder,
            Version = version ?? before.Version,
            VersionSince = version is null || version == before.Version ? before.VersionSince : now,
            Heartbeat = heartbeat ?? before.Heartbeat,
        });
        // All that is known: it stands for what was given before and is not stored yet.
        var known = _links.GetValueOrDefault(id);
        database.CommitLater(("links", id), new(
            """
            UPDATE links SET last_heard_at = @now, closed_in_order = @closed,
              version_since = CASE WHEN version <> CAST(@version AS TEXT) THEN @now ELSE version_since END,
              version = COALESCE(CAST(@version AS TEXT), version), heartbeat = COALESCE(CAST(@heartbeat AS TEXT), heartbeat)
            WHERE id = @id
            """,
            ("now", now.Ms()), ("closed", closedInOrder), ("version", version ?? known?.Version), ("id", id),
            ("heartbeat", (heartbeat ?? known?.Heartbeat) is { } last ? JsonSerializer.Serialize(last, ProtocolJson.Default.Heartbeat) : null)));
    }

    /// <summary>A second run of the Link was refused; null: what was refused became its session.</summary>
    public void SeenAlso(Guid id, SecondRun? run)
    {
        Update(id, before => before with { AlsoSeen = run });
        database.CommitLater(("links.also_seen", id), new("UPDATE links SET also_seen = @run WHERE id = @id", ("id", id),
            ("run", run is null ? null : JsonSerializer.Serialize(run, LinkJson.Default.SecondRun))));
    }

    void Update(Guid id, Func<LinkRecord, LinkRecord> change)
    {
        while (_links.TryGetValue(id, out var before) && !_links.TryUpdate(id, change(before), before))
        {
            // Changed by another meanwhile: once more on what stands now.
        }
    }

    sealed class Row
    {
        public Guid Id { get; init; }
        public string PublicKeyX { get; init; } = "";
        public string PublicKeyY { get; init; } = "";
        public string Status { get; init; } = "";
        public string Version { get; init; } = "";
        public long VersionSince { get; init; }
        public string? Host { get; init; }
        public string? Heartbeat { get; init; }
        public string? AlsoSeen { get; init; }
        public string? MachineId { get; init; }
        public long? LastHeardAt { get; init; }
        public bool ClosedInOrder { get; init; }
        public long CreatedAt { get; init; }

        public LinkRecord ToRecord() => new()
        {
            Id = Id,
            PublicKeyX = PublicKeyX,
            PublicKeyY = PublicKeyY,
            Status = Enum.Parse<LinkStatus>(Status, ignoreCase: true),
            Version = Version,
            VersionSince = DateTimeOffset.FromUnixTimeMilliseconds(VersionSince),
            Host = Host is null ? null : JsonSerializer.Deserialize(Host, ProtocolJson.Default.HostFacts),
            Heartbeat = Heartbeat is null ? null : JsonSerializer.Deserialize(Heartbeat, ProtocolJson.Default.Heartbeat),
            AlsoSeen = AlsoSeen is null ? null : JsonSerializer.Deserialize(AlsoSeen, LinkJson.Default.SecondRun),
            MachineId = MachineId,
            LastHeardAt = LastHeardAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null,
            ClosedInOrder = ClosedInOrder,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
        };
    }
}
