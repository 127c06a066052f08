using Halo.Api.Basics;

namespace Halo.Api.Storage.Keys;

/// <summary>The store's own memory of master keys, so that a lost or wrong one is noticed at start and not by the first reader.</summary>
static class StoredKeys
{
    const string InUse =
        """
        SELECT EXISTS (SELECT 1 FROM queries WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM idempotency_keys WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM registered_queries WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM surveys WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM webhooks WHERE substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM database_schemas WHERE substr(wrapped_key, @at, 8) = @id)
            OR EXISTS (SELECT 1 FROM api_keys WHERE substr(wrapped_key, @at, 8) = @id)
        """;

    public static async Task<bool> AnyInUseAsync(Database database)
    {
        foreach (var id in await IdsAsync(database))
        {
            if (await IsInUseAsync(database, id))
                return true;
        }
        return false;
    }

    /// <summary>Remembers the current key; refuses to start where data needs a key that is not there.</summary>
    public static async Task CheckAsync(Database database, MasterKeys keys, TimeProvider time)
    {
        foreach (var id in (await IdsAsync(database)).Except(keys.Ids))
        {
            // Scans the ledger, but only after a key was taken away.
            if (await IsInUseAsync(database, id))
            {
                throw new StartupException(
                    $"The store holds data encrypted with the master key {id}, and the configured one is {keys.CurrentId}. "
                    + "Set Halo:Encryption:MasterKey to that key, or add it to Halo:Encryption:OldKeys.");
            }
            await database.WriteAsync(t => t.RunAsync("DELETE FROM master_keys WHERE key_id = @id", ("id", id)));
        }
        await database.WriteAsync(t => t.RunAsync("INSERT INTO master_keys (key_id, created_at) VALUES (@id, @now) ON CONFLICT DO NOTHING",
            ("id", keys.CurrentId), ("now", time.GetUtcNow().Ms())));
    }

    public static Task<List<string>> IdsAsync(Database database) => database.ReadAsync(r => r.GetString(0), "SELECT key_id FROM master_keys");

    public static async Task<bool> IsInUseAsync(Database database, string id) =>
        (await database.ReadAsync(r => r.GetBoolean(0), InUse, ("id", Convert.FromHexString(id)), ("at", MasterKey.IdPosition)))[0];
}
