using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Async;

/// <summary>Async queries between ledger and Link: claims go out, reports come in; of one session, one after another.</summary>
sealed partial class ClaimedQueries(
    AsyncQueue queue, ClaimReports reports, DeadlineWatch deadlines, SettlementEffects effects, QueryLimits limits, UnheldMessageLog unheld, ILogger<ClaimedQueries> log)
{
    /// <summary>The Link has free slots. The answer goes out on the session that asked, or not at all.</summary>
    /// <returns>Completes when it has been answered.</returns>
    public Task OnClaimRequest(LinkSession session, ClaimRequest request) => session.Work.Add(async () =>
    {
        // It asked, and has gone since: what it would be given now would be lost.
        if (session.Gone.IsCancellationRequested)
            return;
        try
        {
            var (claims, unreadable) = await queue.ClaimAsync(
                session.Reference, Math.Clamp(request.Slots, 1, ProtocolLimits.MaxClaims), request.ExceptSites is { } except ? [.. except.Take(ClaimRequest.MostExceptSites)] : []);
            foreach (var claim in claims)
                deadlines.Hint(claim.Deadline);
            await effects.ApplyAsync(unreadable);
            await session.ClaimsAsync([.. claims.Select(ToClaim)]);
        }
        catch (Exception e)
        {
            // What was claimed and not told is settled when the Link says Hello again without it.
            LogFailed("claim", session.LinkId, e.GetType().Name);
            await session.CloseAsync(LineCloseReason.LedgerFailed);
        }
    });

    /// <summary>The Link tells how far a query has got.</summary>
    /// <returns>Completes when it has been answered.</returns>
    public Task OnReport(LinkSession session, Guid queryId, Report report) => session.Work.Add(async () =>
    {
        if (report.Results is { } results && !BatchResults.AreSound(results))
        {
            if (report.Kind is ReportKind.Uploading or ReportKind.Complete)
            {
                await DropUntoldAsync(session, queryId, report);
                return;
            }
            report = report with { Results = null };
        }
        try
        {
            var result = await ApplyAsync(queryId, report, session.Reference);
            await FollowAsync(result);
            if (result.NotHeld)
                unheld.Met(session.LinkId, FrameKind.Report);
            await session.AcknowledgeAsync(queryId, new ReportAck(report.ClaimId, report.Kind, result.Accepted, result.Status)
            {
                MissingPages = result.MissingPages is { Count: > 0 } missing ? missing : null,
            });
        }
        catch (Exception e)
        {
            // Not acknowledged: the Link keeps the report and tells it again in its next session.
            LogFailed("report", session.LinkId, e.GetType().Name);
            await session.CloseAsync(LineCloseReason.LedgerFailed);
        }
    });

    /// <summary>The Link told something of a claim in a message that cannot be read; its first fields can.</summary>
    public Task OnUnreadableReport(LinkSession session, Guid queryId, Guid claimId, MessageHead head)
    {
        var report = new Report(claimId, head.Kind) { Executed = head.Executed };
        return head.Kind is ReportKind.Uploading or ReportKind.Complete
            ? session.Work.Add(() => DropUntoldAsync(session, queryId, report))
            : OnReport(session, queryId, head.Kind is ReportKind.Reading ? report with { Kind = ReportKind.Unknown } : report with { Error = Failure.Unreadable });
    }

    /// <summary>The database did it, and what it brought cannot be told: it fails here, and the Link drops it.</summary>
    async Task DropUntoldAsync(LinkSession session, Guid queryId, Report report)
    {
        try
        {
            report = report with { Executed = Executed.Yes, Error = Failure.Unreadable };
            var result = await SettleAsync(queryId, report, QueryStatus.ExecutionFailed, session.Reference);
            if (result is { Accepted: false, Status: QueryStatus.Uploading })
                result = await SettleAsync(queryId, report, QueryStatus.UploadFailed, session.Reference);
            await FollowAsync(result);
            await session.AcknowledgeAsync(queryId, new ReportAck(report.ClaimId, report.Kind, false, result.Status));
        }
        catch (Exception e)
        {
            LogFailed("report", session.LinkId, e.GetType().Name);
            await session.CloseAsync(LineCloseReason.LedgerFailed);
        }
    }

    /// <summary>What follows the commit of a report.</summary>
    async Task FollowAsync(MoveResult result)
    {
        if (result.Deadline is { } deadline)
            deadlines.Hint(deadline);
        if (result.Settled is { } settled)
            await effects.ApplyAsync([settled]);
    }

    async Task<MoveResult> ApplyAsync(Guid queryId, Report report, SessionReference by)
    {
        switch (report.Kind)
        {
            case ReportKind.Reading:
                return await reports.ReadingAsync(queryId, report.ClaimId, report.Columns ?? [], by);
            case ReportKind.Uploading:
                return await reports.UploadingAsync(queryId, report.ClaimId, report, by);
            case ReportKind.Complete:
                return await CompleteAsync(queryId, report, by);
            case ReportKind.HandBack:
                return await reports.HandBackAsync(queryId, report.ClaimId, by);
            case ReportKind.Failed:
                return await SettleAsync(queryId, report, QueryStatus.ExecutionFailed, by);
            case ReportKind.UploadFailed:
                return await SettleAsync(queryId, report, QueryStatus.UploadFailed, by);
            case ReportKind.Cancelled:
                return await SettleAsync(queryId, report, QueryStatus.Cancelled, by);
            default:
                // A newer Link's word: nothing is moved by what is not understood, and "not accepted" would make the Link drop its claim.
                return new MoveResult(true, null);
        }
    }

    /// <summary>Pages that are all there and yet not what the report says cannot be mended by sending them again.</summary>
    async Task<MoveResult> CompleteAsync(Guid queryId, Report report, SessionReference by)
    {
        var result = await reports.CompleteAsync(queryId, report.ClaimId, report, by);
        if (result.Moved)
            Telemetry.Worked(QueryMode.Async, report.Timings, report.UploadMs, report.Rows, report.Size);
        return result is { Accepted: false, MissingPages: { Count: 0 } }
            ? (await SettleAsync(queryId, report with { Executed = Executed.Yes, Error = Failure.Of(FailureCodes.PageLost) }, QueryStatus.UploadFailed, by)) with { Accepted = false }
            : result;
    }

    /// <summary>Ended without success.</summary>
    Task<MoveResult> SettleAsync(Guid queryId, Report report, QueryStatus status, SessionReference by) =>
        reports.SettleAsync(queryId, report.ClaimId, new Settlement(status, Mover.Link)
        {
            Executed = report.Executed,
            Error = report.Error ?? (status == QueryStatus.Cancelled
                ? Failure.Of(FailureCodes.CancelledByIntegrator)
                : Failure.NoReason),
            Rows = report.Rows,
            RowsAffected = report.RowsAffected,
            Size = report.Size,
            ResultSets = report.ResultSets,
            Timings = report.Timings,
            UploadMs = report.UploadMs,
            Columns = report.Columns,
            Parameters = report.Parameters,
            Notices = report.Notices,
        }, by);

    Claim ToClaim(ClaimedQuery query) => new(query.QueryId, query.ClaimId, query.Number, query.SiteId, query.IntegratorId, query.Batch is null ? query.Command : null,
        query.ExecutionLimit, limits.UploadMs, limits.PageBytes)
    {
        Batch = query.Batch,
        Catalogue = query.Catalogue,
        ResultSet = query.ResultSet,
        Tag = query.Tag,
        TraceParent = query.TraceParent,
        KeyHash = query.IdempotencyKey is { } key ? KeyHash.Of(query.IntegratorId, key) : null,
    };

    [LoggerMessage(1220, LogLevel.Error, "The {What} of Link {LinkId} could not be recorded ({Exception}); its session is closed, and it tells again")]
    partial void LogFailed(string what, Guid linkId, string exception);
}
