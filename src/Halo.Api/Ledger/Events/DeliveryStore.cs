using System.Data.Common;
using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Ledger.Events;

/// <summary>One event on its way to one webhook, as it is stored.</summary>
/// <param name="Tries">Since it was made, or last redelivered.</param>
/// <param name="Waited">Before the last of those.</param>
/// <param name="WaitedInAll">Before all of them.</param>
sealed record DeliveryRecord(Guid Id, Guid WebhookId, long Sequence, StoredEvent Event, WebhookDeliveryStatus Status, int Tries, TimeSpan Waited, TimeSpan WaitedInAll,
    DateTimeOffset? NextAt, IReadOnlyList<WebhookAttempt> Attempts)
{
    internal const string Columns = "id, webhook_id, sequence, event_number, event_id, type, at, site_id, data, status, tries, waited, waited_sum, next_at, attempts";

    internal static DeliveryRecord Read(DbDataReader r) => new(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2),
        new(r.GetInt64(3), r.GetGuid(4), r.GetString(5), r.GetInt64(6), r.GuidOrNull(7), r.GetString(8)),
        Enum.Parse<WebhookDeliveryStatus>(r.GetString(9), ignoreCase: true), r.GetInt32(10), TimeSpan.FromMilliseconds(r.GetInt64(11)), TimeSpan.FromMilliseconds(r.GetInt64(12)), r.TimeOrNull(13),
        JsonSerializer.Deserialize(r.GetString(14), HaloJson.Default.IReadOnlyListWebhookAttempt) ?? []);

    /// <summary>As integrators see it.</summary>
    public WebhookDelivery Show() => new()
    {
        Id = Id,
        WebhookId = WebhookId,
        EventId = Event.Id,
        Type = Event.Type,
        OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(Event.At),
        SiteId = Event.SiteId,
        Sequence = Sequence,
        Status = Status,
        Attempts = Attempts,
        NextAttemptAt = NextAt,
    };
}

/// <summary>What an attempt came to.</summary>
/// <param name="Status">Where the delivery stands now.</param>
/// <param name="NextAt">When it is tried again; null: not any more.</param>
/// <param name="Wait">Until then.</param>
sealed record AttemptEnd(WebhookAttempt Attempt, WebhookDeliveryStatus Status, DateTimeOffset? NextAt, TimeSpan Wait);

/// <summary>Deliveries in the store: what is due is taken by one sender at a time, and what came of it written back.</summary>
sealed class DeliveryStore(Database database, TimeProvider time)
{
    /// <summary>A sender that has said nothing for so long is gone: another takes over.</summary>
    public static readonly TimeSpan TakenFor = TimeSpan.FromSeconds(30);

    /// <summary>Attempts that are remembered of each.</summary>
    const int MostAttempts = 30;

    long Now => time.GetUtcNow().Ms();

    /// <summary>For each webhook with something pending, when the earliest of it is due.</summary>
    /// <param name="integratorIds">Of these alone; null: of all.</param>
    public Task<List<(Guid WebhookId, DateTimeOffset At)>> PendingAsync(IReadOnlyList<Guid>? integratorIds)
    {
        var (list, values) = integratorIds is null ? ("", []) : QueryTable.In(integratorIds);
        // One look into the index for each webhook, however much waits.
        return database.ReadAsync(r => (r.GetGuid(0), r.Time(1)),
            $"""
            SELECT id, next_at FROM (
              SELECT w.id, (SELECT MIN(d.next_at) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending') AS next_at
              FROM webhooks w{(integratorIds is null ? "" : $" WHERE w.integrator_id IN {list}")}) AS found
            WHERE next_at IS NOT NULL
            """, values);
    }

    /// <summary>When the earliest of what a webhook waits for is due; null: nothing waits.</summary>
    public async Task<DateTimeOffset?> NextAsync(Guid webhookId) => (await database.ReadAsync(r => r.TimeOrNull(0),
        "SELECT MIN(next_at) FROM webhook_deliveries WHERE webhook_id = @webhook AND status = 'pending'", ("webhook", webhookId)))[0];

    /// <summary>How much waits for a webhook, counted no further than needed.</summary>
    public async Task<long> CountAsync(Guid webhookId, int upTo) => (await database.ReadAsync(r => r.GetInt64(0),
        "SELECT COUNT(*) FROM (SELECT 1 FROM webhook_deliveries WHERE webhook_id = @webhook AND status = 'pending' LIMIT @most) AS counted", ("webhook", webhookId), ("most", upTo)))[0];

    /// <summary>Takes what is due for a webhook, in the order in which it fell due.</summary>
    public async Task<IReadOnlyList<DeliveryRecord>> TakeAsync(Guid webhookId, int most)
    {
        // The condition stands twice: whoever waited here for another node's sender finds that it has gone.
        var taken = await database.WriteAsync(t => t.ReadAsync(DeliveryRecord.Read,
            $"""
            UPDATE webhook_deliveries SET next_at = @until WHERE status = 'pending' AND next_at <= @now AND id IN (
              SELECT id FROM webhook_deliveries WHERE webhook_id = @webhook AND status = 'pending' AND next_at <= @now ORDER BY next_at, event_number LIMIT @most)
            RETURNING {DeliveryRecord.Columns}
            """, ("webhook", webhookId), ("now", Now), ("until", (time.GetUtcNow() + TakenFor).Ms()), ("most", most)));
        return [.. taken.OrderBy(d => d.Event.Number).ThenBy(d => d.Sequence)];
    }

