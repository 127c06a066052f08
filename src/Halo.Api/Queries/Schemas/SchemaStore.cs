using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Registered;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Schemas;

/// <summary>Which schema: of a site's database, as one integrator may see it.</summary>
readonly record struct SchemaPlace(Guid IntegratorId, Guid SiteId, string Catalogue)
{
    /// <summary>The same as an id.</summary>
    public Guid Key => new(SHA256.HashData([.. IntegratorId.ToByteArray(), .. SiteId.ToByteArray(), .. Encoding.UTF8.GetBytes(Catalogue)]).AsSpan(0, 16));

    internal (string, object?)[] Values => [("integrator", IntegratorId), ("site", SiteId), ("catalogue", Catalogue)];
}

/// <summary>The schemas that were read last, encrypted. One goes with the pairing that it was read under.</summary>
sealed class SchemaStore(Database database, MasterKeys keys, EventSignals signals, TimeProvider time)
{
    const string Where = "WHERE integrator_id = @integrator AND site_id = @site AND catalogue = @catalogue";

    const string Insert =
        """
        INSERT INTO database_schemas (id, integrator_id, site_id, catalogue, read_at, hash, mark, wrapped_key, content)
        SELECT @id, integrator_id, site_id, @catalogue, @read_at, @hash, @mark, @wrapped, @content FROM pairings WHERE integrator_id = @integrator AND site_id = @site
        ON CONFLICT (integrator_id, site_id, catalogue) DO NOTHING
        """;

    /// <summary>What was read last; null: nothing was, or too long ago, or its master key is not there any more.</summary>
    public async Task<StoredSchema?> FindAsync(SchemaPlace place) =>
        await FindRowAsync(place) is { Schema: { } schema } && schema.ReadAt + SchemaRetention.Kept > time.GetUtcNow() ? schema : null;

    /// <summary>Forgets what was read: its integrator may not read it any more.</summary>
    public Task ForgetAsync(SchemaPlace place) => database.WriteAsync(t => t.RunAsync($"DELETE FROM database_schemas {Where}", place.Values));

    /// <summary>What was read of a site's databases while their catalogues had another mark, or none that is known.</summary>
    public Task<List<SchemaPlace>> FindOlderAsync(Guid siteId, string mark) => database.ReadAsync(r => new SchemaPlace(r.GetGuid(0), siteId, r.GetString(1)),
        "SELECT integrator_id, catalogue FROM database_schemas WHERE site_id = @site AND (mark IS NULL OR mark <> @mark) ORDER BY integrator_id, catalogue", ("site", siteId), ("mark", mark));

    async Task<SchemaAtRest?> FindRowAsync(SchemaPlace place)
    {
        var found = await database.ReadAsync(r => (Id: r.GetGuid(0), ReadAt: r.Time(1), Hash: r.GetString(2), Key: r.GetFieldValue<byte[]>(3), Content: r.GetFieldValue<byte[]>(4)),
            $"SELECT id, read_at, hash, wrapped_key, content FROM database_schemas {Where}", place.Values);
        if (found is not [var one])
            return null;
        try
        {
            return new(one.Id, new(one.ReadAt, one.Hash, SealedBlob.Open(keys.OpenDataKey(one.Id, one.Key), BlobPlace.Schema, one.Content)));
        }
        catch (SealBrokenException)
        {
            return new(one.Id, null);
        }
    }

    /// <summary>Keeps what was read, in place of what was read before, and tells its integrator where that is another. Nothing is kept where it is not paired any more.</summary>
    /// <param name="mark">What the Link said of the catalogue before it was read; null: nothing.</param>
    public async Task PutAsync(SchemaPlace place, DatabaseSchema schema, string? mark, byte[] json)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        var key = keys.NewDataKey(id);
        (string, object?)[] values = [.. place.Values, ("id", id), ("read_at", schema.ReadAt.Ms()), ("hash", schema.Hash), ("mark", mark), ("wrapped", key.Wrapped), ("content", SealedBlob.Seal(key, BlobPlace.Schema, RegisteredResults.Compress(json)))];
        // Another node may read it at the same time: what is compared with is what is replaced.
        while (true)
        {
            var before = await FindRowAsync(place);
            var changed = before?.Schema is not { } known || known.Hash == schema.Hash ? null : SchemaDifference.Between(known.Read(), schema);
            if (await database.WriteAsync(t => TryPutAsync(t, place, before, changed, values)))
            {
                if (changed is not null)
                    signals.Raise(place.IntegratorId);
                return;
            }
        }
    }

    async Task<bool> TryPutAsync(DbTransaction t, SchemaPlace place, SchemaAtRest? before, EventData? changed, (string, object?)[] values)
    {
        var isReplaced = before is null || await t.RunAsync("DELETE FROM database_schemas WHERE id = @id", ("id", before.Id)) > 0;
        // Otherwise it went with the pairing, or another has come in its place: that one is to be looked at.
        if (!isReplaced || await t.RunAsync(Insert, values) == 0)
            return (await t.ReadAsync(r => r.GetGuid(0), $"SELECT id FROM database_schemas {Where}", place.Values)).Count == 0;
        if (changed is not null)
            await EventLog.AppendAsync(t, [new(place.IntegratorId, EventTypes.SchemaChanged, place.SiteId, changed)], time.GetUtcNow().Ms());
        return true;
    }

    /// <param name="Schema">Null: it cannot be read any more.</param>
    sealed record SchemaAtRest(Guid Id, StoredSchema? Schema);
}

/// <summary>A schema as it was read.</summary>
/// <param name="Compressed">The answer's JSON, by Brotli.</param>
sealed record StoredSchema(DateTimeOffset ReadAt, string Hash, byte[] Compressed)
{
    /// <summary>The answer's JSON.</summary>
    public Stream OpenRead() => RegisteredResults.Decompress(Compressed);

    /// <summary>The same, read.</summary>
    public DatabaseSchema Read()
    {
        using var json = OpenRead();
        return JsonSerializer.Deserialize(json, HaloJson.Default.DatabaseSchema)!;
    }
}
