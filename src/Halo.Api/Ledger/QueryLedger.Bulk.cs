using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    const int Step = 200;

    /// <summary>Settles everything whose deadline is past, in the order of the deadlines, at most some hundreds in one call.</summary>
    /// <returns>What became final; empty: nothing is due any more.</returns>
    public async Task<IReadOnlyList<SettledQuery>> DueAsync(DateTimeOffset now)
    {
        var settled = await database.WriteAsync(async t =>
        {
            var due = await t.ReadAsync(
                r => (Id: r.GetGuid(0), Mode: r.GetString(1), Status: QueryLifecycle.Parse(r.GetString(2)), Asked: !r.IsDBNull(3)),
                "SELECT id, mode, status, cancel_asked_at FROM queries WHERE deadline_at <= @now ORDER BY deadline_at LIMIT @step",
                ("now", now.Ms()), ("step", Step));
            var all = new List<SettledQuery>();
            foreach (var group in due.GroupBy(q => (q.Mode, q.Status, q.Asked)).OrderBy(g => g.Key))
            {
                var mode = group.Key.Mode == "async" ? QueryMode.Async : QueryMode.Immediate;
                var ending = EndingAtDeadline(group.Key.Status, group.Key.Asked);
                all.AddRange(await SettleManyAsync(t, [.. group.Select(q => q.Id)], mode, ending, now.Ms(), dueOnly: true));
            }
            return all;
        });
        await ConcludeAsync(settled);
        return settled;
    }

    /// <summary>The earliest deadline of all queries; null: none has one.</summary>
    public async Task<DateTimeOffset?> NextDeadlineAsync() =>
        (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(deadline_at) FROM queries WHERE deadline_at IS NOT NULL"))[0];

    /// <summary>What the API makes of a query that its deadline found in this state.</summary>
    static Ending EndingAtDeadline(QueryStatus status, bool cancelAsked) => status switch
    {
        QueryStatus.Queued => new(QueryStatus.ExpiredInQueue, Mover.Api, Executed.No, FailureCodes.QueueTimeout),
        QueryStatus.Uploading when cancelAsked => new(QueryStatus.Cancelled, Mover.Api, Executed.Yes, FailureCodes.CancelledByIntegrator),
        QueryStatus.Uploading => new(QueryStatus.UploadFailed, Mover.Api, Executed.Yes, FailureCodes.UploadTimeout),
        _ when cancelAsked => new(QueryStatus.Cancelled, Mover.Api, Executed.Unknown, FailureCodes.CancelledByIntegrator),
        _ => new(QueryStatus.ExecutionFailed, Mover.Api, Executed.Unknown, FailureCodes.NoAnswer),
    };

    /// <summary>Settles many alike. Their words follow from the code (<see cref="Failures"/>), so nothing has to be encrypted for each.</summary>
    /// <param name="dueOnly">Leaves alone what was given a later deadline meanwhile.</param>
    static async Task<List<SettledQuery>> SettleManyAsync(
        DbTransaction t, List<Guid> ids, QueryMode mode, Ending ending, long now, bool dueOnly = false)
    {
        var all = new List<SettledQuery>(ids.Count);
        // In one order everywhere, so that two nodes do not wait for each other.
        foreach (var step in ids.Order().Chunk(Step))
        {
            var (list, values) = LedgerSql.In(step);
            var error = Failures.Of(ending.Code);
            var moved = await t.ReadAsync(r => r.GetGuid(0),
                $"""
                UPDATE queries SET status = @status, executed = @executed, settled_by = @by, completed_at = @now, updated_at = @now,
                  deadline_at = NULL, error_type = @errorType, error_code = @errorCode, failure_code = @failure
                WHERE id IN {list} AND {QueryLifecycle.MayBecome(ending.Status, ending.By, mode)}{(dueOnly ? " AND deadline_at <= @now" : "")}
                RETURNING id
                """,
                [
                    .. values, ("status", QueryLifecycle.Word(ending.Status)), ("executed", LedgerSql.Word((Executed?)ending.Executed)),
                    ("by", LedgerSql.Word(ending.By)), ("now", now),
                    ("errorType", error.ErrorType), ("errorCode", error.ErrorCode), ("failure", ending.Code),
                ]);
            if (moved.Count == 0)
                continue;
            if (mode == QueryMode.Async)
            {
                (list, values) = LedgerSql.In(moved);
                await t.RunAsync($"DELETE FROM query_commands WHERE query_id IN {list}", values);
                await t.RunAsync($"DELETE FROM pages WHERE query_id IN {list}", values);
            }
            all.AddRange(moved.Select(id => new SettledQuery(id, mode, ending.Status, mode == QueryMode.Async && ending.Status != QueryStatus.Successful)));
        }
        return all;
    }

    /// <summary>A final state that the API reaches by itself.</summary>
    sealed record Ending(QueryStatus Status, Mover By, Executed Executed, string Code);
}
