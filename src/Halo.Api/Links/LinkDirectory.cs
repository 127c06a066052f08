using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>Every Link in memory: its key, its right, and when it was last heard of.</summary>
sealed class LinkDirectory(Database database, TimeProvider time)
{
    const string Select =
        """
        SELECT id, public_key_x, public_key_y, status, version, version_since, machine_id, host, heartbeat, also_seen, last_heard_at, closed_in_order, created_at
        FROM links
        """;

    readonly ConcurrentDictionary<Guid, LinkRecord> _links = new();

    // One reading of a Link at a time: an older one would otherwise overwrite what a newer one found, and a Link that was revoked would be let in again.
    readonly KeyedLock _reading = new();

    /// <summary>All, oldest first.</summary>
    public IEnumerable<LinkRecord> All => _links.Values.OrderBy(l => l.CreatedAt).ThenBy(l => l.Id);

    /// <summary>One by its Link GUID.</summary>
    public LinkRecord? Find(Guid id) => _links.GetValueOrDefault(id);

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        foreach (var link in await connection.ReadAsync(Read, Select))
            _links[link.Id] = link;
    }

    /// <summary>Reads one again after something about it changed in the store; gone from the store is gone from memory.</summary>
    public async Task<LinkRecord?> RefreshAsync(Guid id)
    {
        using var locked = await _reading.LockAsync(id);
        if (await database.ReadAsync(Read, $"{Select} WHERE id = @id", ("id", id)) is [var link])
            return _links.AddOrUpdate(id, link, (_, before) => KeepHeard(link, before));
        _links.TryRemove(id, out _);
        return null;
    }

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

    /// <summary>What is heard is in the store later than in memory: a reading does not set it back.</summary>
    static LinkRecord KeepHeard(LinkRecord read, LinkRecord before)
    {
        read = read with { AlsoSeen = before.AlsoSeen };
        return before.LastHeardAt is { } heard && !(heard <= read.LastHeardAt)
            ? read with { LastHeardAt = heard, ClosedInOrder = before.ClosedInOrder, Heartbeat = before.Heartbeat }
            : read;
    }

    void Update(Guid id, Func<LinkRecord, LinkRecord> change)
    {
        while (_links.TryGetValue(id, out var before) && !_links.TryUpdate(id, change(before), before))
        {
            // Changed by another meanwhile: once more on what stands now.
        }
    }

    static LinkRecord Read(DbDataReader r) => new()
    {
        Id = r.GetGuid("id"),
        PublicKeyX = r.GetString("public_key_x"),
        PublicKeyY = r.GetString("public_key_y"),
        Status = Enum.Parse<LinkStatus>(r.GetString("status"), ignoreCase: true),
        Version = r.GetString("version"),
        VersionSince = r.Time("version_since"),
        Host = r.StringOrNull("host") is { } host ? JsonSerializer.Deserialize(host, ProtocolJson.Default.HostFacts) : null,
        Heartbeat = r.StringOrNull("heartbeat") is { } heartbeat ? JsonSerializer.Deserialize(heartbeat, ProtocolJson.Default.Heartbeat) : null,
        AlsoSeen = r.StringOrNull("also_seen") is { } run ? JsonSerializer.Deserialize(run, LinkJson.Default.SecondRun) : null,
        MachineId = r.StringOrNull("machine_id"),
        LastHeardAt = r.TimeOrNull("last_heard_at"),
        ClosedInOrder = r.GetBoolean("closed_in_order"),
        CreatedAt = r.Time("created_at"),
    };
}
