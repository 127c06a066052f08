using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Tests.Session;
using Halo.Link.Work;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What becomes of connections when SQL Server confirms a cancel, and when it does not.</summary>
public sealed class UnacknowledgedCancelTests
{
    /// <summary>At once, since each takes the driver its seconds.</summary>
    [Fact]
    public Task A_connection_whose_cancel_the_server_never_acknowledges_is_closed_and_its_pool_cleared() => Task.WhenAll(
        IsClosedAsync("UPDATE a SET n = 1", "the limit"),
        IsClosedAsync("SELECT id FROM a", "the limit"),
        IsClosedAsync("UPDATE a SET n = 1", "the caller"),
        IsClosedAsync("UPDATE a SET n = 1 OUTPUT inserted.id", "the practice's rule"),
        IsClosedAsync("SELECT id FROM a", "the practice's rule"));

    static async Task IsClosedAsync(string sql, string stoppedBy)
    {
        using var cancel = new CancellationTokenSource();
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        await FillPoolAsync(bench, 3);
        bench.Server.Script = async (_, answer) =>
        {
            await BeginAsync(answer, stoppedBy, cancel);
            answer.IsCutOff = true;
            answer.AcknowledgesAttention = false;
        };
        var result = await RunAsync(bench, sql, stoppedBy, cancel);
        Assert.Equal(Executed.Unknown, result.Executed);
        // Before its limit the driver cannot be made to give it back: then the run is left behind, as on a machine that is too busy.
        Assert.Contains(result.Forced, stoppedBy == "the limit" ? [ForcedEnd.ConnectionClosed, ForcedEnd.LeftBehind] : new[] { ForcedEnd.LeftBehind });
        // The one itself, and those of the pool that nobody uses.
        await Eventually.BecomesAsync(() => Task.FromResult((sql, stoppedBy, bench.Server.Connections)), left => left.Connections == 0);
        bench.Server.Script = (_, _) => Task.CompletedTask;
        var logins = bench.Server.Logins;
        Assert.Equal(Ending.Successful, (await bench.RunAsync(new("SELECT 1 AS v"))).Ending);
        Assert.Equal((logins + 1, 1), (bench.Server.Logins, bench.Server.Connections));
    }

