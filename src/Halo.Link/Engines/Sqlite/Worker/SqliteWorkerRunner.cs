using System.Data.Common;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Observability;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>Runs each command in a worker process, which is killed where the command does not end when it is stopped.</summary>
/// <param name="engine">Of the same database, in this process: for statements of the Link's own.</param>
/// <param name="connector">Looks at the database where a worker could not open it; null: nothing is remembered.</param>
sealed class SqliteWorkerRunner(SqliteEngine engine, SqliteWorkers workers, TimeProvider time, IDatabaseConnector? connector) : ICommandRunner
{
    /// <summary>The worker never stops a command by itself: this side counts, and says when.</summary>
    static readonly TimeSpan Unlimited = TimeSpan.FromDays(30);

    static readonly TimeSpan RecoverWithin = TimeSpan.FromSeconds(1.5);

    public Task<ExecutionResult> RunAsync(CommandRequest request, IRowSink sink, CancellationToken cancel) =>
        // Reads from a pipe block their thread, as SQLite's own calls would.
        Task.Run(() => RunHereAsync(request, sink, cancel), CancellationToken.None);

    async Task<ExecutionResult> RunHereAsync(CommandRequest request, IRowSink sink, CancellationToken cancel)
    {
        using var span = Telemetry.StartDatabaseCall(EngineNames.InTelemetry(engine.Name), request.Command.ExecutionMode);
        var result = await RunOnWorkerAsync(request, sink, cancel);
        Telemetry.Conclude(span, result.Ending, result.Rows, result.Error);
        if (result.Error is { Code: FailureCodes.DatabaseUnavailable } || result.Error is { ErrorType: ErrorTypes.Sqlite } error && SqliteErrors.IsOfTheFile(error.ErrorCode))
            connector?.Suspect();
        return result;
    }

    async Task<ExecutionResult> RunOnWorkerAsync(CommandRequest request, IRowSink sink, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
            return new(Ending.Cancelled, Executed.No);
        var command = JsonSerializer.SerializeToUtf8Bytes(new(engine.ConnectionString, request with { Limit = Unlimited }), WorkerJson.Default.WorkerCommand);
        for (var again = false; ; again = true)
        {
            SqliteWorker worker;
            try
            {
                worker = await workers.RentAsync(cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return new(Ending.Cancelled, Executed.No);
            }
            catch (SqliteWorkerException)
            {
                return NotStarted();
            }
            var reusable = false;
            try
            {
                var run = new SqliteWorkerRun(workers, worker, request, sink, time, cancel);
                await using (run)
                    await run.ExecuteAsync(command);
                // It was idle and had ended: it never had the command.
                if (run is { NeverSent: true, Stopped: false } && !again)
                    continue;
                reusable = run.WorkerReusable;
                var recovered = run.NeedsRecovery && await RecoverAsync(request);
                return await run.ConcludeAsync(recovered, cancel);
            }
            finally
            {
                workers.Return(worker, reusable);
            }
        }
    }

    /// <summary>Has SQLite take back what a killed worker left half-written: the next one to open the database does, and then it is certain.</summary>
    async Task<bool> RecoverAsync(CommandRequest request)
    {
        using var limit = new DriverCancellation(time);
        limit.CancelAfter(RecoverWithin);
        try
        {
            await using var connection = await engine.OpenAsync(request.Database, null, CommandAccess.Write, limit.Token);
            await engine.PingAsync(connection, limit.Token);
            return !limit.Token.IsCancellationRequested;
        }
        catch (Exception e) when (e is DbException or IOException or InvalidOperationException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    static ExecutionResult NotStarted() => new(Ending.Failed, Executed.No) { Error = Failure.WorkerNotStarted };
}
