using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Running;

/// <summary>One command, made and read to its end over a connection that is open; what became of it is still to be found out.</summary>
sealed class CommandStep : IAsyncDisposable
{
    readonly ExecutionWatch _watch;

    CommandStep(QueryCommand asked, DbCommand command, CommandRun run, ExecutionWatch watch) => (Asked, Command, Run, _watch) = (asked, command, run, watch);

    public QueryCommand Asked { get; }

    public DbCommand Command { get; }

    public CommandRun Run { get; }

    /// <summary>What ended it; null: it came to its end.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>Whether it was stopped, by whomever.</summary>
    public bool Stopped => _watch.Stopped;

    /// <summary>Of a batch: what its answer has of it, once it is whole.</summary>
    public BatchResult? Closed { get; set; }

    /// <summary>Whether the database had to be made to end it.</summary>
    public ForcedEnd Forced { get; private set; }

    /// <summary>Makes the command, sends it, and gives its rows to the sink.</summary>
    /// <param name="connector">Is told where the connection broke; null: nobody is.</param>
    /// <returns>The step, or the end of a command that was never sent.</returns>
    public static async Task<(CommandStep? Step, ExecutionResult? NotSent)> ExecuteAsync(
        IDatabaseEngine engine, IDatabaseConnector? connector, TimeProvider time, CommandRequest request, IRowSink sink, DbConnection connection, Backstop backstop,
        CancellationToken cancel)
    {
        var faults = new List<FieldError>();
        DbCommand command;
        try
        {
            command = engine.CreateCommand(connection, request, faults);
        }
        catch (ReadOnlyImpossibleException e)
        {
            return (null, CommandEndings.Refused(request, e.Message));
        }
        catch (DbException e) when (engine.NameError(e, connection) is { } error)
        {
            return (null, new(Ending.Failed, Executed.No) { Error = error });
        }
        catch (Exception e) when (e is DbException or System.Net.Sockets.SocketException or IOException)
        {
            // The session was prepared for the command, which was not sent.
            connector?.Suspect();
            return (null, CommandEndings.Unavailable(engine.NameConnectionFault(e)));
        }
        CommandStep? step = null;
        try
        {
            if (faults.Count > 0)
                return (null, CommandEndings.InvalidParameters(faults));
            (step, var notSent) = await BeginAsync(engine, connector, time, request, sink, connection, command, backstop, cancel);
            if (step is null)
                return (null, notSent);
            await step.ReadAsync(engine, connection);
            return (step, null);
        }
        catch
        {
            await command.DisposeAsync();
            throw;
        }
        finally
        {
            if (step is null)
                await command.DisposeAsync();
        }
    }

    static async ValueTask<(CommandStep? Step, ExecutionResult? NotSent)> BeginAsync(
        IDatabaseEngine engine, IDatabaseConnector? connector, TimeProvider time, CommandRequest request, IRowSink sink, DbConnection connection, DbCommand command,
        Backstop backstop, CancellationToken cancel)
    {
        try
        {
            await engine.BeforeAsync(connection, command, request, cancel);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            engine.Discard(connection);
            connector?.Suspect();
            return (null, cancel.IsCancellationRequested ? new(Ending.Cancelled, Executed.No) : CommandEndings.Unavailable(engine.NameConnectionFault(e)));
        }
        // A caller who was told that nothing ran is right.
        if (!backstop.Clear())
            return (null, CommandEndings.Unavailable());
        var run = new CommandRun(engine, time, request, sink, command);
        CommandStep? step = null;
        var watch = new ExecutionWatch(engine, connection, command, time, request, () => backstop.Set(ExecutionWatch.LongestStop, Hanging), cancel);
        step = new(request.Command, command, run, watch);
        return (step, null);

        ExecutionResult Hanging() => CommandEndings.Stopped(run, step?._watch, CommandEndings.FateOf(engine, request));
    }

    /// <summary>How it ended that was stopped.</summary>
    public ExecutionResult StoppedResult(Executed executed) => CommandEndings.Stopped(Run, _watch, executed);

    public ValueTask DisposeAsync() => Command.DisposeAsync();

    async Task ReadAsync(IDatabaseEngine engine, DbConnection connection)
    {
        await using (_watch)
        {
            try
            {
                await Run.ExecuteAsync(_watch);
            }
            catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
            {
                Failure = e;
            }
        }
        // The driver has given up a statement that the database may still be busy with.
        if (Stopped && connection.State != ConnectionState.Open && Failure is not null && engine.NameError(Failure) is null)
            await _watch.ForceAsync();
        Forced = _watch.SessionEnded ? ForcedEnd.SessionEnded
            : Stopped && connection.State != ConnectionState.Open ? ForcedEnd.ConnectionClosed
            : ForcedEnd.None;
    }
}
