using Halo.Link.Engines;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Immediate;

/// <summary>How an immediate query ended, in the line's words.</summary>
static class Outcomes
{
    /// <param name="size">Bytes of its rows.</param>
    /// <param name="laneMs">Time that it waited here before it began.</param>
    public static Outcome From(ExecutionResult result, long size = 0, double laneMs = 0) => new(result.Ending, result.Executed)
    {
        Rows = result.Rows,
        RowsAffected = result.RowsAffected,
        Size = size,
        ResultSets = result.ResultSets,
        Parameters = result.Parameters,
        Results = result.Results,
        Error = result.Error,
        Notices = result.Notices,
        RetryAfterMs = result.RetryAfter is { } wait ? (int)Math.Ceiling(wait.TotalMilliseconds) : null,
        Timings = result.Timings with { LaneMs = laneMs },
    };

    /// <summary>The same end without what it brought: that could not be told, or the API would not take it.</summary>
    public static Outcome Untold(Outcome outcome) => outcome is { Ending: Ending.Successful, Parameters: not { Count: > 0 }, Results: null }
        ? outcome with { Columns = null, Notices = null }
        : new(outcome.Ending == Ending.Successful ? Ending.Failed : outcome.Ending, outcome.Executed) { Error = Failure.ResultUntold, Timings = outcome.Timings };
}
