using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>How queries end that the Link itself ends, each once: the immediate ones tell it as an <see cref="Outcome"/>, the claimed ones as a <see cref="Report"/>.</summary>
static class Endings
{
    /// <summary>It waited in its lane as long as it may.</summary>
    public static ExecutionResult Expired { get; } = new(Ending.Expired, Executed.No) { Error = Failure.LaneTimeout };

    /// <summary>Stopped by its caller before it began.</summary>
    public static ExecutionResult CancelledBeforeItBegan { get; } = new(Ending.Cancelled, Executed.No) { Error = Failure.CancelledBeforeItBegan };

    /// <summary>The Link stops, and it had not begun.</summary>
    public static ExecutionResult LinkStoppedBeforeItBegan { get; } = Refused(Failure.LinkStoppedBeforeItBegan);

    /// <summary>More is waiting and running here than the Link holds.</summary>
    public static ExecutionResult TooMany { get; } = Refused(Failure.LinkFull);

    /// <summary>Its id was here before.</summary>
    public static ExecutionResult SeenBefore { get; } = Failed(Executed.Unknown, Failure.SeenBefore);

    /// <summary>Its command holds what only a newer Link understands.</summary>
    public static ExecutionResult NotUnderstood { get; } = Refused(Failure.NotUnderstood);

    /// <summary>It may not begin because that could not be written down.</summary>
    public static ExecutionResult JournalRefused { get; } = Refused(Failure.JournalRefused);

    /// <summary>A dead run had claimed it and not begun it.</summary>
    public static ExecutionResult LinkDiedBeforeItBegan { get; } = Refused(Failure.LinkDiedBeforeItBegan);

    /// <summary>The database had it when the run died, or nothing is known but that it was begun.</summary>
    public static ExecutionResult LinkDied { get; } = Failed(Executed.Unknown, Failure.LinkDied);

    /// <summary>Another query was begun under the same <c>Idempotency-Key</c>.</summary>
    /// <param name="known">Whether the database did that one.</param>
    public static ExecutionResult AlreadyExecuted(Executed known) => Failed(known, Failure.AlreadyExecuted(known));

    /// <summary>A value of the query is beyond what the Link takes.</summary>
    public static ExecutionResult OutOfRange(string fault) => Refused(Failure.OutOfRange(fault));

    /// <summary>A fault of the Link's own.</summary>
    public static ExecutionResult Fault(bool begun) => Failed(begun ? Executed.Unknown : Executed.No, Failure.LinkFault(begun));

    /// <summary>Stopped because it was asked to.</summary>
    public static ExecutionResult Cancelled(Executed executed) => new(Ending.Cancelled, executed);

    /// <summary>The Link's own stop ended it.</summary>
    public static ExecutionResult LinkStopping(ExecutionResult result) => result with { Ending = Ending.Failed, Error = Failure.LinkStopping(result.Executed) };

    /// <summary>Its rows are more than was asked for.</summary>
    public static ExecutionResult TooLarge(ExecutionResult result, long maxBytes) => result with { Ending = Ending.Failed, Results = null, Error = Failure.ResultTooLarge(maxBytes) };

    static ExecutionResult Refused(ErrorDetails error) => Failed(Executed.No, error);

    static ExecutionResult Failed(Executed executed, ErrorDetails error) => new(Ending.Failed, executed) { Error = error };
}
