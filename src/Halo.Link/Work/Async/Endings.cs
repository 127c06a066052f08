using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Pages;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>The reports that the Link's own events lead to, with the words for them.</summary>
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

    public static Report Failed(Executed executed, string code, string message) => new(Guid.Empty, ReportKind.Failed)
    {
        Executed = executed,
        Error = Error(code, message),
    };

    public static Report Cancelled(Executed executed) => new(Guid.Empty, ReportKind.Cancelled) { Executed = executed };

    /// <summary>Of a claim that goes back into the queue, not begun.</summary>
    public static Report HandedBack => new(Guid.Empty, ReportKind.HandBack) { Executed = Executed.No };

    /// <summary>Of a claim that a dead run had written down and not begun.</summary>
    public static Report NotBegun => Failed(Executed.No, FailureCodes.LinkLost,
        "The agent at the practice stopped before it began this query; nothing ran. It is safe to send it again.");

    /// <summary>Of a claim that was in the database when the run died, or of which nothing is known but that.</summary>
    public static Report DiedExecuting => Failed(Executed.Unknown, FailureCodes.LinkLost,
        "The agent at the practice stopped while the database had this query; it may have taken effect.");

    /// <summary>Of a claim that may not be begun because it could not be written down.</summary>
    public static Report JournalRefused => Failed(Executed.No, FailureCodes.LinkError,
        "The agent at the practice could not write to its journal, so it did not begin this query; nothing ran. Look at its disk.");

    /// <summary>Of a claim whose Idempotency-Key another query has had.</summary>
    public static Report AlreadyExecuted(Executed known) => new(Guid.Empty, ReportKind.Failed) { Executed = known, Error = Outcomes.AlreadyExecuted(known).Error };

    /// <summary>Of a claim whose command holds what only a newer Link understands.</summary>
    public static Report Unreadable => Failed(Executed.No, FailureCodes.LinkError,
        "The agent at the practice could not read this query, so nothing ran: it is older than what the query asks for. Ask the practice to update Halo Link.");

    /// <summary>A limit of the claim is beyond what the Link takes.</summary>
    public static Report OutOfRange(string fault) => Failed(Executed.No, FailureCodes.LinkError, fault);

    /// <summary>Of an execution that the Link's own stop ended.</summary>
    public static Report LinkStopping(Executed executed) => Failed(executed, FailureCodes.LinkStopping, executed switch
    {
        Executed.No => "The agent at the practice was stopped while it had this query; the database took it back.",
        Executed.Yes => "The agent at the practice was stopped while it had this query; the database had done it.",
        _ => "The agent at the practice was stopped while it had this query; it may have taken effect.",
    });

    /// <summary>Of a fault of our own in the middle of an execution.</summary>
    public static Report Fault => Failed(Executed.Unknown, FailureCodes.LinkError,
        "The agent at the practice met a fault of its own while it had this query; it may have taken effect. Its log says more.");

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it. Null: nothing need be told.</summary>
    public static Report? Untold(Report report) => report.Kind switch
    {
        ReportKind.Reading => null,
        ReportKind.Uploading or ReportKind.Complete when report.Parameters is not { Count: > 0 } => report with { Columns = null, Notices = null },
        ReportKind.Uploading or ReportKind.Complete => new(report.ClaimId, report.PageCount > 0 ? ReportKind.UploadFailed : ReportKind.Failed)
        {
            Executed = Executed.Yes,
            Error = Error(FailureCodes.LinkError, CouldNotBeTold),
        },
        _ => new Report(report.ClaimId, report.Kind) { Executed = report.Executed, Error = Error(FailureCodes.LinkError, CouldNotBeTold) },
    };

    const string CouldNotBeTold = "The query ended, and its result or error could not be told to the Halo API; see 'executed'.";

    public static Report PageLost(Report known, Executed executed) => Undelivered(known, executed, FailureCodes.PageLost,
        "A page of the result was lost, damaged or refused before it could be delivered.");

    public static Report UploadTimeout(Report known) => Undelivered(known, Executed.Yes, FailureCodes.UploadTimeout,
        "The pages of the result could not be delivered within the upload limit.");

    static Report Undelivered(Report known, Executed executed, string code, string message) => known with
    {
        Kind = ReportKind.UploadFailed,
        Executed = executed,
        Error = Error(code, message),
    };

    static ErrorDetails Error(string code, string message) => new(ErrorTypes.HaloLink, 500, message) { Code = code };
}
