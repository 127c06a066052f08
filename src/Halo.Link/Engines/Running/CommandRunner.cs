using System.Data.Common;
using System.Runtime.ExceptionServices;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Observability;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>Runs one command on a database and tells what is known of it, however it ended.</summary>
/// <param name="connector">Makes the connections, and is told when one broke; null: the engine makes them, and nothing is remembered.</param>
sealed class CommandRunner(IDatabaseEngine engine, TimeProvider time, IDatabaseConnector? connector = null) : ICommandRunner
{
    static readonly TimeSpan ShortestOpen = TimeSpan.FromSeconds(5);
    static readonly TimeSpan LongestOpen = TimeSpan.FromSeconds(30);

    /// <summary>A driver that was told to stop connecting and has not by then is left behind.</summary>
    static readonly TimeSpan ForgetOpenAfter = TimeSpan.FromSeconds(3);

    /// <summary>For rolling back and asking what became of a command that failed by itself.</summary>
    internal static readonly TimeSpan ConcludeWithin = TimeSpan.FromSeconds(8);

    /// <summary>Never throws for what a database, a limit or a caller does; what a sink throws comes out, except <see cref="RowSinkException"/>.</summary>
    /// <remarks>
    /// A nonQuery never touches the sink. Where the driver blocks, the work is done on a thread of the pool. It ends within the limit and
    /// <see cref="ExecutionWatch.LongestStop"/>, whatever the database and its driver do: a run that hangs is left behind, and the sink abandoned.
    /// </remarks>
    public async Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel)
    {
        sink = PolicySink.Around(sink, request);
        using var span = Telemetry.StartDatabaseCall(EngineNames.InTelemetry(engine.Name), request.Command.ExecutionMode);
        using var backstop = new Backstop(time);
        var run = engine.BlocksThread
            ? Task.Run(() => OpenAndRunAsync(request, sink, backstop, cancel), CancellationToken.None)
            : OpenAndRunAsync(request, sink, backstop, cancel);
        ExecutionResult result;
        if (!run.IsCompleted)
            await Task.WhenAny(run, backstop.Reached);
        if (!backstop.HasLeftBehind)
            result = await run;
        else
        {
            sink.Abandon();
            // It cleans up after itself, if it ever comes back; nobody waits for what it says.
            _ = run.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            result = await backstop.Reached;
            connector?.Suspect();
        }
        Telemetry.Conclude(span, result.Ending, result.Rows, result.Error);
        return result with { CountedBytes = PolicySink.BytesOf(sink) };
    }

    async Task<ExecutionResult> OpenAndRunAsync(CommandRequest request, IRowSink sink, Backstop backstop, CancellationToken cancel)
    {
        DbConnection connection;
        using var patience = new DriverCancellation(time, cancel);
        try
        {
            cancel.ThrowIfCancellationRequested();
            var longest = OpenWithin(request.Limit);
            patience.CancelAfter(longest);
            backstop.Set(longest + ForgetOpenAfter, static () => CommandEndings.Unavailable());
            connection = connector is null
                ? await engine.OpenAsync(request.Database, request.SessionName, request.Access, patience.Token)
                : await connector.OpenAsync(request.SessionName, request.Access, patience.Token);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new(Ending.Cancelled, Executed.No);
        }
        catch (OperationCanceledException)
        {
            connector?.Suspect();
            return CommandEndings.Unavailable();
        }
        catch (ReadOnlyImpossibleException e)
        {
            return CommandEndings.Refused(request, e.Message);
        }
        catch (DatabaseUnavailableException e)
        {
            return CommandEndings.Unavailable(e.Fault) with { RetryAfter = e.RetryAfter };
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            return CommandEndings.Unavailable(engine.NameConnectionFault(e));
        }
        try
        {
            var result = await RunAsync(request, sink, connection, backstop, cancel);
            var advice = result is { Notices: null, Error: { } error } && engine.AdviceOn(error) is { } words ? [Notice.Of(NoticeCodes.Advice, words)] : result.Notices;
            return Notice.Join(advice, engine.NoticesOf(connection)) is { } notices ? result with { Notices = [.. notices.Take(Notice.Most)] } : result;
        }
        catch (Exception e)
        {
            engine.Distrust(connection, e);
            throw;
        }
        finally
        {
            await engine.CloseAsync(connection);
        }
    }

    async Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, DbConnection connection, Backstop backstop, CancellationToken cancel)
    {
        if (request.IsDescription)
            return await new DescriptionRun(engine, connector, time, request, sink, connection, backstop).RunAsync(cancel);
        if (request.Batch is not null)
            return await new BatchRun(engine, connector, time, request, sink, connection, backstop).RunAsync(cancel);
        var (sent, notSent) = await CommandStep.ExecuteAsync(engine, connector, time, request, sink, connection, backstop, cancel);
        if (sent is null)
            return notSent!;
        await using (sent)
            return await ConcludeAsync(sent, request, connection, backstop, cancel) with { Forced = sent.Forced };
    }

    async Task<ExecutionResult> ConcludeAsync(CommandStep step, CommandRequest request, DbConnection connection, Backstop backstop, CancellationToken cancel)
    {
        var (run, failure) = (step.Run, step.Failure);
        if (!step.Stopped)
            backstop.Set(ConcludeWithin, () => run.Result(Ending.Failed, CommandEndings.FateOf(engine, request), Failure.DatabaseConnectionLost(CommandEndings.FateOf(engine, request))));
        if ((failure ?? run.SinkFault) is { } amid and not RowSinkException)
            engine.Distrust(connection, amid);
        if (failure is not null)
            engine.KeepMessages(connection, failure);
        var rolledBack = await RollBackAsync(connection, request, failure);
        if (step.Stopped || failure is not null && engine.NameError(failure) is null)
            engine.Discard(connection);
        if (failure is not null && (connection.State != System.Data.ConnectionState.Open || !step.Stopped && engine.IsDatabaseFault(failure)))
            connector?.Suspect();
        if (run.SinkFault is { } fault and not RowSinkException)
            ExceptionDispatchInfo.Throw(fault);
        // What may only read took no effect, whether the database had come to its end before it heard of the wish to stop or not.
        var executed = !run.Sent || engine.CannotWrite(request.Access) && (failure is not null || rolledBack || !run.Whole) ? Executed.No
            : failure is null && !rolledBack ? Executed.Yes
            : await AfterFailureAsync(connection, step.Command, request, failure, rolledBack);
        // From here on the sink may be used again, or another run's result was told.
        if (!backstop.TryEnd())
            return run.Result(Ending.Failed, executed);
        if (run.SinkFault is RowSinkException full)
            return run.Result(Ending.Failed, executed, full.Error);
        if (step.Stopped && (failure is not null || !run.Whole))
            return step.StoppedResult(executed);
        if (request.ReadOnly && (failure is not null || rolledBack) && engine.ReadOnlyRefusal(failure) is { } words)
            return run.Result(Ending.Failed, executed, PracticeRefusal.Of(CommandEndings.RuleOf(request), words));
        if (failure is not null)
            return run.Result(Ending.Failed, executed, CommandEndings.NameOf(engine, failure, connection, executed));
        if (rolledBack)
            return run.Result(Ending.Failed, executed, Failure.OpenTransaction);
        if (await run.EndAsync(cancel))
            return run.Result(Ending.Successful, Executed.Yes);
        executed = engine.CannotWrite(request.Access) ? Executed.No : Executed.Yes;
        return run.SinkFault is RowSinkException late ? run.Result(Ending.Failed, executed, late.Error) : run.Result(Ending.Cancelled, executed);
    }

    async ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, Exception? failure)
    {
        try
        {
            return await engine.RollBackAsync(connection, request, failure is not null);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDriver(e))
        {
            // The connection is given up, and with it whatever was open.
            engine.Discard(connection);
            return true;
        }
    }

    async ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, CommandRequest request, Exception? failure, bool rolledBack)
    {
        try
        {
            return await engine.AfterFailureAsync(connection, command, request.Command, failure, rolledBack);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // It was asked and did not answer.
            engine.Discard(connection);
            return Executed.Unknown;
        }
    }

    /// <summary>A caller with a short limit is told soon; a server at the end of a slow line still has its time.</summary>
    static TimeSpan OpenWithin(TimeSpan limit) =>
        limit < ShortestOpen ? ShortestOpen : limit > LongestOpen ? LongestOpen : limit;
}
