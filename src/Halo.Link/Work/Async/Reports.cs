using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Pages;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>How a claimed query ended, in the line's words. A claim's id is added when it is told.</summary>
static class Reports
{
    /// <summary>Of a claim that goes back into the queue, not begun.</summary>
    public static Report HandedBack { get; } = new(Guid.Empty, ReportKind.HandBack) { Executed = Executed.No };

    /// <summary>Of a query that the Link itself ended: without pages, and no times were measured.</summary>
    public static Report From(ExecutionResult result) => From(result, result.Ending == Ending.Cancelled ? ReportKind.Cancelled : ReportKind.Failed, null) with { Timings = null };

    /// <summary>What an execution brought.</summary>
    /// <param name="pages">Where its rows went; null: it has none.</param>
    public static Report From(ExecutionResult result, ReportKind kind, PageSink? pages) => new(Guid.Empty, kind)
    {
        Executed = result.Executed,
        Error = result.Error,
        Notices = result.Notices,
        Columns = result.Results is null ? pages?.Columns : null,
        Parameters = result.Parameters,
        Results = result.Results,
        Rows = result.Rows,
        RowsAffected = result.RowsAffected,
        Size = pages?.Size ?? 0,
        PageCount = pages?.PageCount ?? 0,
        Digest = pages?.Digest,
        ResultSets = result.ResultSets,
        Timings = result.Timings,
    };

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it. Null: nothing need be told.</summary>
    public static Report? Untold(Report report) => report.Kind switch
    {
        ReportKind.Reading => null,
        ReportKind.Uploading or ReportKind.Complete when report is { Parameters: not { Count: > 0 }, Results: null } => report with { Columns = null, Notices = null },
        ReportKind.Uploading or ReportKind.Complete => new(report.ClaimId, report.PageCount > 0 ? ReportKind.UploadFailed : ReportKind.Failed)
        {
            Executed = Executed.Yes,
            Error = Failure.ResultUntold,
        },
        _ => new Report(report.ClaimId, report.Kind) { Executed = report.Executed, Error = Failure.ResultUntold },
    };

    /// <summary>A page of it can never be delivered.</summary>
    public static Report PageLost(Report known, Executed executed) => Undelivered(known, executed, Failure.PageLost);

    /// <summary>Its pages were not delivered in time.</summary>
    public static Report UploadTimeout(Report known) => Undelivered(known, Executed.Yes, Failure.Of(FailureCodes.UploadTimeout));

    static Report Undelivered(Report known, Executed executed, ErrorDetails error) => known with { Kind = ReportKind.UploadFailed, Executed = executed, Error = error };
}
