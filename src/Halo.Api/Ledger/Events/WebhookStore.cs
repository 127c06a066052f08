using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Ledger.Events;

/// <summary>A webhook as it is stored; its secrets are still encrypted.</summary>
sealed record WebhookRecord
{
    public required Guid Id { get; init; }

    public required Guid IntegratorId { get; init; }

    public required string Url { get; init; }

    public required IReadOnlyList<string> Types { get; init; }

    /// <summary>Null: all.</summary>
    public IReadOnlyList<string>? Sources { get; init; }

    public required WebhookStyle Style { get; init; }

    public required bool Enabled { get; init; }

    public string? DisabledReason { get; init; }

    public DateTimeOffset? FailingSince { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public byte[] WrappedKey { get; init; } = [];

    public byte[] Secrets { get; init; } = [];

    internal const string Columns = "id, integrator_id, url, event_types, sources, style, enabled, disabled_reason, failing_since, wrapped_key, signing_keys, created_at, updated_at";

    internal static WebhookRecord Read(DbDataReader r) => new()
    {
        Id = r.GetGuid(0),
        IntegratorId = r.GetGuid(1),
        Url = r.GetString(2),
        Types = JsonSerializer.Deserialize(r.GetString(3), HaloJson.Default.IReadOnlyListString)!,
        Sources = r.StringOrNull(4) is { } sources ? JsonSerializer.Deserialize(sources, HaloJson.Default.IReadOnlyListString) : null,
        Style = r.GetString(5) == "standard" ? WebhookStyle.Standard : WebhookStyle.Halo,
        Enabled = r.GetBoolean(6),
        DisabledReason = r.StringOrNull(7),
        FailingSince = r.TimeOrNull(8),
        WrappedKey = r.GetFieldValue<byte[]>(9),
        Secrets = r.GetFieldValue<byte[]>(10),
        CreatedAt = r.Time(11),
        UpdatedAt = r.Time(12),
    };
}

/// <summary>The webhooks of integrators and their secrets.</summary>
sealed class WebhookStore(Database database, MasterKeys keys, TimeProvider time)
{
    /// <summary>So that one can be put in while the other still signs.</summary>
    public const int MostSecrets = 2;

    /// <summary>Bytes of a secret.</summary>
    const int SecretBytes = 32;

    const string Insert =
        """
        INSERT INTO webhooks (id, integrator_id, url, event_types, sources, style, enabled, wrapped_key, signing_keys, created_at, updated_at)
        SELECT @id, @integrator, @url, @types, @sources, @style, @enabled, @key, @secrets, @now, @now
        WHERE EXISTS (SELECT 1 FROM integrators WHERE id = @integrator)
        """;

    // What waits for a webhook that is disabled is given up; it can be redelivered later.
    internal const string GiveUp = "UPDATE webhook_deliveries SET status = 'givenUp', next_at = NULL, ended_at = @now WHERE webhook_id = @id AND status = 'pending'";

    long Now => time.GetUtcNow().Ms();

    /// <summary>Makes one, with its first secret.</summary>
    /// <param name="most">That an integrator may have.</param>
    /// <returns>Null: it has as many, and nothing is stored.</returns>
    public async Task<WebhookRecord?> AddAsync(WebhookRecord webhook, int most)
    {
        var now = time.GetUtcNow();
        var key = keys.NewDataKey(webhook.Id);
        var made = webhook with { WrappedKey = key.Wrapped, Secrets = Seal(key, [NewSecret(now)]), CreatedAt = now, UpdatedAt = now };
        return await database.WriteAsync(async t =>
        {
            // Two that are made at once wait for each other: else both would find room for one.
            await t.ReadAsync(r => r.GetGuid(0), $"SELECT id FROM integrators WHERE id = @id{database.ForUpdate}", ("id", webhook.IntegratorId));
            var has = (await t.ReadAsync(r => r.GetInt64(0), "SELECT COUNT(*) FROM webhooks WHERE integrator_id = @id", ("id", webhook.IntegratorId)))[0];
            return has < most
                && await t.RunAsync(Insert, [.. Values(made), ("integrator", made.IntegratorId), ("key", made.WrappedKey), ("secrets", made.Secrets), ("now", now.Ms())]) > 0 ? made : null;
        });
    }

    /// <summary>One of an integrator's own; null: there is none.</summary>
    public async Task<WebhookRecord?> FindAsync(Guid integratorId, Guid id) => (await database.ReadAsync(WebhookRecord.Read,
        $"SELECT {WebhookRecord.Columns} FROM webhooks WHERE id = @id AND integrator_id = @integrator", ("id", id), ("integrator", integratorId))).FirstOrDefault();

    /// <summary>One that is to be told, and its integrator too; null: there is none, or one of both is disabled.</summary>
    public async Task<WebhookRecord?> FindListeningAsync(Guid id) => (await database.ReadAsync(WebhookRecord.Read,
        $"SELECT {WebhookRecord.Columns} FROM webhooks WHERE id = @id AND enabled AND integrator_id IN (SELECT i.id FROM integrators i WHERE i.enabled)", ("id", id))).FirstOrDefault();

    /// <summary>All of an integrator, oldest first.</summary>
    public Task<List<WebhookRecord>> ListAsync(Guid integratorId) => database.ReadAsync(WebhookRecord.Read,
        $"SELECT {WebhookRecord.Columns} FROM webhooks WHERE integrator_id = @integrator ORDER BY created_at, id", ("integrator", integratorId));

