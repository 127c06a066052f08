using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Endings of immediate queries that the Link itself decides, in their words.</summary>
static class Outcomes
{
    public static Outcome Expired { get; } = new(Ending.Expired, Executed.No)
    {
        Error = Failure(503, FailureCodes.QueueTimeout, "The time in the Link's lane was over before a place was free; nothing ran."),
    };

    public static Outcome NotBegunCancelled { get; } = new(Ending.Cancelled, Executed.No)
    {
        Error = Failure(409, FailureCodes.CancelledByIntegrator, "Stopped at the integrator's request before it began; nothing ran."),
    };

    public static Outcome NotBegunStopping { get; } = new(Ending.Failed, Executed.No)
    {
        Error = Failure(503, FailureCodes.LinkStopping, "The Link is stopping; nothing ran."),
    };

    /// <summary>More is waiting and running here than the Link holds.</summary>
    public static Outcome TooMany { get; } = new(Ending.Failed, Executed.No)
    {
        Error = Failure(503, FailureCodes.LinkError, "As many queries, or as many bytes of them, wait and run at the Link as it takes; nothing ran. Try again later."),
    };

    public static Outcome SeenBefore { get; } = new(Ending.Failed, Executed.Unknown)
    {
        Error = Failure(409, FailureCodes.LinkError, "The Link had a query of this id before; it is not run again."),
    };

    public static Outcome NotUnderstood { get; } = new(Ending.Failed, Executed.No)
    {
        Error = Failure(400, FailureCodes.LinkError, "This version of Halo Link does not understand the command; nothing ran. Update Halo Link at the practice."),
    };

    /// <summary>A query with a key that could not be written down.</summary>
    public static Outcome JournalRefused { get; } = new(Ending.Failed, Executed.No)
    {
        Error = Failure(503, FailureCodes.LinkError,
            "The agent at the practice could not write to its journal, so it did not begin this query with an Idempotency-Key; nothing ran. Look at its disk."),
    };

    /// <summary>Another query was begun under the same <c>Idempotency-Key</c>.</summary>
    /// <param name="known">Whether the database did that one.</param>
    public static Outcome AlreadyExecuted(Executed known) => new(Ending.Failed, known)
    {
        Error = known == Executed.Yes
            ? Failure(409, FailureCodes.AlreadyExecuted,
                "A query with this Idempotency-Key was executed at this practice before, and its answer is not known any more: the service was restored from a backup. This one did not run.")
            : Failure(504, FailureCodes.AlreadyExecuted,
                "A query with this Idempotency-Key was begun at this practice before and may have taken effect; its answer is not known any more. This one did not run. "
                + "Look in the database before you repeat it with another key."),
    };

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it.</summary>
    public static Outcome Untold(Outcome outcome) => outcome is { Ending: Ending.Successful, Parameters: not { Count: > 0 } }
        ? outcome with { Columns = null, Notices = null }
        : new(outcome.Ending == Ending.Successful ? Ending.Failed : outcome.Ending, outcome.Executed)
        {
            Error = Failure(500, FailureCodes.LinkError, "The query ended, and its result or error could not be told to the Halo API; see 'executed'."),
            Timings = outcome.Timings,
        };

    /// <summary>A value of the query is beyond what the Link takes.</summary>
    public static Outcome OutOfRange(string fault) => new(Ending.Failed, Executed.No) { Error = Failure(400, FailureCodes.LinkError, fault) };

    public static Outcome Fault(bool begun) => new(Ending.Failed, begun ? Executed.Unknown : Executed.No)
    {
        Error = Failure(500, FailureCodes.LinkError,
            begun ? "The Link met a fault of its own; the command may have taken effect." : "The Link met a fault of its own; nothing ran."),
    };

    public static ExecutionResult TooLarge(ExecutionResult result, long maxBytes) => result with
    {
        Ending = Ending.Failed,
        Error = new(ErrorTypes.Http, 413, string.Create(CultureInfo.InvariantCulture,
            $"The result is over the limit of {maxBytes} bytes; the command was executed. Ask for less, stream the rows (Accept: application/x-ndjson or text/csv), or use an async query."))
        {
            Code = FailureCodes.ResultTooLarge,
        },
    };

    public static ExecutionResult Stopped(ExecutionResult result) => result with
    {
        Ending = Ending.Failed,
        Error = Failure(503, FailureCodes.LinkStopping, result.Executed switch
        {
            Executed.No => "The Link is stopping; the database took the command back.",
            Executed.Yes => "The Link is stopping; the command was executed, its result is lost.",
            _ => "The Link is stopping; the command may have taken effect.",
        }),
    };

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

    static ErrorDetails Failure(int status, string code, string message) => new(ErrorTypes.HaloLink, status, message) { Code = code };
}
