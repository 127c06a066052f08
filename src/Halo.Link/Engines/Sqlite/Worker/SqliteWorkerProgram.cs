using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>The worker: runs SQLite commands for the Link that started it, one at a time, until that closes its standard input.</summary>
/// <remarks>
/// The first thread reads what the Link says, and so sees at once that the Link is gone; a thread of the pool runs the command. A process that the
/// Link left behind would hold the practice's database, so it ends in the middle of whatever it does.
/// </remarks>
sealed class SqliteWorkerProgram
{
    /// <summary>The hidden command of <c>halo-link</c>; its one argument is the bound of SQLite's memory in bytes.</summary>
    public const string Command = "sqlite-worker";

    /// <summary>A command that took more has the worker end after it: neither SQLite's allocator nor the runtime gives everything back.</summary>
    const long GrownBytes = 48L << 20;

    readonly WorkerChannel _channel;
    readonly WorkerRowSink _sink;
    readonly long _memoryBytes;
    readonly Lock _lock = new();
    CancellationTokenSource? _running;
    bool _committing;

    SqliteWorkerProgram(WorkerChannel channel, long memoryBytes)
    {
        (_channel, _memoryBytes) = (channel, memoryBytes);
        _sink = new(channel);
    }

    /// <summary>Serves until standard input ends, then does not return.</summary>
    public static int Run(string[] args)
    {
        if (args is not [Command, var text] || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var memoryBytes))
            return 2;
        // These reach every process of a terminal or service at once. The Link ends its queries in order, and then closes the pipe.
        PosixSignalRegistration[] ignored =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }
                .Select(s => PosixSignalRegistration.Create(s, static context => context.Cancel = true)),
        ];
        WorkerBounds.Apply(memoryBytes);
        WarmUp(memoryBytes);
        var channel = new WorkerChannel(Console.OpenStandardInput(), Console.OpenStandardOutput());
        WorkerBounds.CloseStandardError();
        channel.Send(WorkerFrameKind.Ready);
        new SqliteWorkerProgram(channel, memoryBytes).Serve();
        GC.KeepAlive(ignored);
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    /// <summary>What a command needs is compiled before the Link waits for it.</summary>
    static void WarmUp(long memoryBytes)
    {
        var warm = new SqliteWorkerProgram(new(Stream.Null, Stream.Null), memoryBytes);
        var command = new WorkerCommand("Data Source=:memory:", new(
            new("SELECT 1 AS n, 'text' AS t, 1.5 AS r, @p AS p") { Parameters = [new("p") { Type = SqlType.Int, Value = JsonSerializer.SerializeToElement(1) }] },
            null, null, 1, TimeSpan.FromMinutes(1)));
        var json = JsonSerializer.SerializeToUtf8Bytes(command, WorkerJson.Default.WorkerCommand);
        warm.ExecuteAsync(JsonSerializer.Deserialize(json, WorkerJson.Default.WorkerCommand)!, new()).GetAwaiter().GetResult();
    }

    void Serve()
    {
        while (_channel.TryReceive(out var kind, out var payload))
        {
            switch (kind)
            {
                case WorkerFrameKind.Run:
                    // Here, where frames are read: what was said before is of the command before, and what comes after of this one.
                    _sink.Begin();
                    var cancel = new CancellationTokenSource();
                    lock (_lock)
                        _running = cancel;
                    _ = ExecuteAsync(JsonSerializer.Deserialize(payload.Span, WorkerJson.Default.WorkerCommand)!, cancel);
                    break;
                case WorkerFrameKind.Cancel:
                    // One that comes after the command's end is for nobody.
                    lock (_lock)
                        _ = _running?.CancelAsync();
                    break;
                case WorkerFrameKind.Enough:
                    _sink.TakeNoMore();
                    break;
            }
        }
    }

    async Task ExecuteAsync(WorkerCommand command, CancellationTokenSource cancel)
    {
        _committing = false;
        ExecutionResult? result = null;
        var fault = "";
        try
        {
            await using var engine = new SqliteEngine(command.ConnectionString, TimeProvider.System) { MemoryBytes = _memoryBytes, Committing = BeforeCommit };
            result = await new CommandRunner(engine, TimeProvider.System).RunAsync(command.Request, _sink, cancel.Token);
        }
        catch (OutOfMemoryException)
        {
            // The runtime's bound, by one value or text of enormous length. The connection is closed, and with it what was open.
            result = new(Ending.Failed, _committing ? Executed.Unknown : Executed.No) { Error = SqliteErrors.OutOfMemory(_memoryBytes) };
        }
        catch (Exception e)
        {
            fault = e.GetType().Name;
        }
        lock (_lock)
            _running = null;
        try
        {
            _sink.Finish();
            if (result is null)
                _channel.Send(WorkerFrameKind.Fault, Encoding.UTF8.GetBytes(fault));
            else
                _channel.Send(WorkerFrameKind.End, new(result, HasGrown()), WorkerJson.Default.WorkerEnd);
        }
        catch (IOException)
        {
            // The Link is gone: the first thread has seen it, too.
        }
        cancel.Dispose();
    }

    /// <summary>The Link knows of it before SQLite does it: of a worker that is killed before that, nothing is committed.</summary>
    void BeforeCommit()
    {
        _committing = true;
        _channel.Send(WorkerFrameKind.Committing);
    }

    static bool HasGrown() => raw.sqlite3_memory_highwater(1) > GrownBytes || GC.GetGCMemoryInfo().TotalCommittedBytes > GrownBytes;
}
