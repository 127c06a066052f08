using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>One execution under way: what it has brought so far.</summary>
sealed class CommandRun(IDatabaseEngine engine, TimeProvider time, CommandRequest request, IRowSink sink, DbCommand command)
{
    readonly QueryCommand _asked = request.Command;
    readonly long _started = time.GetTimestamp();
    long _answered;
    long _ended;
    int _resultSets;
    long? _rowsAffected;
    IReadOnlyList<OutputParameter>? _outputs;
    RowEncoder? _rows;
    bool _begun;

    Exception? _sinkFault;
    bool _neverBegun;

    /// <summary>Whether the database was asked at all.</summary>
    public bool Sent { get; private set; }

    /// <summary>What the sink threw, if it did.</summary>
    public Exception? SinkFault => _sinkFault ?? _rows?.SinkFault;

    /// <summary>Whether every wanted row went to the sink.</summary>
    public bool Whole => !_neverBegun && _rows?.Whole != false;

    public async Task ExecuteAsync(ExecutionWatch watch)
    {
        try
        {
            watch.Stop.ThrowIfCancellationRequested();
            Sent = true;
            // A nonQuery's results are read too: a driver's own way of running one hides their number, and SQLite's what goes wrong after the first.
            await ReadAsync(watch);
            _outputs ??= engine.ReadOutputs(command, _asked, row: null);
        }
        finally
        {
            _ended = time.GetTimestamp();
        }
    }

    async Task ReadAsync(ExecutionWatch watch)
    {
        var reader = engine.BlocksThread
            ? command.ExecuteReader(engine.BehaviorOf(_asked))
            : await command.ExecuteReaderAsync(engine.BehaviorOf(_asked), watch.GiveUp);
        _answered = time.GetTimestamp();
        await using (reader)
        {
            try
            {
                do
                {
                    // PostgreSQL has rows without columns.
                    if (reader.FieldCount > 0 || reader.HasRows)
                        await ReadResultSetAsync(reader, watch);
                    // What follows a cancelled statement must not run before the database has heard of it.
                    if (watch.Stopped)
                        await watch.StopNowAsync();
                    await engine.ReadRestAsync(command, reader, afterFailure: false, watch.GiveUp);
                }
                while (await NextResultAsync(reader, watch));
            }
            catch
            {
                await LeaveAsync(reader, watch);
                throw;
            }
            if (_asked.ExecutionMode == ExecutionMode.NonQuery)
                _rowsAffected = reader.RecordsAffected;
        }
    }

    async ValueTask<bool> NextResultAsync(DbDataReader reader, ExecutionWatch watch)
    {
        try
        {
            return engine.BlocksThread ? reader.NextResult() : await reader.NextResultAsync(watch.GiveUp);
        }
        catch (Exception e) when (engine.IsOver(command) && ConnectionFault.IsOfTheDatabase(e))
        {
            engine.Discard(command.Connection!);
            return false;
        }
    }

    /// <summary>So that the reader can be closed. What fails here has failed already, or fails because of that.</summary>
    async ValueTask LeaveAsync(DbDataReader reader, ExecutionWatch watch)
    {
        try
        {
            await engine.ReadRestAsync(command, reader, afterFailure: true, watch.GiveUp);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // It is at its end now.
        }
    }

    async ValueTask ReadResultSetAsync(DbDataReader reader, ExecutionWatch watch)
    {
        _resultSets++;
        var standsOnRow = _resultSets == 1 && engine.OutputsAreARow(_asked) && await ReadOutputRowAsync(reader, watch);
        if (_resultSets == request.ResultSet && _asked.ExecutionMode != ExecutionMode.NonQuery)
            await EncodeAsync(reader, standsOnRow, watch);
    }

    async ValueTask<bool> ReadOutputRowAsync(DbDataReader reader, ExecutionWatch watch)
    {
        var stands = await reader.ReadAsync(watch.GiveUp);
        if (stands)
            _outputs = engine.ReadOutputs(command, _asked, reader);
        return stands;
    }

    async Task EncodeAsync(DbDataReader reader, bool standsOnRow, ExecutionWatch watch)
    {
        var scalar = _asked.ExecutionMode == ExecutionMode.Scalar;
        await engine.LearnTypesAsync(command.Connection!, reader, watch.Stop);
        _rows = new RowEncoder(engine, reader, engine.BlocksThread, scalar ? 1 : int.MaxValue);
        if (!await BeginAsync(_rows.Columns, watch))
            return;
        await _rows.EncodeAsync(sink, standsOnRow, scalar ? 1 : long.MaxValue, watch.StopNowAsync, watch.Stop, watch.GiveUp);
    }

    /// <returns>False: the sink threw or the statement is being stopped; the rest is read to learn what the database says.</returns>
    async ValueTask<bool> BeginAsync(IReadOnlyList<ResultColumn> columns, ExecutionWatch watch)
    {
        _begun = true;
        try
        {
            await sink.BeginAsync(columns, watch.Stop);
            return true;
        }
        catch (Exception e)
        {
            _neverBegun = true;
            if (e is OperationCanceledException && watch.Stopped)
                return false;
            _sinkFault = e;
            await watch.StopNowAsync();
            return false;
        }
    }

    /// <summary>Of a batch: the rows of this command are whole.</summary>
    /// <returns>What the batch's answer has of it. Null: the sink took no more, or it is to be stopped.</returns>
    public async ValueTask<BatchResult?> CloseAsync(CancellationToken stop)
    {
        var result = new BatchResult { RowsAffected = _rowsAffected, ResultSets = _resultSets, Parameters = _outputs is { Count: > 0 } ? _outputs : null };
        if (_asked.ExecutionMode == ExecutionMode.NonQuery)
            return result;
        try
        {
            if (!_begun)
                await sink.BeginAsync([], stop);
            var closed = await sink.CloseResultAsync(stop);
            return result with { Rows = _rows?.Rows ?? 0, Size = closed.Bytes, PageCount = closed.Pages, Columns = _rows?.Columns ?? [] };
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
        catch (RowSinkException full)
        {
            _sinkFault = full;
            return null;
        }
    }

    /// <summary>Closes the sink after the database has done its part.</summary>
    /// <returns>False: the caller cancelled meanwhile.</returns>
    public async ValueTask<bool> EndAsync(CancellationToken cancel)
    {
        if (_asked.ExecutionMode == ExecutionMode.NonQuery)
            return true;
        try
        {
            if (!_begun)
                await sink.BeginAsync([], cancel);
            await sink.EndAsync(cancel);
            return true;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (RowSinkException full)
        {
            _sinkFault = full;
            return false;
        }
    }

    public ExecutionResult Result(Ending ending, Executed executed, ErrorDetails? error = null)
    {
        // One that is left behind has no end.
        var ended = _ended == 0 ? time.GetTimestamp() : _ended;
        var answered = _answered == 0 ? ended : _answered;
        return new(ending, executed)
        {
            Rows = _asked.ExecutionMode == ExecutionMode.NonQuery ? null : _rows?.Rows ?? 0,
            RowsAffected = _rowsAffected,
            ResultSets = _resultSets,
            Parameters = _outputs,
            Error = error,
            Timings = new(0, time.GetElapsedTime(_started, answered).TotalMilliseconds, time.GetElapsedTime(answered, ended).TotalMilliseconds),
        };
    }
}
