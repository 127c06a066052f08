using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger;

/// <summary>What Links tell of the async queries that they have claimed. Each report locks its query first; a repeat is accepted and changes nothing.</summary>
/// <remarks>A report counts only if the Link and run of its session (<c>by</c>) hold the claim; null is the service's own word.</remarks>
sealed class ClaimReports(Database database, MasterKeys keys, LedgerOptions options, TimeProvider time)
{
    static readonly string BecomeQueued = QueryTable.BecomeQueued(Mover.Link, "handed_back_claim = @claim");

    long Now => time.GetUtcNow().Ms();

    /// <summary>The database has begun to answer: its columns are known, and pages will follow.</summary>
    public Task<MoveResult> ReadingAsync(Guid queryId, Guid claimId, IReadOnlyList<ResultColumn> columns, SessionReference? by = null) =>
        ReportAsync(queryId, claimId, by, async (t, query) =>
        {
            if (query.Status == QueryStatus.Executing)
                await t.RunAsync("UPDATE queries SET detail = @detail, reading_at = COALESCE(reading_at, @now) WHERE id = @id", ("id", queryId), ("now", Now),
                    ("detail", query.DetailWith(keys, d => d with { Columns = columns })));
            return new(true, query.Status);
        });

    /// <summary>The database has answered in full; the rest of the pages may follow until the upload limit.</summary>
    public Task<MoveResult> UploadingAsync(Guid queryId, Guid claimId, Report report, SessionReference? by = null) =>
        ReportAsync(queryId, claimId, by, async (t, query) => query.Status == QueryStatus.Executing
            ? await UploadingAsync(t, query, report)
            : new(true, query.Status));

    /// <summary>Not begun and given back: it waits again, for what is left of its time.</summary>
    public Task<MoveResult> HandBackAsync(Guid queryId, Guid claimId, SessionReference? by = null) => database.WriteAsync<MoveResult>(async t =>
    {
        if (await LockedQuery.ReadAsync(t, database, queryId) is not { } query)
            return new(false, null);
        if (query.HandedBackClaim == claimId)
            return new(true, query.Status);
        if (query.ClaimId != claimId || !query.IsHeldBy(by))
            return new(false, query.Status) { NotHeld = query.ClaimId == claimId };
        var cancelled = query.CancelAsked ? Settlement.Of(QueryStatus.Cancelled, Mover.Api, Executed.No, FailureCodes.CancelledByIntegrator)
            : await AskingRight.EndOfTakenAsync(t, database, query.SiteId, query.IntegratorId);
        if (cancelled is not null)
        {
            // Nobody wants it any more, or may: it must not be claimed again.
            return await SettlementWriter.SettleAsync(t, [queryId], QueryMode.Async, cancelled, Now) is [var settled]
                ? new(true, QueryStatus.Cancelled) { Moved = true, Settled = settled }
                // It has ended already, in whatever way.
                : new(query.Status == QueryStatus.Cancelled, query.Status);
        }
        return await t.RunAsync(BecomeQueued, ("id", queryId), ("claim", claimId), ("now", Now)) > 0
            ? new(true, QueryStatus.Queued) { Moved = true, Deadline = DateTimeOffset.FromUnixTimeMilliseconds(query.QueueDeadlineAt) }
            : new(false, query.Status);
    });

    /// <summary>Every page is delivered, or there are none: successful if the manifest says the same, else the missing pages.</summary>
    public Task<MoveResult> CompleteAsync(Guid queryId, Guid claimId, Report report, SessionReference? by = null) =>
        ReportAsync(queryId, claimId, by, async (t, query) =>
        {
            if (QueryLifecycle.IsFinal(query.Status))
                return new(query.Status == QueryStatus.Successful, query.Status);
            var manifest = await PageManifest.ReadAsync(t, queryId);
            if (Manifest.Compare(manifest, report, query.Rows) is { } missing)
                return new(false, query.Status) { MissingPages = missing };
            // The report that it is uploading may have been lost; this one says as much.
            if (query.Status == QueryStatus.Executing && report.PageCount > 0)
            {
                await UploadingAsync(t, query, report);
                query = await LockedQuery.ReadAsync(t, database, queryId) ?? query;
            }
            var settled = await SettleAsync(t, query, new(QueryStatus.Successful, Mover.Link)
            {
                Rows = report.Rows,
                RowsAffected = report.RowsAffected,
                Size = report.PageCount > 0 ? manifest.Sum(p => p.JsonSize) : report.Size,
                ResultSets = report.ResultSets > 0 || report.RowsAffected is not null ? report.ResultSets : null,
                Timings = report.Timings,
                UploadMs = report.UploadMs,
                Columns = report.Columns,
                Parameters = report.Parameters,
                Results = report.Results,
                Notices = report.Notices,
            });
            await t.RunAsync("UPDATE queries SET page_count = @pages, digest = @digest WHERE id = @id",
                ("id", queryId), ("pages", report.PageCount), ("digest", report.Digest));
            return settled with { Settled = settled.Settled! with { KeptPages = [.. manifest.Select(p => new PageName(p.PageNumber, p.Digest))] } };
        });