    /// <summary>Gives up what waits for a webhook that is not told any more.</summary>
    public Task<int> GiveUpAsync(Guid webhookId) => database.WriteAsync(t => t.RunAsync(WebhookStore.GiveUp, ("id", webhookId), ("now", Now)));

    /// <summary>Writes what an attempt came to, and whether its webhook works.</summary>
    /// <returns>Since when every attempt of the webhook failed; null: this one did not.</returns>
    public Task<DateTimeOffset?> EndAttemptAsync(DeliveryRecord delivery, AttemptEnd end) => database.WriteAsync(async t =>
    {
        // The webhook first, as everywhere.
        var failingSince = (await t.ReadAsync(r => r.TimeOrNull(0),
            end.Status == WebhookDeliveryStatus.Delivered
                ? "UPDATE webhooks SET failing_since = NULL WHERE id = @id AND failing_since IS NOT NULL RETURNING failing_since"
                : "UPDATE webhooks SET failing_since = COALESCE(failing_since, @at) WHERE id = @id RETURNING failing_since",
            end.Status == WebhookDeliveryStatus.Delivered ? [("id", delivery.WebhookId)] : [("id", delivery.WebhookId), ("at", end.Attempt.At.Ms())])).FirstOrDefault();
        var attempts = JsonSerializer.Serialize([.. delivery.Attempts.TakeLast(MostAttempts - 1), end.Attempt], HaloJson.Default.IReadOnlyListWebhookAttempt);
        await t.RunAsync(
            """
            UPDATE webhook_deliveries SET status = @status, tries = @tries + 1, waited = @waited, waited_sum = waited_sum + @waited, next_at = @next, ended_at = @ended, attempts = @attempts
            WHERE id = @id AND status = 'pending' AND tries = @tries
            """,
            ("id", delivery.Id), ("status", Word(end.Status)), ("tries", delivery.Tries), ("waited", (long)end.Wait.TotalMilliseconds),
            ("next", end.NextAt?.Ms()), ("ended", end.NextAt is null ? Now : null), ("attempts", attempts));
        return failingSince;
    });

    /// <summary>Deliveries of an integrator, newest first.</summary>
    /// <param name="after">Those made before this one; null: from the newest.</param>
    public Task<List<DeliveryRecord>> ListAsync(Guid integratorId, Guid? webhookId, WebhookDeliveryStatus? status, Guid? after, int limit)
    {
        var conditions = new List<string> { "integrator_id = @integrator" };
        var values = new List<(string, object?)> { ("integrator", integratorId), ("limit", limit) };
        Add("webhook_id = @webhook", "webhook", webhookId);
        Add("status = @status", "status", status is { } wanted ? Word(wanted) : null);
        Add("id < @after", "after", after);
        return database.ReadAsync(DeliveryRecord.Read,
            $"SELECT {DeliveryRecord.Columns} FROM webhook_deliveries WHERE {string.Join(" AND ", conditions)} ORDER BY id DESC LIMIT @limit", [.. values]);

        void Add(string condition, string name, object? value)
        {
            if (value is null)
                return;
            conditions.Add(condition);
            values.Add((name, value));
        }
    }

    /// <summary>One of an integrator's own; null: there is none.</summary>
    public async Task<DeliveryRecord?> FindAsync(Guid integratorId, Guid id) => (await database.ReadAsync(DeliveryRecord.Read,
        $"SELECT {DeliveryRecord.Columns} FROM webhook_deliveries WHERE id = @id AND integrator_id = @integrator",
        ("id", id), ("integrator", integratorId))).FirstOrDefault();

    /// <summary>Has one tried again, from the beginning.</summary>
    /// <returns>False: its webhook is disabled, or gone.</returns>
    public Task<bool> RedeliverAsync(DeliveryRecord delivery, Guid integratorId) => database.WriteAsync(async t =>
    {
        await EventLog.LockAsync(t, integratorId);
        return (await Outbox.WebhooksAsync(t, integratorId)).Any(w => w.Id == delivery.WebhookId) && await t.RunAsync(
            "UPDATE webhook_deliveries SET status = 'pending', tries = 0, waited = 0, waited_sum = 0, next_at = @now, ended_at = NULL WHERE id = @id",
            ("id", delivery.Id), ("now", Now)) > 0;
    });

    /// <summary>An event for one webhook alone, which is no event of the stream; null: the webhook is gone, or disabled.</summary>
    public Task<Guid?> TestAsync(Guid integratorId, Guid webhookId) => database.WriteAsync<Guid?>(async t =>
    {
        var last = await EventLog.LockAsync(t, integratorId);
        return (await Outbox.WebhooksAsync(t, integratorId)).Any(w => w.Id == webhookId)
            ? (await Outbox.AddAsync(t, integratorId, webhookId, [new(last, Guid.CreateVersion7(time.GetUtcNow()), EventTypes.WebhookTest, Now, null, "{}")]))[0]
            : null;
    });

    static string Word(WebhookDeliveryStatus status) => JsonNamingPolicy.CamelCase.ConvertName(status.ToString());
}
