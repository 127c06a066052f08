using System.Data.Common;
using System.Runtime.ExceptionServices;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Results;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines;

/// <summary>Runs one command on a database and tells what is known of it, however it ended.</summary>
public sealed class CommandRunner(IDatabaseEngine engine, TimeProvider time)
{
    /// <summary>Never throws for what a database, a limit or a caller does; what a sink throws comes out, except <see cref="RowSinkException"/>.</summary>
    /// <remarks>A nonQuery never touches the sink. Where the driver blocks, the work is done on a thread of the pool.</remarks>
    public Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel) =>
        engine.BlocksThread
            ? Task.Run(() => OpenAndRunAsync(request, sink, cancel), CancellationToken.None)
            : OpenAndRunAsync(request, sink, cancel);

    async Task<ExecutionResult> OpenAndRunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel)
    {
        using var span = Telemetry.StartDatabaseCall(engine.Name, request.Command.ExecutionMode);
        var result = await TryAsync(request, sink, cancel);
        Telemetry.Conclude(span, result);
        return result;
    }

    async Task<ExecutionResult> TryAsync(CommandRequest request, IRowSink sink, CancellationToken cancel)
    {
        if (request.ReadOnly && engine.LeavesReadOnly(request.Command) is { } way)
            return Refused($"does not allow this integrator {way}. Nothing ran.");
        DbConnection connection;
        try
        {
            cancel.ThrowIfCancellationRequested();
            connection = await engine.OpenAsync(request.Database, request.ApplicationName, request.ReadOnly, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new(Ending.Cancelled, Executed.No);
        }
        catch (ReadOnlyImpossibleException e)
        {
            return Refused(e.Message);
        }
        catch (Exception e) when (IsOfTheDatabase(e))
        {
            var error = engine.NameError(e) ?? new(ErrorTypes.HaloLink, 503, "The Link could not connect to the database; nothing ran.");
            return new(Ending.Failed, Executed.No) { Error = error with { Code = FailureCodes.DatabaseUnavailable } };
        }
        await using (connection)
            return await RunAsync(request, sink, connection, cancel);
    }

    async Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, DbConnection connection, CancellationToken cancel)
    {
        var faults = new List<FieldError>();
        DbCommand command;
        try
        {
            command = engine.CreateCommand(connection, request.Command, faults);
        }
        catch (DbException e) when (engine.NameError(e, connection) is { } error)
        {
            return new(Ending.Failed, Executed.No) { Error = error };
        }
        await using (command)
        {
            if (faults.Count > 0)
                return InvalidParameters(faults);
            var run = new CommandRun(engine, time, request, sink, command);
            var watch = new ExecutionWatch(engine, connection, command, time, request.Limit, cancel);
            Exception? failure = null;
            await using (watch)
            {
                try
                {
                    await run.ExecuteAsync(watch);
                }
                catch (Exception e) when (IsOfTheDatabase(e) || e is OperationCanceledException)
                {
                    failure = e;
                }
            }
            return await ConcludeAsync(run, watch, request, connection, failure, cancel);
        }
    }

    async Task<ExecutionResult> ConcludeAsync(
        CommandRun run, ExecutionWatch watch, CommandRequest request, DbConnection connection, Exception? failure, CancellationToken cancel)
    {
        var rolledBack = await RollBackAsync(connection, request, failure);
        if (watch.Stopped || failure is not null && engine.NameError(failure) is null)
            engine.Discard(connection);
        if (run.SinkFault is { } fault and not RowSinkException)
            ExceptionDispatchInfo.Throw(fault);
        // What may only read took no effect, whether the database had come to its end before it heard of the wish to stop or not.
        var executed = !run.Sent || request.ReadOnly && (failure is not null || rolledBack || !run.Whole) ? Executed.No
            : failure is null && !rolledBack ? Executed.Yes
            : engine.AfterFailure(connection, request.Command, failure, rolledBack);
        if (run.SinkFault is RowSinkException full)
            return run.Result(Ending.Failed, executed, full.Error);
        if (watch.Stopped && (failure is not null || !run.Whole))
            return watch.CancelledByCaller
                ? run.Result(Ending.Cancelled, executed)
                : run.Result(Ending.Failed, executed, TimedOut(executed));
        if (request.ReadOnly && (failure is not null || rolledBack) && engine.IsReadOnlyRefusal(failure))
            return run.Result(Ending.Failed, executed, PracticeRefusal.Of(PracticeRefusal.ReadOnly, "lets this integrator read only. Nothing was changed."));
        if (failure is not null)
            return run.Result(Ending.Failed, executed, engine.NameError(failure, connection) ?? Unnamed(failure, connection, executed));
        if (rolledBack)
            return run.Result(Ending.Failed, executed, new(ErrorTypes.HaloLink, 400,
                "The command left a transaction open; it was rolled back. A command must commit what it begins.")
            { Code = FailureCodes.OpenTransaction });
        if (await run.EndAsync(cancel))
            return run.Result(Ending.Successful, Executed.Yes);
        executed = request.ReadOnly ? Executed.No : Executed.Yes;
        return run.SinkFault is RowSinkException late ? run.Result(Ending.Failed, executed, late.Error) : run.Result(Ending.Cancelled, executed);
    }

    async ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, Exception? failure)
    {
        try
        {
            return await engine.RollBackAsync(connection, request, failure is not null);
        }
        catch (Exception e) when (IsOfTheDatabase(e))
        {
            // The connection is given up, and with it whatever was open.
            engine.Discard(connection);
            return true;
        }
    }

    static ExecutionResult Refused(string words) => new(Ending.Failed, Executed.No)
    {
        Error = PracticeRefusal.Of(PracticeRefusal.ReadOnly, words),
    };

    static ExecutionResult InvalidParameters(List<FieldError> faults) => new(Ending.Failed, Executed.No)
    {
        Error = new(ErrorTypes.HaloLink, 400, string.Join(' ', faults.Select(f => f.Message)))
        {
            Code = FailureCodes.InvalidParameter,
            Errors = faults,
        },
    };

    static ErrorDetails TimedOut(Executed executed) => new(ErrorTypes.HaloLink, 504,
        "The execution limit was reached and the statement cancelled; " + Fate(executed))
    { Code = FailureCodes.ExecutionTimeout };

    static ErrorDetails Unnamed(Exception failure, DbConnection connection, Executed executed) =>
        failure is DbException or IOException or TimeoutException || connection.State != System.Data.ConnectionState.Open
            ? Lost(executed)
            : new(ErrorTypes.HaloLink, 500, $"The database's driver could not carry out the command ({failure.GetType().Name}); " + Fate(executed))
            {
                Code = FailureCodes.LinkError,
            };

    static ErrorDetails Lost(Executed executed) => new(ErrorTypes.HaloLink, 504,
        "The connection to the database was lost while the command ran; " + Fate(executed))
    { Code = FailureCodes.DatabaseConnectionLost };

    static string Fate(Executed executed) => executed switch
    {
        Executed.Yes => "the database had done it.",
        Executed.No => "the database took it back.",
        _ => "it may have taken effect.",
    };

    /// <summary>What drivers throw for what the database or the way to it does; a mistake of ours is none of these.</summary>
    static bool IsOfTheDatabase(Exception e) =>
        e is DbException or IOException or TimeoutException or InvalidOperationException or NotSupportedException or ArgumentException
            or System.Net.Sockets.SocketException or UnauthorizedAccessException or InvalidCastException or OverflowException;
}