    /// <summary>A claimed query ends otherwise than successful. Its pages go.</summary>
    public Task<MoveResult> SettleAsync(Guid queryId, Guid claimId, Settlement end, SessionReference? by = null) =>
        ReportAsync(queryId, claimId, by, async (t, query) =>
        {
            if (QueryLifecycle.IsFinal(query.Status))
                return new(query.Status == end.Status && query.SettledBy == end.By, query.Status);
            return QueryLifecycle.Allows(query.Status, end.Status, end.By, QueryMode.Async) ? await SettleAsync(t, query, end) : new(false, query.Status);
        });

    /// <summary>Of a locked query whose state allows it.</summary>
    async Task<MoveResult> SettleAsync(DbTransaction t, LockedQuery query, Settlement end)
    {
        var detail = query.DetailWith(keys, d => new()
        {
            Columns = end.Columns ?? d.Columns,
            Parameters = end.Parameters ?? d.Parameters,
            Results = end.Status == QueryStatus.Successful ? end.Results ?? d.Results : null,
            Error = end.Error ?? d.Error,
            Notices = d.Notices,
            DatabaseNotices = end.Notices ?? d.DatabaseNotices,
        });
        var settled = await SettlementWriter.SettleAsync(t, [query.Id], QueryMode.Async, end, Now, detail);
        return new(true, end.Status) { Moved = true, Settled = settled.Single() };
    }

    async Task<MoveResult> UploadingAsync(DbTransaction t, LockedQuery query, Report report)
    {
        var (now, deadline) = (Now, time.GetUtcNow() + options.UploadLimit);
        var soFar = new Settlement(QueryStatus.Uploading, Mover.Link)
        {
            Rows = report.Rows,
            RowsAffected = report.RowsAffected,
            Size = report.Size,
            ResultSets = report.ResultSets,
            Timings = report.Timings,
        };
        var detail = query.DetailWith(keys, d => d with
        {
            Columns = report.Columns ?? d.Columns,
            Parameters = report.Parameters ?? d.Parameters,
            Results = report.Results ?? d.Results,
            DatabaseNotices = report.Notices ?? d.DatabaseNotices,
        });
        var moved = await t.RunAsync(QueryTable.BecomeUploading, QueryTable.UploadingValues(query.Id, report.ClaimId, soFar, report.PageCount, detail, now, deadline.Ms())) > 0;
        return moved ? new(true, QueryStatus.Uploading) { Moved = true, Deadline = deadline } : new(false, query.Status);
    }

    /// <summary>Locks the query and lets a report of its present claim through; another's is told where the query stands.</summary>
    Task<MoveResult> ReportAsync(Guid queryId, Guid claimId, SessionReference? by, Func<DbTransaction, LockedQuery, Task<MoveResult>> report) =>
        database.WriteAsync(async t =>
        {
            if (await LockedQuery.ReadAsync(t, database, queryId) is not { } query)
                return new(false, null);
            if (query.ClaimId != claimId || !query.IsHeldBy(by))
                return new(false, query.Status) { NotHeld = query.ClaimId == claimId };
            // What the API has settled by itself stays so, whatever the Link says later.
            if (QueryLifecycle.IsFinal(query.Status) && query.SettledBy is Mover.Api or Mover.Restore)
                return new(false, query.Status);
            return await report(t, query);
        });
}
