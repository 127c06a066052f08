using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>How an immediate query can end, in the ledger's terms.</summary>
static class ImmediateEndings
{
    /// <summary>The site is away and the query would not, or need not, wait.</summary>
    public static Settlement SiteAway(SiteAvailability availability) => new(
        availability == SiteAvailability.Offline ? QueryStatus.InitialisationFailedSiteOffline : QueryStatus.InitialisationFailedSiteUnreachable, Mover.Api)
    {
        Executed = Executed.No,
        Error = new ErrorDetails(ErrorTypes.Http, 503, availability == SiteAvailability.Offline
            ? "The site is offline: its Halo Link was stopped. Nothing ran; try again later, or ask async with a longer maxTimeInQueue."
            : "The site is unreachable: nothing was heard of it for two minutes. Nothing ran; try again later, or ask async with a longer maxTimeInQueue.")
        {
            Code = FailureCodes.SiteAway,
        },
    };

    /// <summary>It waited as long as it may.</summary>
    public static Settlement QueueTimeout(int maxTimeInQueue) => new(QueryStatus.ExpiredInQueue, Mover.Api)
    {
        Executed = Executed.No,
        Error = new ErrorDetails(ErrorTypes.Http, 503,
            $"The query waited {maxTimeInQueue} ms without being started. Nothing ran; try again, or with a longer maxTimeInQueue.")
        {
            Code = FailureCodes.QueueTimeout,
        },
    };

    /// <summary>The line was gone before anything of the command was sent.</summary>
    public static Settlement NeverSent { get; } = new(QueryStatus.ExecutionFailed, Mover.Api)
    {
        Executed = Executed.No,
        Error = Failures.Of(FailureCodes.NeverSent),
    };

    /// <summary>The service holds as much of results as it may, and did so for as long as the query may wait.</summary>
    public static Settlement NoRoom(int maxTimeInQueue) => new(QueryStatus.ExpiredInQueue, Mover.Api)
    {
        Executed = Executed.No,
        Error = new ErrorDetails(ErrorTypes.Http, 503,
            $"The service holds as many results for callers as it may, and for {maxTimeInQueue} ms none was taken. Nothing ran; try again shortly.")
        {
            Code = FailureCodes.QueueTimeout,
        },
    };

    /// <summary>The right to query the site was taken away before the command left.</summary>
    public static Settlement RightTaken(Refusal refusal) => new(QueryStatus.Cancelled, Mover.Api)
    {
        Executed = Executed.No,
        Error = new ErrorDetails(ErrorTypes.Http, refusal.Status, $"{refusal.Message} Nothing ran.") { Code = FailureCodes.CancelledByOperator },
    };

    /// <summary>The Link stopped before it had begun it.</summary>
    public static Settlement NeverBegun { get; } = new(QueryStatus.ExecutionFailed, Mover.Api)
    {
        Executed = Executed.No,
        Error = new ErrorDetails(ErrorTypes.Http, 503, "The site's Link was stopped before it could begin the query. Nothing ran.")
        {
            Code = FailureCodes.LinkStopping,
        },
    };

    /// <summary>The run that may have had it is gone.</summary>
    public static Settlement LinkLost { get; } = new(QueryStatus.ExecutionFailed, Mover.Api)
    {
        Executed = Executed.Unknown,
        Error = Failures.Of(FailureCodes.LinkLost),
    };

    /// <summary>What a Link said.</summary>
    /// <param name="notices">What the request itself gave cause to say.</param>
    public static Settlement From(Outcome outcome, IReadOnlyList<Notice>? notices = null) => new(StatusOf(outcome.Ending), Mover.Link)
    {
        Executed = outcome.Ending == Ending.Successful ? null : outcome.Executed,
        Error = ErrorOf(outcome),
        Rows = outcome.Rows,
        RowsAffected = outcome.RowsAffected,
        Size = outcome.Size,
        ResultSets = outcome.ResultSets,
        Timings = outcome.Timings,
        Parameters = outcome.Parameters,
        Notices = Notice.Join(notices, outcome.Notices),
    };

    /// <summary>The same without what the Link brought beside: the store has no place for it.</summary>
    public static Outcome Untold(Outcome told) => new(told.Ending == Ending.Successful ? Ending.Failed : told.Ending, told.Ending == Ending.Successful ? Executed.Yes : told.Executed)
    {
        Error = Failures.Untold,
    };

    /// <summary>What is told of an end that was not success.</summary>
    public static ErrorDetails? ErrorOf(Outcome outcome) => outcome.Error ?? outcome.Ending switch
    {
        Ending.Successful => null,
        Ending.Expired => new(ErrorTypes.Http, 503, "The query waited in the Link's lane as long as it may. Nothing ran; try again, or with a longer maxTimeInQueue.")
        {
            Code = FailureCodes.QueueTimeout,
        },
        Ending.Cancelled => Failures.Of(FailureCodes.CancelledByIntegrator),
        _ => new(ErrorTypes.HaloLink, 500, "The Link could not say how the query ended.") { Code = FailureCodes.LinkError },
    };

    static QueryStatus StatusOf(Ending ending) => ending switch
    {
        Ending.Successful => QueryStatus.Successful,
        Ending.Cancelled => QueryStatus.Cancelled,
        Ending.Expired => QueryStatus.ExpiredInQueue,
        _ => QueryStatus.ExecutionFailed,
    };
}
