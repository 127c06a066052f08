using System.Globalization;
using Halo.Api.Basics;
using Halo.Api.Links;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;

namespace Halo.Api;

/// <summary>
/// <c>halo-api rewrap</c>: wraps every stored key by the current master key, so that an older one can go;
/// with <c>--signing-key</c> it also replaces the key that signs Links' access.
/// </summary>
/// <remarks>
/// Each key is replaced only where it still is what was read, a few hundred in a transaction: an interrupted run has done what it has done, and the next goes on.
/// On PostgreSQL the nodes may serve meanwhile, if each knows both keys; SQLite's one service must be stopped.
/// </remarks>
sealed class RewrapCommand(Database database, MasterKeys keys, TimeProvider time, Action<string> say)
{
    const int Step = 500;
    const int StillNeeded = 3;

    /// <summary>Table, what identifies a row and its key's name in it.</summary>
    static readonly Table[] Tables =
    [
        new("queries", "id", "data keys of queries"),
        new("idempotency_keys", "query_id", "data keys of kept answers"),
        new("registered_queries", "id", "data keys of registered queries"),
        new("surveys", "id", "data keys of surveys"),
        new("webhooks", "id", "data keys of webhooks"),
        new("database_schemas", "id", "data keys of schemas"),
    ];

    /// <summary>Runs it with the service's settings.</summary>
    /// <param name="settings">Of the service, as they stand on its command line.</param>
    /// <returns>The exit code: 0 all done; 3 an older key is still needed.</returns>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<int> RunAsync(bool rotateSigningKey, string[] settings)
    {
        var options = ApiOptions.Read(HaloApi.CreateBuilder(settings).Configuration);
        var directory = DataDirectory.Prepare(options.DataDirectory);
        using var held = options.Storage.UsesPostgres ? null : directory.Hold();
        await using var database = options.Storage.Open(directory, TimeProvider.System);
        await database.MigrateAsync();
        var keys = await MasterKeyLoader.LoadAsync(options.Encryption, database, directory, mayMakeKey: !options.Storage.UsesPostgres, TimeProvider.System);
        return await new RewrapCommand(database, keys, TimeProvider.System, System.Console.WriteLine).RunAsync(rotateSigningKey) ? 0 : StillNeeded;
    }

    /// <summary>Whether no older key is needed any more.</summary>
    public async Task<bool> RunAsync(bool rotateSigningKey)
    {
        say($"The current master key is {keys.CurrentId}.");
        if (rotateSigningKey)
        {
            await SigningKeys.RotateAsync(database, keys, time);
            say($"The key that signs Links' access was replaced. Tokens of the one before hold until they expire, {LinkTokens.Life.TotalMinutes:0} minutes at most.");
        }
        foreach (var table in Tables)
            await RewrapAsync(table);
        var own = await RewrapServiceKeysAsync();
        say(string.Create(CultureInfo.InvariantCulture, $"Rewrapped {own} keys of the service itself."));
        return await TellOldKeysAsync();
    }

    async Task RewrapAsync(Table table)
    {
        var (done, broken, after) = (0, 0, Guid.Empty);
        while (true)
        {
            var rows = await database.ReadAsync(r => (Id: r.GetGuid(0), Wrapped: r.GetFieldValue<byte[]>(1)),
                $"""
                SELECT {table.Id}, wrapped_key FROM {table.Name}
                WHERE wrapped_key IS NOT NULL AND {table.Id} > @after AND substr(wrapped_key, @at, 8) <> @current
                ORDER BY {table.Id} LIMIT {Step}
                """, ("after", after), ("at", MasterKey.IdPosition), ("current", Convert.FromHexString(keys.CurrentId)));
            if (rows.Count == 0)
                break;
            after = rows[^1].Id;
            var fresh = new List<(Guid Id, byte[] Old, byte[] New)>();
            foreach (var (id, wrapped) in rows)
            {
                try
                {
                    fresh.Add((id, wrapped, keys.RewrapDataKey(id, wrapped)));
                }
                catch (SealBrokenException)
                {
                    broken++;
                }
            }
            done += await database.WriteAsync(async t =>
            {
                var changed = 0;
                foreach (var (id, old, now) in fresh)
                    changed += await t.RunAsync($"UPDATE {table.Name} SET wrapped_key = @now WHERE {table.Id} = @id AND wrapped_key = @old", ("now", now), ("id", id), ("old", old));
                return changed;
            });
        }
        say(string.Create(CultureInfo.InvariantCulture, $"Rewrapped {done} {table.What}."));
        if (broken > 0)
            say(string.Create(CultureInfo.InvariantCulture, $"{broken} {table.What} do not open: they were changed, or their master key is neither the current one nor in Halo:Encryption:OldKeys."));
    }

    /// <summary>Few: all in one transaction.</summary>
    Task<int> RewrapServiceKeysAsync() => database.WriteAsync(async t =>
    {
        var rows = await t.ReadAsync(r => (Purpose: r.GetString(0), Wrapped: r.GetFieldValue<byte[]>(1)), "SELECT purpose, wrapped_key FROM api_keys");
        var changed = 0;
        foreach (var (purpose, wrapped) in rows.Where(r => MasterKey.IdIn(r.Wrapped) != keys.CurrentId))
        {
            changed += await t.RunAsync("UPDATE api_keys SET wrapped_key = @now WHERE purpose = @purpose AND wrapped_key = @old",
                ("now", keys.WrapSecret(keys.UnwrapSecret(wrapped, purpose), purpose)), ("purpose", purpose), ("old", wrapped));
        }
        return changed;
    });

    async Task<bool> TellOldKeysAsync()
    {
        var allGone = true;
        foreach (var id in keys.Ids.Union(await StoredKeys.IdsAsync(database)).Where(id => id != keys.CurrentId))
        {
            if (await StoredKeys.IsInUseAsync(database, id))
            {
                allGone = false;
                say($"Master key {id} is STILL NEEDED by what is stored. Where a node still has it as Halo:Encryption:MasterKey, give it the current one; then run this again.");
                continue;
            }
            say($"Master key {id} is no longer needed here: take it out of Halo:Encryption:OldKeys. Keep it as long as you keep backups from before.");
        }
        return allGone;
    }

    sealed record Table(string Name, string Id, string What);
}
