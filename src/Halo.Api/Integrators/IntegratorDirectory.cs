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
sealed class IntegratorDirectory(Database database) : IDisposable
{
    const string Select = "SELECT id, name, enabled, allowed_addresses, pair_without_code, rate_limit, quota, created_at FROM integrators";

    readonly ConcurrentDictionary<Guid, Integrator> _byId = new();

    // One reading at a time: an older one would otherwise overwrite what a newer one found.
    readonly SemaphoreSlim _reading = new(1);

    // Looked up by the first 16 bytes of the hash; the whole is then compared in constant time.
    readonly ConcurrentDictionary<Guid, Integrator> _byKey = new();

    /// <summary>All, oldest first.</summary>
    public IEnumerable<Integrator> All => _byId.Values.OrderBy(i => i.CreatedAt).ThenBy(i => i.Id);

    /// <summary>One by id.</summary>
    public Integrator? Find(Guid id) => _byId.GetValueOrDefault(id);

    /// <summary>Whose key it is; null where it is nobody's.</summary>
    public Integrator? Authenticate(string key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (key.Length > 128)
            return null;
        Span<byte> utf8 = stackalloc byte[key.Length * 3];
        var length = Encoding.UTF8.GetBytes(key, utf8);
        SHA256.HashData(utf8[..length], hash);
        if (!_byKey.TryGetValue(Prefix(hash), out var integrator))
            return null;
        foreach (var known in integrator.KeyHashes.Values)
        {
            if (CryptographicOperations.FixedTimeEquals(known, hash))
                return integrator;
        }
        return null;
    }

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync(CancellationToken stop)
    {
        await using var connection = await database.OpenAsync(stop);
        foreach (var integrator in await connection.ReadAsync(Read, Select))
            Put(await WithPartsAsync(connection, integrator));
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
        KeyHashes = new Dictionary<string, byte[]>(),
    };

    static async Task<Integrator> WithPartsAsync(DbConnection connection, Integrator integrator)
    {
        var keys = await connection.ReadAsync(r => (Slot: r.GetString(0), Hash: r.GetFieldValue<byte[]>(1)),
            "SELECT slot, key_hash FROM integrator_keys WHERE integrator_id = @id", ("id", integrator.Id));
        var sites = await connection.ReadAsync(r => r.GetGuid(0), "SELECT site_id FROM pairings WHERE integrator_id = @id", ("id", integrator.Id));
        return integrator with { KeyHashes = keys.ToDictionary(k => k.Slot, k => k.Hash), Sites = sites.ToHashSet() };
    }

    Integrator Put(Integrator integrator)
    {
        var before = _byId.GetValueOrDefault(integrator.Id);
        _byId[integrator.Id] = integrator;
        foreach (var hash in integrator.KeyHashes.Values)
            _byKey[Prefix(hash)] = integrator;
        foreach (var hash in before?.KeyHashes.Values ?? [])
        {
            if (!integrator.KeyHashes.Values.Any(h => h.AsSpan().SequenceEqual(hash)))
                _byKey.TryRemove(Prefix(hash), out _);
        }
        return integrator;
    }

    void Remove(Guid id)
    {
        if (!_byId.TryRemove(id, out var gone))
            return;
        foreach (var hash in gone.KeyHashes.Values)
            _byKey.TryRemove(Prefix(hash), out _);
    }

    static IReadOnlyList<string> Words(string? json) => json is null ? [] : JsonSerializer.Deserialize(json, HaloJson.Default.IReadOnlyListString)!;

    static Guid Prefix(ReadOnlySpan<byte> hash) => new(hash[..16]);
}
