using System.Collections.Concurrent;
using Dapper;
using Halo.Api.Storage;

namespace Halo.Api.Links;

/// <summary>Every Link in memory: its key, its right, and when it was last heard of.</summary>
public sealed class LinkDirectory(Database database, TimeProvider time)
{
    const string Select = """
        SELECT id, public_key_x AS PublicKeyX, public_key_y AS PublicKeyY, status, version, machine_id AS MachineId,
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

    /// <summary>A session opened, spoke or closed: at once in memory, with the next group commit in the store.</summary>
    public void Heard(Guid id, string? version = null, bool closedInOrder = false)
    {
        var now = time.GetUtcNow();
        while (_links.TryGetValue(id, out var before))
        {
            var after = before with { LastHeardAt = now, ClosedInOrder = closedInOrder, Version = version ?? before.Version };
            if (_links.TryUpdate(id, after, before))
                break;
        }
        _ = database.CommitAsync(new Statement(
            "UPDATE links SET last_heard_at = @now, closed_in_order = @closed, version = COALESCE(CAST(@version AS TEXT), version) WHERE id = @id",
            ("now", now.ToUnixTimeMilliseconds()), ("closed", closedInOrder), ("version", version), ("id", id)));
    }

    sealed class Row
    {
        public Guid Id { get; init; }
        public string PublicKeyX { get; init; } = "";
        public string PublicKeyY { get; init; } = "";
        public string Status { get; init; } = "";
        public string Version { get; init; } = "";
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
            MachineId = MachineId,
            LastHeardAt = LastHeardAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null,
            ClosedInOrder = ClosedInOrder,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
        };
    }
}
