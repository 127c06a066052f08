using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    static readonly string BecomeUploading =
        $"""
        UPDATE queries SET status = 'uploading', uploading_at = @now, updated_at = @now, deadline_at = @deadline,
          rows_count = @rows, rows_affected = @affected, result_size = @size, page_count = @pages, result_sets = @sets,
          lane_ms = @lane, execute_ms = @execute, encode_ms = @encode, detail = @detail
        WHERE id = @id AND claim_id = @claim AND {QueryLifecycle.MayBecome(QueryStatus.Uploading, Mover.Link, QueryMode.Async)}
        """;

    static readonly string BecomeQueued =
        $"""
        UPDATE queries SET status = 'queued', handed_back_claim = @claim, claim_id = NULL, claim_number = NULL, link_id = NULL, run_id = NULL,
          session_id = NULL, executing_at = NULL, updated_at = @now, deadline_at = created_at + max_time_in_queue
        WHERE id = @id AND claim_id = @claim AND {QueryLifecycle.MayBecome(QueryStatus.Queued, Mover.Link, QueryMode.Async)}
        """;

    /// <summary>The database has begun to answer: its columns are known, and pages will follow.</summary>
    /// <param name="by">The session that tells it, here and in the other reports: it counts only if its Link and run hold the claim. Null: the service's own word.</param>
    public Task<MoveResult> ReadingAsync(Guid queryId, Guid claimId, IReadOnlyList<ResultColumn> columns, SessionReference? by = null) =>
        ReportAsync(queryId, claimId, by, async (t, held) =>
        {
            if (held.Status == QueryStatus.Executing)
                await t.RunAsync("UPDATE queries SET detail = @detail WHERE id = @id",
                    ("id", queryId), ("detail", Sealed(held, d => d with { Columns = columns })));
            return new(true, held.Status);
        });

    /// <summary>The database has answered in full; the rest of the pages may follow until the upload limit.</summary>
    public async Task<MoveResult> UploadingAsync(Guid queryId, Guid claimId, Report report, SessionReference? by = null)
    {
        var result = await ReportAsync(queryId, claimId, by, async (t, held) => held.Status == QueryStatus.Executing
            ? await UploadingAsync(t, held, report)
            : new(true, held.Status));
        if (result.Moved)
            Hint(Now + (long)options.UploadLimit.TotalMilliseconds);
        return result;
    }

    async Task<MoveResult> UploadingAsync(DbTransaction t, Held held, Report report)
    {
        var now = Now;
        var moved = await t.RunAsync(BecomeUploading,
            ("id", held.Id), ("claim", report.ClaimId), ("now", now), ("deadline", now + (long)options.UploadLimit.TotalMilliseconds),
            ("rows", report.Rows), ("affected", report.RowsAffected), ("size", report.Size), ("pages", report.PageCount), ("sets", report.ResultSets),
            ("lane", report.Timings?.LaneMs), ("execute", report.Timings?.ExecuteMs), ("encode", report.Timings?.EncodeMs),
            ("detail", Sealed(held, d => d with
            {
                Columns = report.Columns ?? d.Columns,
                Parameters = report.Parameters ?? d.Parameters,
                DatabaseNotices = report.Notices ?? d.DatabaseNotices,
            })));
        return new(moved > 0, moved > 0 ? QueryStatus.Uploading : held.Status) { Moved = moved > 0 };
    }

    /// <summary>Not begun and given back: it waits again, for what is left of its time.</summary>
    public async Task<MoveResult> HandBackAsync(Guid queryId, Guid claimId, SessionReference? by = null)
    {
        var deadline = 0L;
        var result = await database.WriteAsync<MoveResult>(async t =>
        {
            if (await HoldAsync(t, queryId) is not { } held)
                return new(false, null);
            if (held.HandedBackClaim == claimId)
                return new(true, held.Status);
            if (held.ClaimId != claimId || !held.IsHeldBy(by))
                return new(false, held.Status) { NotHeld = held.ClaimId == claimId };
            if (held.CancelAsked)
            {
                // Nobody wants it any more: it must not be claimed again.
                var settled = await SettleManyAsync(t, [queryId], QueryMode.Async,
                    new(QueryStatus.Cancelled, Mover.Api, Executed.No, FailureCodes.CancelledByIntegrator), Now);
                // None: it has ended already, in whatever way.
                return settled.Count > 0 ? new(true, QueryStatus.Cancelled) { Moved = true } : new(held.Status == QueryStatus.Cancelled, held.Status);
            }
            if (await t.RunAsync(BecomeQueued, ("id", queryId), ("claim", claimId), ("now", Now)) == 0)
                return new(false, held.Status);
            deadline = held.QueueDeadline;
            return new(true, QueryStatus.Queued) { Moved = true };
        });
        if (result is { Moved: true, Status: QueryStatus.Queued })
            Hint(deadline);
        else if (result.Moved)
            Tell(queryId, QueryMode.Async, QueryStatus.Cancelled);
        return result;
    }

    /// <summary>A claimed query ends otherwise than successful. Its pages go.</summary>
    public async Task<MoveResult> SettleClaimAsync(Guid queryId, Guid claimId, Settlement s, SessionReference? by = null)
    {
        var result = await ReportAsync(queryId, claimId, by, async (t, held) =>
        {
            if (QueryLifecycle.IsFinal(held.Status))
                return new(held.Status == s.Status && held.SettledBy == LedgerSql.Word(s.By), held.Status);
            if (!QueryLifecycle.Allows(held.Status, s.Status, s.By, QueryMode.Async))
                return new(false, held.Status);
            await SettleAsync(t, held, s);
            return new(true, s.Status) { Moved = true };
        });
        // Whatever the manifest said: a page may have been stored whose row was never written.
        if (result.Moved)
            await ConcludeAsync([new SettledQuery(queryId, QueryMode.Async, s.Status, DropsPages: s.Status != QueryStatus.Successful)]);
        return result;
    }

    async Task SettleAsync(DbTransaction t, Held held, Settlement s)
    {
        var detail = Sealed(held, d => new()
        {
            Columns = s.Columns ?? d.Columns,
            Parameters = s.Parameters ?? d.Parameters,
            Error = s.Error ?? d.Error,
            Notices = d.Notices,
            DatabaseNotices = s.Notices ?? d.DatabaseNotices,
        });
        await t.RunAsync(LedgerSql.SettleFor(s, QueryMode.Async), LedgerSql.SettleParameters(held.Id, s, Now, null, detail));
        await t.RunAsync("DELETE FROM query_commands WHERE query_id = @id", ("id", held.Id));
        if (s.Status != QueryStatus.Successful)
            await t.RunAsync("DELETE FROM pages WHERE query_id = @id", ("id", held.Id));
    }

    /// <summary>Locks the query and lets a report of its present claim through; another's is told where the query stands.</summary>
    Task<MoveResult> ReportAsync(Guid queryId, Guid claimId, SessionReference? by, Func<DbTransaction, Held, Task<MoveResult>> report) =>
        database.WriteAsync(async t =>
        {
            if (await HoldAsync(t, queryId) is not { } held)
                return new(false, null);
            if (held.ClaimId != claimId || !held.IsHeldBy(by))
                return new(false, held.Status) { NotHeld = held.ClaimId == claimId };
            // What the API has settled by itself stays so, whatever the Link says later.
            if (QueryLifecycle.IsFinal(held.Status) && held.SettledBy is "api" or "restore")
                return new(false, held.Status);
            return await report(t, held);
        });

    async Task<Held?> HoldAsync(DbTransaction t, Guid queryId)
    {
        var rows = await t.ReadAsync(
            r => new Held(
                queryId, QueryLifecycle.Parse(r.GetString(0)), r.GuidOrNull(1), r.GuidOrNull(2), r.StringOrNull(3),
                r.BytesOrNull(4), r.BytesOrNull(5), r.GetInt64(6), r.LongOrNull(7), r.GuidOrNull(8), !r.IsDBNull(9), r.GuidOrNull(10)),
            $"""
            SELECT status, claim_id, handed_back_claim, settled_by, wrapped_key, detail, created_at + max_time_in_queue, rows_count, link_id, cancel_asked_at, run_id
            FROM queries WHERE id = @id{database.ForUpdate}
            """,
            ("id", queryId));
        return rows.Count == 0 ? null : rows[0];
    }

    byte[]? Sealed(Held held, Func<QueryDetail, QueryDetail> change)
    {
        if (held.WrappedKey is null)
            return null;
        var key = keys.OpenDataKey(held.Id, held.WrappedKey);
        var detail = change(held.Detail is null ? new() : LedgerSeal.OpenDetail(key, held.Detail));
        return detail.IsEmpty ? null : LedgerSeal.Seal(key, detail);
    }

    /// <summary>A query whose row is locked.</summary>
    sealed record Held(
        Guid Id, QueryStatus Status, Guid? ClaimId, Guid? HandedBackClaim, string? SettledBy, byte[]? WrappedKey, byte[]? Detail,
        long QueueDeadline, long? Rows, Guid? LinkId, bool CancelAsked, Guid? RunId)
    {
        /// <summary>Whether a session may speak of it. A later run carries on with the claims that its Hello named; of what has ended any run of the Link may tell again.</summary>
        public bool IsHeldBy(SessionReference? by) => by is null || by.LinkId == LinkId && (by.RunId == RunId || QueryLifecycle.IsFinal(Status));
    }
}
