using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Pages;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>The reports that the Link's own events lead to.</summary>
static class Endings
{
    /// <summary>What an execution brought, under a claim.</summary>
    public static Report From(ExecutionResult result, ReportKind kind, PageSink? pages) => new(Guid.Empty, kind)
    {
        Executed = result.Executed,
        Error = result.Error,
        Notices = result.Notices,
        Columns = pages?.Columns,
        Parameters = result.Parameters,
        Rows = result.Rows,
        RowsAffected = result.RowsAffected,
        Size = pages?.Size ?? 0,
        PageCount = pages?.PageCount ?? 0,
        Digest = pages?.Digest,
        ResultSets = result.ResultSets,
        Timings = result.Timings,
    };

    public static Report Failed(Executed executed, ErrorDetails error) => new(Guid.Empty, ReportKind.Failed) { Executed = executed, Error = error };

    public static Report Cancelled(Executed executed) => new(Guid.Empty, ReportKind.Cancelled) { Executed = executed };

    /// <summary>Of a claim that goes back into the queue, not begun.</summary>
    public static Report HandedBack => new(Guid.Empty, ReportKind.HandBack) { Executed = Executed.No };

    /// <summary>Of a claim that a dead run had written down and not begun.</summary>
    public static Report NotBegun => Failed(Executed.No, Failure.LinkDiedBeforeItBegan);

    /// <summary>Of a claim that was in the database when the run died, or of which nothing is known but that.</summary>
    public static Report DiedExecuting => Failed(Executed.Unknown, Failure.LinkDied);

    /// <summary>Of a claim that may not be begun because it could not be written down.</summary>
    public static Report JournalRefused => Failed(Executed.No, Failure.JournalRefused);

    /// <summary>Of a claim whose Idempotency-Key another query has had.</summary>
    public static Report AlreadyExecuted(Executed known) => Failed(known, Failure.AlreadyExecuted(known));

    /// <summary>Of a claim whose command holds what only a newer Link understands.</summary>
    public static Report Unreadable => Failed(Executed.No, Failure.NotUnderstood);

    /// <summary>A limit of the claim is beyond what the Link takes.</summary>
    public static Report OutOfRange(string fault) => Failed(Executed.No, Failure.OutOfRange(fault));

    /// <summary>Of an execution that the Link's own stop ended.</summary>
    public static Report LinkStopping(Executed executed) => Failed(executed, Failure.LinkStopping(executed));

    /// <summary>Of a fault of our own in the middle of an execution.</summary>
    public static Report Fault => Failed(Executed.Unknown, Failure.LinkFault(begun: true));

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it. Null: nothing need be told.</summary>
    public static Report? Untold(Report report) => report.Kind switch
    {
        ReportKind.Reading => null,
        ReportKind.Uploading or ReportKind.Complete when report.Parameters is not { Count: > 0 } => report with { Columns = null, Notices = null },
        ReportKind.Uploading or ReportKind.Complete => new(report.ClaimId, report.PageCount > 0 ? ReportKind.UploadFailed : ReportKind.Failed)
        {
            Executed = Executed.Yes,
            Error = Failure.ResultUntold,
        },
        _ => new Report(report.ClaimId, report.Kind) { Executed = report.Executed, Error = Failure.ResultUntold },
    };

    public static Report PageLost(Report known, Executed executed) => Undelivered(known, executed, Failure.PageLost);

    public static Report UploadTimeout(Report known) => Undelivered(known, Executed.Yes, Failure.Of(FailureCodes.UploadTimeout));

    static Report Undelivered(Report known, Executed executed, ErrorDetails error) => known with { Kind = ReportKind.UploadFailed, Executed = executed, Error = error };
}