    [Theory]
    [InlineData("UPDATE a SET n = 1", "the limit", Executed.Unknown)]
    [InlineData("SELECT id FROM a", "the limit", Executed.No)]
    [InlineData("UPDATE a SET n = 1", "the caller", Executed.Unknown)]
    [InlineData("UPDATE a SET n = 1 OUTPUT inserted.id", "the practice's rule", Executed.Unknown)]
    [InlineData("SELECT id FROM a", "the practice's rule", Executed.No)]
    public async Task Where_the_server_acknowledges_it_nothing_is_closed(string sql, string stoppedBy, Executed executed)
    {
        using var cancel = new CancellationTokenSource();
        // Without its resets, each of which takes a connection for a moment, and without those that the driver opens in advance where its pool comes to it late.
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, settings: ";Max Pool Size=3", time: new ManualTime());
        await FillPoolAsync(bench, 3);
        bench.Server.Script = async (_, answer) =>
        {
            await BeginAsync(answer, stoppedBy, cancel);
            answer.IsCutOff = true;
        };
        var result = await RunAsync(bench, sql, stoppedBy, cancel);
        Assert.Equal((executed, ForcedEnd.None), (result.Executed, result.Forced));
        Assert.Equal((3, 3), (bench.Server.Logins, bench.Server.Connections));
        await FillPoolAsync(bench, 3);
        Assert.Equal((3, 3), (bench.Server.Logins, bench.Server.Connections));
    }

    /// <summary>After the time at which other databases' sessions are ended by force, and before the driver gives up.</summary>
    [Fact]
    public async Task An_acknowledgement_that_comes_late_is_one()
    {
        var time = new ManualTime();
        var acknowledge = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = new TdsServer(async (_, answer) =>
        {
            await answer.Attention;
            await acknowledge.Task;
            answer.IsCutOff = true;
        });
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString, time), time);
        var running = bench.RunAsync(new QueryCommand("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromSeconds(1));
        await Eventually.BecomesAsync(() => Task.FromResult(server.Running), running => running == 1);
        for (var i = 0; i < 6; i++)
            time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.BecomesAsync(() => Task.FromResult(server.Attentions), asked => asked > 0);
        acknowledge.SetResult();
        var result = await running;
        Assert.Equal((FailureCodes.ExecutionTimeout, Executed.Unknown, ForcedEnd.None), (result.Error!.Code, result.Executed, result.Forced));
        Assert.Equal((1, 1), (server.Logins, server.Connections));
    }

    /// <summary>As on a machine so busy that the runner's timer comes late.</summary>
    [Fact]
    public async Task Where_the_drivers_own_limit_comes_first_the_caller_is_told_of_a_limit_too()
    {
        var time = new ManualTime();
        await using var server = new TdsServer(async (_, answer) =>
        {
            await answer.Attention;
            answer.IsCutOff = true;
        });
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString, time), time);
        var result = await bench.RunAsync(new QueryCommand("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromMilliseconds(100));
        Assert.Equal((FailureCodes.ExecutionTimeout, Executed.Unknown, ForcedEnd.None), (result.Error!.Code, result.Executed, result.Forced));
    }

    [Theory]
    [InlineData(ForcedEnd.None, null)]
    [InlineData(ForcedEnd.SessionEnded, 2105)]
    [InlineData(ForcedEnd.ConnectionClosed, 2107)]
    [InlineData(ForcedEnd.LeftBehind, 2106)]
    public void The_log_says_which_end_it_was_and_no_other(object forced, int? id)
    {
        var log = new LogLines();
        using var logs = LoggerFactory.Create(b => b.AddProvider(log));
        var (query, site) = (Guid.NewGuid(), Guid.NewGuid());
        CommandExecutor.Log(logs.CreateLogger("Halo.Link"), query, site, (ForcedEnd)forced);
        if (id is null)
        {
            Assert.Empty(log.All);
            return;
        }
        var line = Assert.Single(log.All.Split('\n'));
        Assert.StartsWith($"{id} ", line, StringComparison.Ordinal);
        Assert.Contains($"{query}", line, StringComparison.Ordinal);
        Assert.Contains($"{site}", line, StringComparison.Ordinal);
        Assert.Equal(id == 2105, line.Contains("session in the database", StringComparison.Ordinal));
    }

    static async Task BeginAsync(TdsAnswer answer, string stoppedBy, CancellationTokenSource cancel)
    {
        if (stoppedBy == "the practice's rule")
        {
            answer.Columns(TdsColumn.Int("id"));
            answer.Row(1);
            answer.Row(2);
            await answer.FlushAsync();
        }
        else if (stoppedBy == "the caller")
            await cancel.CancelAsync();
        await answer.Attention;
    }

    static Task<ExecutionResult> RunAsync(TdsBench bench, string sql, string stoppedBy, CancellationTokenSource cancel) => bench.RunAsync(
        new(sql), cancel: cancel,
        limit: stoppedBy == "the limit" ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(4),
        maxRows: stoppedBy == "the practice's rule" ? 1 : null);

    /// <summary>So many connections, open at once, that the pool has then.</summary>
    static async Task FillPoolAsync(TdsBench bench, int connections)
    {
        var (script, all) = (bench.Server.Script, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        var there = 0;
        bench.Server.Script = async (_, _) =>
        {
            if (Interlocked.Increment(ref there) == connections)
                all.SetResult();
            await all.Task;
        };
        var results = await Task.WhenAll(Enumerable.Range(0, connections).Select(_ => bench.RunAsync(new("SELECT 1 AS v"))));
        Assert.All(results, r => Assert.Equal(Ending.Successful, r.Ending));
        bench.Server.Script = script;
    }
}
