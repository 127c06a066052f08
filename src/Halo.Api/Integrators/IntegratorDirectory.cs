using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dapper;
using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Contracts.Json;

namespace Halo.Api.Integrators;

/// <summary>Every integrator in memory, so that no call reads the store to know who is calling.</summary>
/// <remarks>An entry is replaced before the admin call that changed it returns.</remarks>
sealed class IntegratorDirectory(Database database) : IDisposable
{
    const string Select = """
        SELECT i.id, i.name, i.enabled, i.allowed_addresses AS AllowedAddresses, i.pair_without_code AS PairWithoutCode,
               i.rate_limit AS RateLimit, i.quota, i.created_at AS CreatedAt FROM integrators i
        """;

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
        foreach (var row in await connection.QueryAsync<Row>(Select))
            Put(row, await ReadPartsAsync(connection, row.Id));
    }

    /// <summary>Reads one again after it was changed; gone from the store is gone from memory.</summary>
    public async Task<Integrator?> RefreshAsync(Guid id)
    {
        await _reading.WaitAsync();
        try
        {
            await using var connection = await database.OpenAsync();
            if (await connection.QuerySingleOrDefaultAsync<Row>($"{Select} WHERE i.id = @id", new { id }) is { } row)
                return Put(row, await ReadPartsAsync(connection, id));
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

    static async Task<(IEnumerable<KeyRow> Keys, IEnumerable<Guid> Sites)> ReadPartsAsync(System.Data.Common.DbConnection connection, Guid id)
    {
        var keys = await connection.QueryAsync<KeyRow>(
            "SELECT slot, key_hash AS Hash FROM integrator_keys WHERE integrator_id = @id", new { id });
        var sites = await connection.QueryAsync<Guid>("SELECT site_id FROM pairings WHERE integrator_id = @id", new { id });
        return (keys, sites);
    }

    Integrator Put(Row row, (IEnumerable<KeyRow> Keys, IEnumerable<Guid> Sites) parts)
    {
        var integrator = new Integrator(row.Id, row.Name, row.Enabled, parts.Sites.ToHashSet())
        {
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt),
            Rules = new([.. Words(row.AllowedAddresses).Select(AddressRange.Parse).OfType<IPNetwork>()], Words(row.PairWithoutCode), row.RateLimit, row.Quota),
            KeyHashes = parts.Keys.ToDictionary(k => k.Slot, k => k.Hash),
        };
        var before = _byId.GetValueOrDefault(row.Id);
        _byId[row.Id] = integrator;
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

    sealed class Row
    {
        public Guid Id { get; init; }
        public string Name { get; init; } = "";
        public bool Enabled { get; init; }
        public string? AllowedAddresses { get; init; }
        public string? PairWithoutCode { get; init; }
        public int? RateLimit { get; init; }
        public long? Quota { get; init; }
        public long CreatedAt { get; init; }
    }

    sealed class KeyRow
    {
        public string Slot { get; init; } = "";
        public byte[] Hash { get; init; } = [];
    }
}
