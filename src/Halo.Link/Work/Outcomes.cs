using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Endings of immediate queries that the Link itself decides.</summary>
static class Outcomes
{
    /// <summary>It waited in its lane as long as it may.</summary>
    public static Outcome Expired { get; } = new(Ending.Expired, Executed.No) { Error = Failure.LaneTimeout };

    public static Outcome NotBegunCancelled { get; } = new(Ending.Cancelled, Executed.No) { Error = Failure.CancelledBeforeItBegan };

    public static Outcome NotBegunStopping { get; } = Refused(Failure.LinkStoppedBeforeItBegan);

    /// <summary>More is waiting and running here than the Link holds.</summary>
    public static Outcome TooMany { get; } = Refused(Failure.LinkFull);

    public static Outcome SeenBefore { get; } = new(Ending.Failed, Executed.Unknown) { Error = Failure.SeenBefore };

    public static Outcome NotUnderstood { get; } = Refused(Failure.NotUnderstood);

    /// <summary>A query with a key that could not be written down.</summary>
    public static Outcome JournalRefused { get; } = Refused(Failure.JournalRefused);

    /// <summary>Another query was begun under the same <c>Idempotency-Key</c>.</summary>
    /// <param name="known">Whether the database did that one.</param>
    public static Outcome AlreadyExecuted(Executed known) => new(Ending.Failed, known) { Error = Failure.AlreadyExecuted(known) };

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it.</summary>
    public static Outcome Untold(Outcome outcome) => outcome is { Ending: Ending.Successful, Parameters: not { Count: > 0 } }
        ? outcome with { Columns = null, Notices = null }
        : new(outcome.Ending == Ending.Successful ? Ending.Failed : outcome.Ending, outcome.Executed) { Error = Failure.ResultUntold, Timings = outcome.Timings };

    /// <summary>A value of the query is beyond what the Link takes.</summary>
    public static Outcome OutOfRange(string fault) => Refused(Failure.OutOfRange(fault));

    public static Outcome Fault(bool begun) => new(Ending.Failed, begun ? Executed.Unknown : Executed.No) { Error = Failure.LinkFault(begun) };

    public static ExecutionResult TooLarge(ExecutionResult result, long maxBytes) => result with { Ending = Ending.Failed, Error = Failure.ResultTooLarge(maxBytes) };

    public static ExecutionResult Stopped(ExecutionResult result) => result with { Ending = Ending.Failed, Error = Failure.LinkStopping(result.Executed) };

    public static Outcome From(ExecutionResult result, long size, double laneMs) => new(result.Ending, result.Executed)
    {
        Rows = result.Rows,
        RowsAffected = result.RowsAffected,
        Size = size,
        ResultSets = result.ResultSets,
        Parameters = result.Parameters,
        Error = result.Error,
        Notices = result.Notices,
        RetryAfterMs = result.RetryAfter is { } wait ? (int)Math.Ceiling(wait.TotalMilliseconds) : null,
        Timings = result.Timings with { LaneMs = laneMs },
    };

    static Outcome Refused(ErrorDetails error) => new(Ending.Failed, Executed.No) { Error = error };
}
