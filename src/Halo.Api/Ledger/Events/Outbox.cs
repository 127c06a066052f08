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
    const string NextInSequence =
        """
        INSERT INTO webhook_sequences (webhook_id, site_id, last_number) VALUES (@webhook, @site, 1)
        ON CONFLICT (webhook_id, site_id) DO UPDATE SET last_number = webhook_sequences.last_number + 1 RETURNING last_number
        """;

    const string Insert =
        """
        INSERT INTO webhook_deliveries (id, webhook_id, sequence, event_number, event_id, type, at, site_id, data, status, tries, waited, next_at, attempts)
        VALUES (@id, @webhook, @sequence, @number, @event, @type, @at, @site, @data, 'pending', 0, 0, @at, '[]')
        """;

    /// <summary>Those of an integrator that are enabled, in one order.</summary>
    public static Task<List<ListeningWebhook>> WebhooksAsync(DbTransaction t, Guid integratorId) => t.ReadAsync(
        r => new ListeningWebhook(r.GetGuid(0), ReadList(r.GetString(1)), r.StringOrNull(2) is { } sources ? ReadList(sources) : null),
        "SELECT id, event_types, sources FROM webhooks WHERE integrator_id = @integrator AND enabled ORDER BY id", ("integrator", integratorId));

    /// <summary>One event for one webhook.</summary>
    /// <returns>The delivery's id.</returns>
    public static async Task<Guid> AddAsync(DbTransaction t, Guid webhookId, StoredEvent happened)
    {
        var id = Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(happened.At));
        var sequence = (await t.ReadAsync(r => r.GetInt64(0), NextInSequence, ("webhook", webhookId), ("site", happened.SiteId ?? Guid.Empty)))[0];
        await t.RunAsync(Insert, ("id", id), ("webhook", webhookId), ("sequence", sequence), ("number", happened.Number), ("event", happened.Id),
            ("type", happened.Type), ("at", happened.At), ("site", happened.SiteId), ("data", happened.Data));
        return id;
    }

    static IReadOnlyList<string> ReadList(string json) => JsonSerializer.Deserialize(json, HaloJson.Default.IReadOnlyListString) ?? [];
}
