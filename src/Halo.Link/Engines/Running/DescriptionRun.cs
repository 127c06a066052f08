using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>Describes a command over a connection that is open. Nothing of the command runs, so whatever happens, nothing of it was executed.</summary>
sealed class DescriptionRun(
    IDatabaseEngine engine, IDatabaseConnector? connector, TimeProvider time, CommandRequest request, IRowSink sink, DbConnection connection, Backstop backstop)
{
    readonly long _started = time.GetTimestamp();

    /// <summary>Asks the database, and gives the columns to the sink.</summary>
    public async Task<ExecutionResult> RunAsync(CancellationToken cancel)
    {
        backstop.Set(request.Limit + ExecutionWatch.LongestStop, () => Failed(Failure.TimedOut(Executed.No)));
        var (described, ended) = await AskAsync(cancel);
        if (!await TryRollBackAsync(ended is not null))
            engine.Discard(connection);
        // From here on the sink may be used again, or another end was told.
        if (!backstop.TryEnd())
            return Failed(Failure.TimedOut(Executed.No));
        return ended ?? await TellAsync(described!, cancel);
    }

    async Task<(DescribedCommand? Described, ExecutionResult? Ended)> AskAsync(CancellationToken cancel)
    {
        using var limit = new DriverCancellation(time, cancel);
        limit.CancelAfter(request.Limit);
        var faults = new List<FieldError>();
        try
        {
            var described = await engine.DescribeAsync(connection, request, faults, limit.Token);
            return faults.Count > 0 ? (null, CommandEndings.InvalidParameters(faults)) : (described, null);
        }
        catch (ReadOnlyImpossibleException e)
        {
            return (null, CommandEndings.Refused(request, e.Message));
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            return (null, EndOf(e, limit.Token, cancel));
        }
    }

    ExecutionResult EndOf(Exception failure, CancellationToken limit, CancellationToken cancel)
    {
        var words = connection.State == ConnectionState.Open ? engine.NameError(failure, connection) : null;
        if (limit.IsCancellationRequested || words is null)
            engine.Discard(connection);
        if (cancel.IsCancellationRequested)
            return new(Ending.Cancelled, Executed.No) { Timings = Timings };
        if (limit.IsCancellationRequested)
            return Failed(Failure.TimedOut(Executed.No));
        if (connection.State != ConnectionState.Open || engine.IsDatabaseFault(failure))
            connector?.Suspect();
        if (request.ReadOnly && engine.ReadOnlyRefusal(failure) is { } rule)
            return CommandEndings.Refused(request, rule);
        return Failed(words ?? CommandEndings.NameOf(engine, failure, connection, Executed.No));
    }

    /// <summary>What was open for it (a transaction that may only read) is closed.</summary>
    async ValueTask<bool> TryRollBackAsync(bool failed)
    {
        try
        {
            await engine.RollBackAsync(connection, request, failed);
            return true;
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDriver(e))
        {
            return false;
        }
    }

    async Task<ExecutionResult> TellAsync(DescribedCommand described, CancellationToken cancel)
    {
        if (described.Parameters.Count > ProtocolLimits.MaxParameters || ExecutionResult.BytesOf(described.Parameters) > ProtocolLimits.MaxOutputBytes)
            return Failed(Failure.Of(FailureCodes.ResultTooLarge, "The command has more parameters than can be told. Nothing ran."));
        try
        {
            await sink.BeginAsync(described.Columns, cancel);
            await sink.EndAsync(cancel);
            return new(Ending.Successful, Executed.No) { Rows = 0, ResultSets = described.Columns.Count > 0 ? 1 : 0, Parameters = described.Parameters, Timings = Timings };
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return new(Ending.Cancelled, Executed.No) { Timings = Timings };
        }
        catch (RowSinkException full)
        {
            return Failed(full.Error);
        }
    }

    WorkTimings Timings => new(0, time.GetElapsedTime(_started).TotalMilliseconds, 0);

    ExecutionResult Failed(ErrorDetails error) => new(Ending.Failed, Executed.No) { Error = error, Timings = Timings };
}
