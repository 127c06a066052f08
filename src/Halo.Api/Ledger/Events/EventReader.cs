using Halo.Api.Storage;

namespace Halo.Api.Ledger.Events;

/// <summary>Events of one integrator, in their order.</summary>
sealed class EventReader(Database database)
{
    const int Step = 200;

    /// <summary>The first and the last that are kept; the last is also told where none is kept any more.</summary>
    public async Task<(long First, long Last)> RangeAsync(Guid integratorId) => (await database.ReadAsync(
        r => (r.LongOrNull(0) ?? (r.LongOrNull(1) ?? 0) + 1, r.LongOrNull(1) ?? 0),
        """
        SELECT (SELECT MIN(number) FROM events WHERE integrator_id = @integrator), (SELECT last_number FROM event_counters WHERE integrator_id = @integrator)
        """, ("integrator", integratorId)))[0];

    /// <summary>Those after a number, some in one call.</summary>
    public Task<List<StoredEvent>> AfterAsync(Guid integratorId, long number) => database.ReadAsync(
        r => new StoredEvent(r.GetInt64(0), r.GetGuid(1), r.GetString(2), r.GetInt64(3), r.GuidOrNull(4), r.GetString(5)),
        $"SELECT number, id, type, at, site_id, data FROM events WHERE integrator_id = @integrator AND number > @number ORDER BY number LIMIT {Step}",
        ("integrator", integratorId), ("number", number));
}
