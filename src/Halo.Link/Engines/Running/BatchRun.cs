using System.Data;
using System.Data.Common;
using System.Runtime.ExceptionServices;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>Runs the commands of a batch one after the other, in one transaction over a connection that is open. The first that fails takes all of it back.</summary>
sealed class BatchRun(
    IDatabaseEngine engine, IDatabaseConnector? connector, TimeProvider time, CommandRequest request, IRowSink sink, DbConnection connection, Backstop backstop)
{
    readonly CommandBatch _batch = request.Batch!;
    readonly IBatchTransaction _transaction = engine.NewBatch(connection, request);
    readonly long _started = time.GetTimestamp();
    readonly List<BatchResult> _results = [];
    readonly List<ResultColumn> _columns = [];
    long _outputBytes;
    WorkTimings _timings = new(0, 0, 0);

    TimeSpan Left => request.Limit - time.GetElapsedTime(_started);

    public async Task<ExecutionResult> RunAsync(CancellationToken cancel)
    {
        if (await BeginAsync(cancel) is { } notBegun)
            return notBegun;
        IReadOnlyList<ResultColumn>? columns = null;
        for (var i = 0; i < _batch.Count; i++)
        {
            if (cancel.IsCancellationRequested)
                return await UndoAsync(new(Ending.Cancelled, Executed.No), null);
            // As for a command that is stopped at once: the limit is over.
            if (Left is var left && left <= TimeSpan.Zero)
                return await UndoAsync(Failed(Failure.TimedOut(Executed.No)), null, Failure.TimedOut);
            var (step, notSent) = await CommandStep.ExecuteAsync(engine, connector, time, request.Of(i, left), sink, connection, backstop, cancel);
            if (step is null)
                return await UndoAsync(At(i, notSent!), null);
            await using (step)
            {
                if (await ConcludeAsync(step, cancel) is { } failed)
                    return At(i, failed) with { Forced = step.Forced };
                var result = step.Closed!;
                // Told once where they repeat, as they do of one command with many sets of parameters.
                var same = columns is not null && result.Columns is not null && columns.SequenceEqual(result.Columns);
                columns = result.Columns ?? columns;
                _results.Add(same ? result with { Columns = null } : result);
                if (OverBoundOf(_results[^1]) is { } over)
                    return await UndoAsync(At(i, Failed(over)), null);
            }
        }
        return await CommitAsync(cancel);
    }

    async ValueTask<ExecutionResult?> BeginAsync(CancellationToken cancel)
    {
        // One that writes may have to wait for its lock, as a command may.
        using var limit = new DriverCancellation(time, cancel);
        limit.CancelAfter(request.Limit);
        backstop.Set(request.Limit + ExecutionWatch.LongestStop, static () => CommandEndings.Unavailable());
        try
        {
            await _transaction.BeginAsync(limit.Token);
            return backstop.Clear() ? null : CommandEndings.Unavailable();
        }
        catch (ReadOnlyImpossibleException e)
        {
            return CommandEndings.Refused(request, e.Message);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // No command was sent, and what is open goes with the connection.
            engine.Discard(connection);
            var refused = cancel.IsCancellationRequested ? new(Ending.Cancelled, Executed.No)
                : limit.Token.IsCancellationRequested ? Failed(Failure.TimedOut(Executed.No))
                : connection.State == ConnectionState.Open && engine.NameError(e, connection) is { } words ? Failed(words)
                : null;
            if (refused is null)
                connector?.Suspect();
            refused ??= CommandEndings.Unavailable(engine.NameConnectionFault(e));
            return connection.State == ConnectionState.Open ? await UndoAsync(refused, null) with { Executed = Executed.No } : refused;
        }
    }

    /// <returns>How the batch ended with this command; null: it goes on.</returns>
    async Task<ExecutionResult?> ConcludeAsync(CommandStep step, CancellationToken cancel)
    {
        var (run, failure) = (step.Run, step.Failure);
        if (!step.Stopped)
            backstop.Set(CommandRunner.ConcludeWithin, () => Lost());
        Add(run.Result(Ending.Successful, Executed.Yes).Timings);
        if (failure is null && run.SinkFault is null && run.Whole && !step.Stopped)
        {
            var (isOpen, fault) = await IsOpenAsync();
            if (fault is null && isOpen && (step.Closed = await run.CloseAsync(cancel)) is not null)
                return backstop.Clear() ? null : Lost();
            if (fault is null && isOpen)
                return await UndoAsync(run.SinkFault is RowSinkException full ? Failed(full.Error) : new(Ending.Cancelled, Executed.No), null);
            if (fault is null)
                return await UndoAsync(Failed(Failure.TransactionEnded(Executed.Unknown)), new(step.Command, step.Asked, null, HasEnded: true), Failure.TransactionEnded);
            failure = fault;
        }
        if ((failure ?? run.SinkFault) is { } amid and not RowSinkException)
            engine.Distrust(connection, amid);
        if (failure is not null)
            engine.KeepMessages(connection, failure);
        var executed = await RollBackAsync(new(step.Command, step.Asked, failure, HasEnded: false));
        if (step.Stopped || failure is not null && engine.NameError(failure) is null)
            engine.Discard(connection);
        if (failure is not null && (connection.State != ConnectionState.Open || !step.Stopped && engine.IsDatabaseFault(failure)))
            connector?.Suspect();
        if (run.SinkFault is { } wrong and not RowSinkException)
            ExceptionDispatchInfo.Throw(wrong);
        if (!backstop.TryEnd())
            return Lost();
        if (run.SinkFault is RowSinkException refused)
            return Failed(refused.Error, executed);
        if (step.Stopped)
            return step.StoppedResult(executed);
        if (request.ReadOnly && engine.ReadOnlyRefusal(failure) is { } words)
            return Failed(PracticeRefusal.Of(CommandEndings.RuleOf(request), words), executed);
        return Failed(CommandEndings.NameOf(engine, failure!, connection, executed), executed);
    }

    async ValueTask<(bool IsOpen, Exception? Fault)> IsOpenAsync()
    {
        try
        {
            return (await _transaction.IsOpenAsync(), null);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            return (false, e);
        }
    }

    async Task<ExecutionResult> CommitAsync(CancellationToken cancel)
    {
        // The last moment for a caller who does not want it any more: from here on it is the database's.
        if (cancel.IsCancellationRequested)
            return await UndoAsync(new(Ending.Cancelled, Executed.No), null);
        // A commit can have much to do: constraints that were deferred, copies of the server.
        var within = Left > CommandRunner.ConcludeWithin ? Left : CommandRunner.ConcludeWithin;
        backstop.Set(within + CommandRunner.ConcludeWithin, () => Lost());
        try
        {
            if (!await _transaction.CommitAsync(within))
            {
                var words = engine.ReadOnlyRefusal(null) ?? PracticeRefusal.Undone;
                return backstop.TryEnd() ? Failed(PracticeRefusal.Of(CommandEndings.RuleOf(request), words)) : Lost();
            }
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            engine.KeepMessages(connection, e);
            var known = await RollBackAsync(null);
            if (engine.NameError(e) is null)
                engine.Discard(connection);
            return backstop.TryEnd() ? Failed(CommandEndings.NameOf(engine, e, connection, known), known) : Lost();
        }
        var result = new ExecutionResult(Ending.Successful, Executed.Yes)
        {
            Rows = request.IsNonQuery ? null : _results.Sum(r => r.Rows ?? 0),
            RowsAffected = request.IsReader ? null : _results.Sum(r => Math.Max(0, r.RowsAffected ?? 0)),
            ResultSets = _results.Sum(r => r.ResultSets),
            Results = _results,
            Timings = _timings,
        };
        if (!backstop.TryEnd())
            return Lost();
        if (request.IsNonQuery)
            return result;
        var executed = CommandEndings.FateOf(engine, request) == Executed.No ? Executed.No : Executed.Yes;
        try
        {
            await sink.EndAsync(cancel);
            return result;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new(Ending.Cancelled, executed) { Timings = _timings };
        }
        catch (RowSinkException late)
        {
            return Failed(late.Error, executed);
        }
    }

    /// <summary>Takes the batch back, and ends with what is proved then.</summary>
    /// <param name="command">The one that failed; null: none was sent that did.</param>
    /// <param name="words">Of a failure whose text says what is known; null: the result has its own.</param>
    async Task<ExecutionResult> UndoAsync(ExecutionResult result, FailedCommand? command, Func<Executed, ErrorDetails>? words = null)
    {
        backstop.Set(CommandRunner.ConcludeWithin, () => Lost());
        var executed = await RollBackAsync(command);
        if (!backstop.TryEnd())
            return Lost();
        return result with { Executed = executed, Error = words is null ? result.Error : words(executed), Timings = _timings };
    }

    async ValueTask<Executed> RollBackAsync(FailedCommand? command)
    {
        try
        {
            var known = await _transaction.RollBackAsync(command);
            return engine.CannotWrite(request.Access) ? Executed.No : known;
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // It was asked and did not answer; with the connection goes what is open.
            engine.Discard(connection);
            return CommandEndings.FateOf(engine, request);
        }
    }

    /// <summary>What results have beside their rows is held and told together.</summary>
    ErrorDetails? OverBoundOf(BatchResult result)
    {
        _outputBytes += ExecutionResult.BytesOf(result.Parameters);
        if (result.Parameters is not null && _outputBytes > request.MaxBytes)
            return PracticeRefusal.Of("maxBytes", $"allows this integrator {request.MaxBytes} bytes of a result; the output parameters alone have more.");
        if (_outputBytes > ProtocolLimits.MaxOutputBytes)
            return Failure.Of(FailureCodes.ResultTooLarge, (FormattableString)$"The output parameters take more than {ProtocolLimits.MaxOutputBytes} bytes. Ask for less.");
        if (result.Columns is not { } columns)
            return null;
        try
        {
            _columns.AddRange(columns);
            ColumnBounds.CheckTogether(_columns);
            return null;
        }
        catch (RowSinkException over)
        {
            return over.Error;
        }
    }

    void Add(WorkTimings step) => _timings = _timings with { ExecuteMs = _timings.ExecuteMs + step.ExecuteMs, EncodeMs = _timings.EncodeMs + step.EncodeMs };

    ExecutionResult Lost() => Failed(Failure.DatabaseConnectionLost(CommandEndings.FateOf(engine, request)), CommandEndings.FateOf(engine, request));

    ExecutionResult Failed(ErrorDetails error, Executed executed = Executed.No) => new(Ending.Failed, executed) { Error = error, Timings = _timings };

    static ExecutionResult At(int index, ExecutionResult failed) => failed with { At = index, Error = failed.Error is { } error ? error with { Index = index } : null };
}
