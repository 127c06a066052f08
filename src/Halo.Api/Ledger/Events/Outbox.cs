using System.Data.Common;
using System.Text.Json;
using Halo.Api.Storage;
using Halo.Contracts.Json;

namespace Halo.Api.Ledger.Events;

/// <summary>A webhook that is told of events, as far as they are chosen by it.</summary>
/// <param name="Types">Of the events that it wants.</param>
/// <param name="Sources">Of queries; null: all.</param>
sealed record ListeningWebhook(Guid Id, IReadOnlyList<string> Types, IReadOnlyList<string>? Sources)
{
    public bool Wants(NewEvent happened) =>
        Types.Contains(happened.Type) && (happened.Data.Source is not { } source || Sources is null || Sources.Contains(source));
}

/// <summary>Makes deliveries, in the transaction of what is to be delivered.</summary>
static class Outbox
{
    const string CountUp =
        """
        INSERT INTO webhook_sequences (webhook_id, site_id, last_number) VALUES (@webhook, @site, @count)
        ON CONFLICT (webhook_id, site_id) DO UPDATE SET last_number = webhook_sequences.last_number + @count RETURNING last_number
        """;

    static readonly string[] Columns =
        ["id", "webhook_id", "integrator_id", "sequence", "event_number", "event_id", "type", "at", "site_id", "data", "status", "tries", "waited", "waited_sum", "next_at", "attempts"];

    /// <summary>Those of an integrator that are enabled, as it must be itself; in one order.</summary>
    public static Task<List<ListeningWebhook>> WebhooksAsync(DbTransaction t, Guid integratorId) => t.ReadAsync(
        r => new ListeningWebhook(r.GetGuid(0), ReadList(r.GetString(1)), r.StringOrNull(2) is { } sources ? ReadList(sources) : null),
        """
        SELECT w.id, w.event_types, w.sources FROM webhooks w JOIN integrators i ON i.id = w.integrator_id AND i.enabled
        WHERE w.integrator_id = @integrator AND w.enabled ORDER BY w.id
        """, ("integrator", integratorId));

    /// <summary>Events for one webhook, in their order.</summary>
    /// <returns>Ids of the deliveries.</returns>
    public static async Task<IReadOnlyList<Guid>> AddAsync(DbTransaction t, Guid integratorId, Guid webhookId, IReadOnlyList<StoredEvent> events)
    {
        var numbered = new List<(Guid Id, long Sequence, StoredEvent Event)>();
        foreach (var ofSite in events.GroupBy(e => e.SiteId ?? Guid.Empty).OrderBy(g => g.Key))
        {
            var all = ofSite.ToList();
            var last = (await t.ReadAsync(r => r.GetInt64(0), CountUp, ("webhook", webhookId), ("site", ofSite.Key), ("count", (long)all.Count)))[0];
            numbered.AddRange(all.Select((e, i) => (Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(e.At)), last - all.Count + i + 1, e)));
        }
        foreach (var step in numbered.Chunk(Rows.Most))
        {
            await t.RunAsync(Rows.Insert("webhook_deliveries", Columns, step.Length), Rows.Values(step, d =>
            [
                d.Id, webhookId, integratorId, d.Sequence, d.Event.Number, d.Event.Id, d.Event.Type, d.Event.At, d.Event.SiteId, d.Event.Data, "pending", 0, 0L, 0L, d.Event.At, "[]",
            ]));
        }
        return [.. numbered.Select(d => d.Id)];
    }

    static IReadOnlyList<string> ReadList(string json) => JsonSerializer.Deserialize(json, HaloJson.Default.IReadOnlyListString) ?? [];
}
