using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Contracts.Json;

namespace Halo.Api.Integrators;

/// <summary>Every integrator in memory, so that no call reads the store to know who is calling.</summary>
/// <remarks>An entry is replaced before the admin call that changed it returns.</remarks>
sealed class IntegratorDirectory(Database database, TimeProvider time) : IDisposable
{
    const string Select = "SELECT id, name, enabled, allowed_addresses, pair_without_code, rate_limit, quota, created_at FROM integrators";

    readonly ConcurrentDictionary<Guid, Integrator> _byId = new();

    // One reading at a time: an older one would otherwise overwrite what a newer one found.
    readonly SemaphoreSlim _reading = new(1);

    readonly ConcurrentDictionary<Guid, Integrator> _byKey = new();

    readonly KeyUses _uses = new(time);

    /// <summary>Since when the store keeps the last use of keys.</summary>
    public DateTimeOffset UsesKnownSince { get; private set; }

    /// <summary>All, oldest first.</summary>
    public IEnumerable<Integrator> All => _byId.Values.OrderBy(i => i.CreatedAt).ThenBy(i => i.Id);

    /// <summary>One by id.</summary>
    public Integrator? Find(Guid id) => _byId.GetValueOrDefault(id);

    /// <summary>When a key was last used; null: never, as far as is known.</summary>
    public KeyUse? LastUseOf(IntegratorKey key) => _uses.Of(key.Prefix) ?? key.LastUse;

    /// <summary>A key let a call in.</summary>
    public void RecordUse(IntegratorKey key, IPAddress? from)
    {
        if (_uses.Record(key.Prefix, key.LastUse, from) is { } use)
        {
            // By its hash: what was written late must not be said of the key that replaced it.
            database.CommitLater(("integrator_keys", key.Prefix), new("UPDATE integrator_keys SET last_used_at = @at, last_used_from = @from WHERE key_hash = @hash",
                ("hash", key.Hash), ("at", use.At.Ms()), ("from", use.From)));
        }
    }

    /// <summary>Whose key it is, and which; null where it is nobody's.</summary>
    public (Integrator Integrator, IntegratorKey Key)? Authenticate(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (key.Length > 128)
            return null;
        Span<byte> utf8 = stackalloc byte[key.Length * 3];
        var length = Encoding.UTF8.GetBytes(key, utf8);
        SHA256.HashData(utf8[..length], hash);
        if (!_byKey.TryGetValue(IntegratorKey.PrefixOf(hash), out var integrator))
            return null;
        foreach (var known in integrator.Keys)
        {
            if (CryptographicOperations.FixedTimeEquals(known.Hash, hash))
                return (integrator, known);
        }
        return null;
    }

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        foreach (var integrator in await connection.ReadAsync(Read, Select))
            Put(await WithPartsAsync(connection, integrator));
        UsesKnownSince = (await connection.ReadAsync(r => r.Time(0), "SELECT applied_at FROM schema_version WHERE name = '0010_credentials'"))[0];
    }

    /// <summary>Reads one again after it was changed; gone from the store is gone from memory.</summary>
    public async Task<Integrator?> RefreshAsync(Guid id)
    {
        await _reading.WaitAsync();
        try
        {
            await using var connection = await database.OpenAsync();
            if (await connection.ReadAsync(Read, $"{Select} WHERE id = @id", ("id", id)) is [var integrator])
                return Put(await WithPartsAsync(connection, integrator));
            Remove(id);
            return null;
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _reading.Dispose();

    /// <summary>An integrator without its keys and sites.</summary>
    static Integrator Read(DbDataReader r) => new(r.GetGuid("id"), r.GetString("name"), r.GetBoolean("enabled"), new HashSet<Guid>())
    {
        CreatedAt = r.Time("created_at"),
        Rules = new([.. Words(r.StringOrNull("allowed_addresses")).Select(AddressRange.Parse).OfType<IPNetwork>()], Words(r.StringOrNull("pair_without_code")),
            r.IntOrNull("rate_limit"), r.LongOrNull("quota")),
        Keys = [],
    };

    static async Task<Integrator> WithPartsAsync(DbConnection connection, Integrator integrator)
    {
        var keys = await connection.ReadAsync(
            r => new IntegratorKey(r.GetString(0), r.GetFieldValue<byte[]>(1), r.Time(2), r.TimeOrNull(3) is { } at ? new(at, r.StringOrNull(4)) : null),
            "SELECT slot, key_hash, created_at, last_used_at, last_used_from FROM integrator_keys WHERE integrator_id = @id ORDER BY slot", ("id", integrator.Id));
        var sites = await connection.ReadAsync(r => r.GetGuid(0), "SELECT site_id FROM pairings WHERE integrator_id = @id", ("id", integrator.Id));
        return integrator with { Keys = keys, Sites = sites.ToHashSet() };
    }

    Integrator Put(Integrator integrator)
    {
        var before = _byId.GetValueOrDefault(integrator.Id);
        _byId[integrator.Id] = integrator;
        foreach (var key in integrator.Keys)
            _byKey[key.Prefix] = integrator;
        foreach (var old in before?.Keys ?? [])
        {
            if (integrator.Keys.All(k => k.Prefix != old.Prefix))
                _byKey.TryRemove(old.Prefix, out _);
        }
        return integrator;
    }

    void Remove(Guid id)
    {
        if (!_byId.TryRemove(id, out var gone))
            return;
        foreach (var key in gone.Keys)
            _byKey.TryRemove(key.Prefix, out _);
    }

    static IReadOnlyList<string> Words(string? json) => json is null ? [] : JsonSerializer.Deserialize(json, HaloJson.Default.IReadOnlyListString)!;
}
