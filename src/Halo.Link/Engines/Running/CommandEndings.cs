using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>How commands end that did not come to a good end of their own.</summary>
static class CommandEndings
{
    /// <summary>What is known of a command that nobody can be asked about.</summary>
    public static Executed FateOf(IDatabaseEngine engine, CommandRequest request) => engine.CannotWrite(request.Access) ? Executed.No : Executed.Unknown;

    /// <param name="watch">Knows who stopped it.</param>
    public static ExecutionResult Stopped(CommandRun run, ExecutionWatch? watch, Executed executed) => watch switch
    {
        { CancelledByCaller: true } => run.Result(Ending.Cancelled, executed),
        { BlockedPractice: true } => run.Result(Ending.Failed, executed, Failure.BlockedPractice(executed)),
        _ => run.Result(Ending.Failed, executed, Failure.TimedOut(executed)),
    };

    public static ExecutionResult Unavailable(ConnectionFault fault) => new(Ending.Failed, Executed.No)
    {
        Error = fault.Error,
        Notices = [Notice.Of(NoticeCodes.Advice, fault.Advice)],
    };

    public static ExecutionResult Unavailable() => new(Ending.Failed, Executed.No) { Error = Failure.DatabaseSilent };

    /// <summary>By the practice's rule that lets it read only.</summary>
    public static ExecutionResult Refused(CommandRequest request, string words) => new(Ending.Failed, Executed.No)
    {
        Error = PracticeRefusal.Of(RuleOf(request), words),
    };

    public static ExecutionResult InvalidParameters(List<FieldError> faults) => new(Ending.Failed, Executed.No) { Error = Failure.InvalidParameters(faults) };

    /// <summary>The database's own words; where it has said nothing, that the connection was lost, or that the driver could not.</summary>
    public static ErrorDetails NameOf(IDatabaseEngine engine, Exception failure, DbConnection connection, Executed executed) =>
        engine.NameError(failure, connection)
        ?? (failure is DbException or IOException or TimeoutException || connection.State != ConnectionState.Open
            ? Failure.DatabaseConnectionLost(executed)
            : Failure.DriverFailed(failure.GetType().Name, executed));

    public static string RuleOf(CommandRequest request) => request.Access == CommandAccess.ReadOnly ? PracticeRefusal.ReadOnly : PracticeRefusal.Modes;
}
