using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>
/// Makes queries final: every end is written here, by a statement whose condition is <see cref="QueryLifecycle"/>'s. What later work must learn of
/// an end, in the same transaction (an outbox), is to be written here too.
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
        var all = new List<SettledQuery>(ids.Count);
        // In one order everywhere, so that two nodes do not wait for each other.
        foreach (var step in ids.Order().Chunk(Step))
        {
            var moved = await t.ReadAsync(r => r.GetGuid(0), QueryTable.SettleMany(step, mode, end, now, detail, dueOnly));
            if (moved.Count == 0)
                continue;
            if (mode == QueryMode.Async)
            {
                var (list, values) = QueryTable.In(moved);
                await t.RunAsync($"DELETE FROM query_commands WHERE query_id IN {list}", values);
                if (end.Status != QueryStatus.Successful)
                    await t.RunAsync($"DELETE FROM pages WHERE query_id IN {list}", values);
            }
            all.AddRange(moved.Select(id => new SettledQuery(id, mode, end.Status)));
        }
        return all;
    }

    /// <summary>How an immediate query ended, with its row where that is not there yet: one statement of the group commit.</summary>
    public static Statement Ended(SentQuery sent, Settlement end, long at, byte[]? key, byte[]? detail) => QueryTable.InsertOrSettle(sent.Query,
        new(end.Status, at, sent.Session) { ExecutingAt = sent.At.Ms(), CompletedAt = at, WrappedKey = key, Detail = detail }, end);

    /// <summary>How an immediate query ended whose row is there.</summary>
    /// <param name="by">Only where its Link and run were sent the query. Null: the service's own word.</param>
    public static Statement Ended(Guid queryId, Settlement end, long at, byte[]? key, byte[]? detail, SessionReference? by) =>
        QueryTable.SettleOne(queryId, QueryMode.Immediate, end, at, key, detail, by);

    /// <summary>A query that was accepted and is final at once.</summary>
    /// <exception cref="InvalidOperationException">There is no such move.</exception>
    public static Statement Refused(NewQuery query, Settlement end, long at, byte[]? key, byte[]? detail) =>
        QueryLifecycle.Allows(QueryStatus.Initialising, end.Status, end.By, query.Mode)
            ? QueryTable.Insert(query, new(end.Status, at) { CompletedAt = at, WrappedKey = key, Detail = detail }, end)
            : throw new InvalidOperationException($"No {query.Mode} query becomes {end.Status} at once by {end.By}.");
}
