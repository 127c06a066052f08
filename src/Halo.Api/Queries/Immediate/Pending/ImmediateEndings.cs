using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>How an immediate query can end, in the ledger's terms.</summary>
static class ImmediateEndings
{
    /// <summary>The site is away and the query would not, or need not, wait.</summary>
    public static Settlement SiteAway(SiteAvailability availability) => NothingRan(
        availability == SiteAvailability.Offline ? QueryStatus.InitialisationFailedSiteOffline : QueryStatus.InitialisationFailedSiteUnreachable, Failure.SiteAway(availability));

    /// <summary>It waited as long as it may.</summary>
    public static Settlement QueueTimeout(int maxTimeInQueue) => NothingRan(QueryStatus.ExpiredInQueue, Failure.QueueTimeout(maxTimeInQueue));

    /// <summary>The line was gone before anything of the command was sent.</summary>
    public static Settlement NeverSent { get; } = NothingRan(QueryStatus.ExecutionFailed, Failure.Of(FailureCodes.NeverSent));

    /// <summary>The service holds as much of results as it may, and did so for as long as the query may wait.</summary>
    public static Settlement NoRoom(int maxTimeInQueue) => NothingRan(QueryStatus.ExpiredInQueue, Failure.NoRoom(maxTimeInQueue));

    /// <summary>The right to query the site was taken away before the command left.</summary>
    public static Settlement RightTaken(Refusal refusal) => NothingRan(QueryStatus.Cancelled, Failure.RightTaken(refusal.Status, refusal.Message));

    /// <summary>The Link stopped before it had begun it.</summary>
    public static Settlement NeverBegun { get; } = NothingRan(QueryStatus.ExecutionFailed, Failure.LinkStoppedBeforeItBegan);

    /// <summary>The run that may have had it is gone.</summary>
    public static Settlement LinkLost { get; } = Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.Unknown, FailureCodes.LinkLost);

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
        Error = Failure.Unreadable,
    };

    /// <summary>What is told of an end that was not success.</summary>
    public static ErrorDetails? ErrorOf(Outcome outcome) => outcome.Error ?? outcome.Ending switch
    {
        Ending.Successful => null,
        Ending.Expired => Failure.LaneTimeout,
        Ending.Cancelled => Failure.Of(FailureCodes.CancelledByIntegrator),
        _ => Failure.NoReason,
    };

    static Settlement NothingRan(QueryStatus status, ErrorDetails error) => new(status, Mover.Api) { Executed = Executed.No, Error = error };

    static QueryStatus StatusOf(Ending ending) => ending switch
    {
        Ending.Successful => QueryStatus.Successful,
        Ending.Cancelled => QueryStatus.Cancelled,
        Ending.Expired => QueryStatus.ExpiredInQueue,
        _ => QueryStatus.ExecutionFailed,
    };
}
