using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Integrators;

/// <summary>What an operator does with integrators: made, keyed, paired. Each change is durable and in force when it returns.</summary>
sealed class IntegratorRegistry(Database database, IntegratorDirectory directory, Cancellations cancellations, SettlementEffects effects, EventSignals signals, AuditLog audit, TimeProvider time)
{
    /// <summary>Makes an integrator with both keys.</summary>
    public async Task<NewIntegrator> CreateAsync(string name, OperatorDeed deed)
    {
        var now = time.GetUtcNow();
        var created = new NewIntegrator(Guid.CreateVersion7(now), name, new(SubscriptionKey.Create(), SubscriptionKey.Create()));
        await database.WriteAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO integrators (id, name, enabled, created_at, updated_at) VALUES (@id, @name, TRUE, @at, @at)",
                ("id", created.Id), ("name", name), ("at", now.Ms()));
            await PutKeyAsync(transaction, created.Id, "primary", created.Keys.Primary, now);
            await PutKeyAsync(transaction, created.Id, "secondary", created.Keys.Secondary, now);
            await audit.WriteAsync(transaction, "integrator.created", created.Id.ToString(), deed, new JsonObject { ["name"] = name });
            return 0;
        });
        await directory.RefreshAsync(created.Id);
        return created;
    }

    /// <summary>Changes what an operator sets; in force when this returns. What a disabled integrator had waiting is cancelled.</summary>
    /// <returns>Null: another call has removed the integrator meanwhile.</returns>
    public async Task<Integrator?> ChangeAsync(Guid id, string name, bool enabled, IntegratorRules rules, OperatorDeed deed)
    {
        var before = directory.Find(id);
        var settled = await database.WriteAsync<IReadOnlyList<SettledQuery>>(async transaction =>
        {
            var rows = await transaction.RunAsync(
                """
                UPDATE integrators SET name = @name, enabled = @enabled, allowed_addresses = @addresses, pair_without_code = @pms,
                  rate_limit = @rate, quota = @quota, updated_at = @at
                WHERE id = @id
                """,
                ("id", id), ("name", name), ("enabled", enabled), ("addresses", Words([.. rules.AllowedAddresses.Select(a => a.ToString())])),
                ("pms", Words(rules.PairWithoutCode)), ("rate", rules.RateLimit), ("quota", rules.Quota), ("at", time.GetUtcNow().Ms()));
            if (rows == 0)
                return [];
            await audit.WriteAsync(transaction, enabled ? "integrator.changed" : "integrator.disabled", id.ToString(), deed, new JsonObject
            {
                ["before"] = before is null ? null : ToDetail(before.Name, before.Enabled, before.Rules),
                ["after"] = ToDetail(name, enabled, rules),
            });
            return enabled ? [] : await cancellations.CancelQueuedAsync(transaction, null, id);
        });
        await effects.ApplyAsync(settled);
        var changed = await directory.RefreshAsync(id);
        if (!enabled)
            await CancelLateAsync(id);
        return changed;
    }

    /// <summary>Removes an integrator with its keys and pairings; its queries stay in the ledger.</summary>
    public async Task DeleteAsync(Guid id, OperatorDeed deed)
    {
        var before = directory.Find(id);
        var settled = await database.WriteAsync(async transaction =>
        {
            // Its webhooks go with it, before anything is written for them.
            await EventLog.LockAsync(transaction, id);
            await transaction.RunAsync("DELETE FROM integrators WHERE id = @id", ("id", id));
            var cancelled = await cancellations.CancelQueuedAsync(transaction, null, id);
            await audit.WriteAsync(transaction, "integrator.deleted", id.ToString(), deed, new JsonObject
            {
                ["before"] = before is null ? null : ToDetail(before.Name, before.Enabled, before.Rules),
                ["cancelled"] = cancelled.Count,
            });
            return cancelled;
        });
        await effects.ApplyAsync(settled);
        await directory.RefreshAsync(id);
        await CancelLateAsync(id);
    }

    /// <summary>Replaces one key; the old one is dead when this returns.</summary>
    public async Task<string> RotateAsync(Guid id, string slot, OperatorDeed deed)
    {
        var key = SubscriptionKey.Create();
        await database.WriteAsync(async transaction =>
        {
            await PutKeyAsync(transaction, id, slot, key, time.GetUtcNow());
            await audit.WriteAsync(transaction, "integrator.key-rotated", $"{id} {slot}", deed);
            return 0;
        });
        await directory.RefreshAsync(id);
        return key;
    }

    /// <summary>Pairs; a repeat changes nothing.</summary>
    public async Task PairAsync(Guid id, Guid siteId, OperatorDeed deed)
    {
        await database.WriteAsync(async transaction =>
        {
            var added = await transaction.RunAsync(
                """
                INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@id, @site, @by, @at)
                ON CONFLICT (integrator_id, site_id) DO NOTHING
                """,
                ("id", id), ("site", siteId), ("by", "operator"), ("at", time.GetUtcNow().Ms()));
            if (added == 1)
            {
                await audit.WriteAsync(transaction, "integrator.paired", $"{id} {siteId}", deed);
                await EventLog.AppendAsync(transaction, [new(id, EventTypes.PairingCreated, siteId, new())], time.GetUtcNow().Ms());
            }
            return 0;
        });
        signals.Raise(id);
        await directory.RefreshAsync(id);
    }

    /// <summary>Takes the pairing away; nothing of the integrator reaches the site after this returns.</summary>
    public async Task UnpairAsync(Guid id, Guid siteId, OperatorDeed deed)
    {
        var settled = await database.WriteAsync(async transaction =>
        {
            var gone = await transaction.RunAsync("DELETE FROM pairings WHERE integrator_id = @id AND site_id = @site", ("id", id), ("site", siteId));
            if (gone == 1)
            {
                await audit.WriteAsync(transaction, "integrator.unpaired", $"{id} {siteId}", deed);
                await EventLog.AppendAsync(transaction, [new(id, EventTypes.PairingRemoved, siteId, new())], time.GetUtcNow().Ms());
            }
            return await cancellations.CancelQueuedAsync(transaction, siteId, id);
        });
        await effects.ApplyAsync(settled);
        signals.Raise(id);
        await directory.RefreshAsync(id);
        await CancelLateAsync(id, siteId);
    }

    /// <summary>What was let in by the old snapshot while the change was being stored.</summary>
    async Task CancelLateAsync(Guid id, Guid? siteId = null) => await effects.ApplyAsync(await cancellations.CancelQueuedAsync(siteId, id));

    static JsonObject ToDetail(string name, bool enabled, IntegratorRules rules) => new()
    {
        ["name"] = name,
        ["enabled"] = enabled,
        ["allowedAddresses"] = new JsonArray([.. rules.AllowedAddresses.Select(a => JsonValue.Create(a.ToString()))]),
        ["pairWithoutCode"] = new JsonArray([.. rules.PairWithoutCode.Select(p => JsonValue.Create(p))]),
        ["rateLimit"] = rules.RateLimit,
        ["quota"] = rules.Quota,
    };

    static string Words(IReadOnlyList<string> words) => JsonSerializer.Serialize(words, HaloJson.Default.IReadOnlyListString);

    static Task<int> PutKeyAsync(System.Data.Common.DbTransaction transaction, Guid id, string slot, string key, DateTimeOffset now) =>
        transaction.RunAsync(
            """
            INSERT INTO integrator_keys (integrator_id, slot, key_hash, created_at) VALUES (@id, @slot, @hash, @at)
            ON CONFLICT (integrator_id, slot) DO UPDATE
              SET key_hash = excluded.key_hash, created_at = excluded.created_at, last_used_at = NULL, last_used_from = NULL
            """,
            ("id", id), ("slot", slot), ("hash", SubscriptionKey.Hash(key)), ("at", now.Ms()));
}
