using System.Security.Cryptography;
using System.Text;
using Halo.Api.Ledger.Registered;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Queries.Schemas;

/// <summary>Which schema: of a site's database, as one integrator may see it.</summary>
readonly record struct SchemaPlace(Guid IntegratorId, Guid SiteId, string Catalogue)
{
    /// <summary>The same as an id.</summary>
    public Guid Key => new(SHA256.HashData([.. IntegratorId.ToByteArray(), .. SiteId.ToByteArray(), .. Encoding.UTF8.GetBytes(Catalogue)]).AsSpan(0, 16));

    internal (string, object?)[] Values => [("integrator", IntegratorId), ("site", SiteId), ("catalogue", Catalogue)];
}

/// <summary>The schemas that were read last, encrypted. One goes with the pairing that it was read under.</summary>
sealed class SchemaStore(Database database, MasterKeys keys, TimeProvider time)
{
    const string Where = "WHERE integrator_id = @integrator AND site_id = @site AND catalogue = @catalogue";

    /// <summary>What was read last; null: nothing was.</summary>
    /// <exception cref="SealBrokenException">It cannot be read any more.</exception>
    public async Task<StoredSchema?> FindAsync(SchemaPlace place)
    {
        var found = await database.ReadAsync(r => (Id: r.GetGuid(0), ReadAt: r.Time(1), Hash: r.GetString(2), Key: r.GetFieldValue<byte[]>(3), Content: r.GetFieldValue<byte[]>(4)),
            $"SELECT id, read_at, hash, wrapped_key, content FROM database_schemas {Where}", place.Values);
        return found is [var one] ? new(one.ReadAt, one.Hash, SealedBlob.Open(keys.OpenDataKey(one.Id, one.Key), BlobPlace.Schema, one.Content)) : null;
    }

    /// <summary>Keeps what was read, in place of what was read before. Nothing is kept where the integrator is not paired any more.</summary>
    public Task<int> PutAsync(SchemaPlace place, DateTimeOffset readAt, string hash, byte[] json)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var key = keys.NewDataKey(id);
        var content = SealedBlob.Seal(key, BlobPlace.Schema, RegisteredResults.Compress(json));
        return database.WriteAsync(async t =>
        {
            await t.RunAsync($"DELETE FROM database_schemas {Where}", place.Values);
            return await t.RunAsync(
                """
                INSERT INTO database_schemas (id, integrator_id, site_id, catalogue, read_at, hash, wrapped_key, content)
                SELECT @id, integrator_id, site_id, @catalogue, @read_at, @hash, @wrapped, @content FROM pairings WHERE integrator_id = @integrator AND site_id = @site
                ON CONFLICT (integrator_id, site_id, catalogue) DO NOTHING
                """,
                [.. place.Values, ("id", id), ("read_at", readAt.Ms()), ("hash", hash), ("wrapped", key.Wrapped), ("content", content)]);
        });
    }
}

/// <summary>A schema as it was read.</summary>
/// <param name="Compressed">The answer's JSON, by Brotli.</param>
sealed record StoredSchema(DateTimeOffset ReadAt, string Hash, byte[] Compressed)
{
    /// <summary>The answer's JSON.</summary>
    public Stream OpenRead() => RegisteredResults.Decompress(Compressed);
}
