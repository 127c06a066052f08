using Halo.Api.Storage;

namespace Halo.Api.Ledger.Events;

/// <summary>Takes away events, and deliveries that have ended, once they have been kept as long as they should.</summary>
sealed class EventRetention(Database database)
{
    const int Step = 200;

    /// <summary>Takes events that happened before, and deliveries that ended before, some in one call.</summary>
    /// <returns>How many went; 0: there are no more.</returns>
    public Task<int> ForgetAsync(DateTimeOffset before) => database.WriteAsync(async t =>
        await t.RunAsync(
            $"DELETE FROM events WHERE (integrator_id, number) IN (SELECT integrator_id, number FROM events WHERE at <= @before ORDER BY at LIMIT {Step})", ("before", before.Ms()))
        + await t.RunAsync(
            $"DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE ended_at <= @before ORDER BY ended_at LIMIT {Step})", ("before", before.Ms())));

    /// <summary>When the oldest that can go happened; null: there is none.</summary>
    public async Task<DateTimeOffset?> OldestAsync() => (await database.ReadAsync(r => r.TimeOrNull(0),
        "SELECT MIN(at) FROM (SELECT MIN(at) AS at FROM events UNION ALL SELECT MIN(ended_at) AS at FROM webhook_deliveries WHERE ended_at IS NOT NULL) AS both_tables"))[0];
}
