using System.Data.Common;
using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Json;

namespace Halo.Api.Ledger.Events;

/// <summary>Something that an integrator is to be told.</summary>
/// <param name="Type">One of <see cref="EventTypes"/>.</param>
/// <param name="SiteId">Where it happened; null: it belongs to no site.</param>
sealed record NewEvent(Guid IntegratorId, string Type, Guid? SiteId, EventData Data);

/// <summary>Writes events, and what is to be delivered of them, in the transaction of what happened.</summary>
/// <remarks>After the commit, whoever wrote them raises <see cref="EventSignals"/> for their integrators.</remarks>
static class EventLog
{
    const string CountUp =
        """
        INSERT INTO event_counters (integrator_id, last_number) VALUES (@integrator, @count)
        ON CONFLICT (integrator_id) DO UPDATE SET last_number = event_counters.last_number + @count RETURNING last_number
        """;

    static readonly string[] Columns = ["integrator_id", "number", "id", "type", "at", "site_id", "data"];

    /// <summary>Until the transaction ends nobody writes events of this integrator: for whoever takes away what they refer to.</summary>
    /// <returns>The number of its last.</returns>
    public static async Task<long> LockAsync(DbTransaction t, Guid integratorId) =>
        (await t.ReadAsync(r => r.GetInt64(0), CountUp, ("integrator", integratorId), ("count", 0L)))[0];

    /// <summary>That something happened at a site, for everyone who is paired with it, or with another site that it concerns.</summary>
    public static async Task<IReadOnlyList<NewEvent>> ForSiteAsync(DbTransaction t, Guid siteId, string type, EventData data, IReadOnlyList<Guid>? others = null)
    {
        var (list, values) = QueryTable.In([siteId, .. others ?? []]);
        return await t.ReadAsync(r => new NewEvent(r.GetGuid(0), type, siteId, data), $"SELECT DISTINCT integrator_id FROM pairings WHERE site_id IN {list}", values);
    }

    /// <summary>Writes events that happened now, in their order. Once in a transaction, and at its end: what it locks others wait for.</summary>
    /// <param name="now">Milliseconds since 1970.</param>
    public static async Task AppendAsync(DbTransaction t, IReadOnlyCollection<NewEvent> events, long now)
    {
        // In one order everywhere, so that two nodes do not wait for each other.
        foreach (var own in events.GroupBy(e => e.IntegratorId).OrderBy(g => g.Key))
        {
            var all = own.ToList();
            var last = (await t.ReadAsync(r => r.GetInt64(0), CountUp, ("integrator", own.Key), ("count", (long)all.Count)))[0];
            var stored = all.Select((e, i) => (New: e, Stored: new StoredEvent(last - all.Count + i + 1, Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(now)), e.Type, now, e.SiteId,
                JsonSerializer.Serialize(e.Data, HaloJson.Default.EventData)))).ToList();
            foreach (var step in stored.Select(e => e.Stored).Chunk(Rows.Most))
                await t.RunAsync(Rows.Insert("events", Columns, step.Length), Rows.Values(step, e => [own.Key, e.Number, e.Id, e.Type, e.At, e.SiteId, e.Data]));
            foreach (var webhook in await Outbox.WebhooksAsync(t, own.Key))
                await Outbox.AddAsync(t, own.Key, webhook.Id, [.. stored.Where(e => webhook.Wants(e.New)).Select(e => e.Stored)]);
        }
    }
}

/// <summary>An event as it is stored.</summary>
/// <param name="Number">Of the integrator's, without gaps, from 1.</param>
/// <param name="At">Milliseconds since 1970.</param>
/// <param name="Data">JSON of <see cref="EventData"/>.</param>
sealed record StoredEvent(long Number, Guid Id, string Type, long At, Guid? SiteId, string Data)
{
    /// <summary>As integrators see it.</summary>
    public HaloEvent Show() => new()
    {
        Id = Id,
        Type = Type,
        OccurredAt = DateTimeOffset.FromUnixTimeMilliseconds(At),
        SiteId = SiteId,
        Data = JsonSerializer.Deserialize(Data, HaloJson.Default.EventData) ?? new(),
    };
}