    /// <summary>Replaces what its integrator chooses. With another address, or enabled again, it begins anew; disabled, what waits for it is given up.</summary>
    /// <returns>False: there is no such webhook any more.</returns>
    public Task<bool> ReplaceAsync(WebhookRecord webhook) => database.WriteAsync(async t =>
    {
        // Nothing new is written for it while it is disabled.
        await EventLog.LockAsync(t, webhook.IntegratorId);
        if (await t.RunAsync(
                """
                UPDATE webhooks SET failing_since = CASE WHEN enabled AND url = @url THEN failing_since END,
                  url = @url, event_types = @types, sources = @sources, style = @style, enabled = @enabled, disabled_reason = NULL, updated_at = @now
                WHERE id = @id
                """, [.. Values(webhook), ("now", Now)]) == 0)
            return false;
        if (!webhook.Enabled)
            await t.RunAsync(GiveUp, ("id", webhook.Id), ("now", Now));
        return true;
    });

    /// <summary>The service disables one.</summary>
    /// <param name="failingSince">Where it fails since another time, or not at all, it was changed or has taken something meanwhile, and stays enabled. Null: whatever it does.</param>
    public Task<bool> DisableAsync(WebhookRecord webhook, DateTimeOffset? failingSince, string reason) => database.WriteAsync(async t =>
    {
        var id = webhook.Id;
        await EventLog.LockAsync(t, webhook.IntegratorId);
        if (await t.RunAsync(
                "UPDATE webhooks SET enabled = FALSE, disabled_reason = @reason, updated_at = @now WHERE id = @id AND enabled AND (CAST(@since AS BIGINT) IS NULL OR failing_since = @since)",
                ("id", id), ("reason", reason), ("since", failingSince?.Ms()), ("now", Now)) == 0)
            return false;
        await t.RunAsync(GiveUp, ("id", id), ("now", Now));
        return true;
    });

    /// <summary>Those that the service disabled, of all integrators.</summary>
    public Task<List<DisabledWebhook>> ListDisabledAsync() => database.ReadAsync(
        r => new DisabledWebhook(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.Time(3)),
        "SELECT id, integrator_id, disabled_reason, updated_at FROM webhooks WHERE NOT enabled AND disabled_reason IS NOT NULL");

    /// <summary>Removes one, with all that waits for it.</summary>
    public Task<int> RemoveAsync(Guid integratorId, Guid id) => database.WriteAsync(async t =>
    {
        await EventLog.LockAsync(t, integratorId);
        return await t.RunAsync("DELETE FROM webhooks WHERE id = @id AND integrator_id = @integrator", ("id", id), ("integrator", integratorId));
    });

    /// <summary>Makes a second secret; null: there are two already, or the webhook is gone.</summary>
    public Task<StoredSecret?> AddSecretAsync(Guid id) => ChangeSecretsAsync(id, (secrets, made) => secrets.Count < MostSecrets ? [.. secrets, made] : null);

    /// <summary>Removes one of two secrets; false: there is no such, or it is the only one.</summary>
    public async Task<bool> RemoveSecretAsync(Guid id, Guid secretId) => await ChangeSecretsAsync(id, (secrets, _) =>
        secrets.Count > 1 && secrets.Any(s => s.Id == secretId) ? [.. secrets.Where(s => s.Id != secretId)] : null) is not null;

    /// <summary>Its secrets, oldest first.</summary>
    /// <exception cref="SealBrokenException">They cannot be read any more.</exception>
    public IReadOnlyList<StoredSecret> SecretsOf(WebhookRecord webhook) => JsonSerializer.Deserialize(
        SealedBlob.Open(keys.OpenDataKey(webhook.Id, webhook.WrappedKey), BlobPlace.WebhookSecrets, webhook.Secrets), EventJson.Default.IReadOnlyListStoredSecret)!;

    /// <param name="change">Given the secrets and a new one, what there is to be; null: nothing changes.</param>
    /// <returns>The new one, where something changed.</returns>
    async Task<StoredSecret?> ChangeSecretsAsync(Guid id, Func<IReadOnlyList<StoredSecret>, StoredSecret, IReadOnlyList<StoredSecret>?> change)
    {
        var made = NewSecret(time.GetUtcNow());
        return await database.WriteAsync(async t =>
        {
            var found = (await t.ReadAsync(WebhookRecord.Read, $"SELECT {WebhookRecord.Columns} FROM webhooks WHERE id = @id{database.ForUpdate}", ("id", id))).FirstOrDefault();
            if (found is null || change(SecretsOf(found), made) is not { } secrets)
                return null;
            await t.RunAsync("UPDATE webhooks SET signing_keys = @secrets, updated_at = @now WHERE id = @id",
                ("id", id), ("secrets", Seal(keys.OpenDataKey(id, found.WrappedKey), secrets)), ("now", Now));
            return made;
        });
    }

    static StoredSecret NewSecret(DateTimeOffset now) => new(Guid.CreateVersion7(now), now, $"whsec_{Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes))}");

    static byte[] Seal(DataKey key, IReadOnlyList<StoredSecret> secrets) =>
        SealedBlob.Seal(key, BlobPlace.WebhookSecrets, JsonSerializer.SerializeToUtf8Bytes(secrets, EventJson.Default.IReadOnlyListStoredSecret));

    static (string, object?)[] Values(WebhookRecord webhook) =>
    [
        ("id", webhook.Id), ("url", webhook.Url), ("types", JsonSerializer.Serialize(webhook.Types, HaloJson.Default.IReadOnlyListString)),
        ("sources", webhook.Sources is null ? null : JsonSerializer.Serialize(webhook.Sources, HaloJson.Default.IReadOnlyListString)),
        ("style", webhook.Style == WebhookStyle.Standard ? "standard" : "halo"), ("enabled", webhook.Enabled),
    ];
}

/// <summary>A webhook that the service disabled.</summary>
/// <param name="Since">When.</param>
sealed record DisabledWebhook(Guid Id, Guid IntegratorId, string Reason, DateTimeOffset Since);
