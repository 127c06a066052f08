using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>How an immediate query can end.</summary>
static class ImmediateSettlements
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

    /// <summary>It was cancelled by its key before it was sent.</summary>
    public static Settlement Withdrawn { get; } = Settlement.Of(QueryStatus.Cancelled, Mover.Integrator, Executed.No, FailureCodes.CancelledByIntegrator);

    /// <summary>The right to query the site was taken away before the command left.</summary>
    public static Settlement RightTaken(Refusal refusal) => NothingRan(QueryStatus.Cancelled, Failure.RightTaken(refusal.Status, refusal.Message));

    /// <summary>The Link stopped before it had begun it.</summary>
    public static Settlement NeverBegun { get; } = NothingRan(QueryStatus.ExecutionFailed, Failure.LinkStoppedBeforeItBegan);

    /// <summary>The run that may have had it is gone.</summary>
    public static Settlement LinkLost { get; } = Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.Unknown, FailureCodes.LinkLost);

    /// <summary>What a Link said.</summary>
    /// <param name="at">When it did.</param>
    /// <param name="notices">What the request itself gave cause to say.</param>
    public static Settlement From(Outcome outcome, DateTimeOffset at, IReadOnlyList<Notice>? notices = null)
    {
        var told = Told(outcome, at, notices);
        return told.Results is { } results && !BatchResults.AreSound(results) ? Untold(told)! : told;
    }

    static Settlement Told(Outcome outcome, DateTimeOffset at, IReadOnlyList<Notice>? notices) => new(StatusOf(outcome.Ending), Mover.Link)
    {
        At = at,
        Executed = outcome.Ending == Ending.Successful ? null : outcome.Executed,
        Error = ErrorOf(outcome),
        Rows = outcome.Rows,
        RowsAffected = outcome.RowsAffected,
        Size = outcome.Size,
        ResultSets = outcome.ResultSets,
        Timings = outcome.Timings,
        Parameters = outcome.Parameters,
        Results = outcome.Ending == Ending.Successful ? outcome.Results : null,
        Notices = Notice.Join(notices, outcome.Notices),
        RetryAfterMs = outcome.RetryAfterMs,
    };

    /// <summary>The same without what the Link brought beside, for which the store has no place.</summary>
    /// <returns>Null: there is nothing to leave out.</returns>
    public static Settlement? Untold(Settlement told) => told.By != Mover.Link || ReferenceEquals(told.Error, Failure.Unreadable)
        ? null
        : new(told.Status == QueryStatus.Successful ? QueryStatus.ExecutionFailed : told.Status, Mover.Link)
        {
            At = told.At,
            Executed = told.Executed ?? Executed.Yes,
            Error = Failure.Unreadable,
            Size = 0,
            ResultSets = 0,
            Timings = new(0, 0, 0),
        };

    static ErrorDetails? ErrorOf(Outcome outcome) => outcome.Error ?? outcome.Ending switch
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
