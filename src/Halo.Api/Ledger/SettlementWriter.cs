using System.Data.Common;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>
/// Makes queries final in the transaction of what was decided; of immediate ones that a Link ends <see cref="ImmediateLedger"/> does, by one statement.
/// Each end is a statement of <see cref="QueryTable"/> whose condition is <see cref="QueryLifecycle"/>'s.
/// </summary>
static class SettlementWriter
{
    const int Step = 200;

    /// <summary>Settles queries alike, in the transaction of what was decided. Pages and commands of those that moved go with it.</summary>
    /// <param name="detail">Encrypted, of the one query that is settled; null: its words follow from the failure code.</param>
    /// <param name="dueOnly">Leaves alone what was given a later deadline meanwhile.</param>
    /// <returns>Those that moved: <see cref="SettledQuery"/> says what is to be done after the commit.</returns>
    public static async Task<List<SettledQuery>> SettleAsync(
        DbTransaction t, IReadOnlyCollection<Guid> ids, QueryMode mode, Settlement end, long now, byte[]? detail = null, bool dueOnly = false)
    {
        var (all, events) = (new List<SettledQuery>(ids.Count), new List<NewEvent>());
        // In one order everywhere, so that two nodes do not wait for each other.
        foreach (var step in ids.Order().Chunk(Step))
        {
            var moved = await t.ReadAsync(r => (Id: r.GetGuid(0), Integrator: r.GetGuid(1), Site: r.GetGuid(2), Tag: r.StringOrNull(3)),
                QueryTable.SettleMany(step, mode, end, now, detail, dueOnly));
            if (moved.Count == 0)
                continue;
            if (mode == QueryMode.Async)
            {
                var (list, values) = QueryTable.In([.. moved.Select(q => q.Id)]);
                await t.RunAsync($"DELETE FROM query_commands WHERE query_id IN {list}", values);
                if (end.Status != QueryStatus.Successful)
                    await t.RunAsync($"DELETE FROM pages WHERE query_id IN {list}", values);
                // Who asks for an immediate query is told by its answer.
                events.AddRange(moved.Select(q => new NewEvent(q.Integrator, TypeOf(end), q.Site, DataOf(q.Id, q.Tag, end))));
            }
            all.AddRange(moved.Select(q => new SettledQuery(q.Id, q.Integrator, mode, end.Status)));
        }
        await EventLog.AppendAsync(t, events, now);
        return all;
    }

    static string TypeOf(Settlement end) => end.Status == QueryStatus.Successful ? EventTypes.QueryCompleted : EventTypes.QueryFailed;

    static EventData DataOf(Guid queryId, string? tag, Settlement end) => new()
    {
        QueryId = queryId,
        Source = EventSources.Async,
        Status = end.Status,
        Executed = end.Status == QueryStatus.Successful ? null : end.Executed,
        Code = end.Error?.Code,
        Tag = tag,
    };
}
