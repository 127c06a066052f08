using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Tests.Session;
using Halo.Link.Work;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>A server whose processes stand still, or are away.</summary>
public sealed class FrozenServerTests
{
    [Fact]
    public async Task The_limit_holds_while_the_server_stands_still_and_all_is_well_when_it_goes_on()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns(TdsColumn.Int("v"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            return Task.CompletedTask;
        });
        // Four connections that the pool keeps: the queries are sent before anybody notices.
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => bench.RunAsync(new("SELECT 1 AS v"))));
        var frozen = new TaskCompletionSource();
        var script = bench.Server.Script;
        bench.Server.Script = async (_, answer) =>
        {
            bench.Server.Freeze();
            frozen.TrySetResult();
            await answer.FlushAsync();
        };
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            bench.RunAsync(new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromSeconds(1))));
        await frozen.Task;
        // Those that were not sent yet say that nothing ran; of the others nothing is known.
        Assert.All(results, r => Assert.True(
            (r.Error!.Code, r.Executed) is (FailureCodes.ExecutionTimeout, Executed.Unknown) or (FailureCodes.DatabaseUnavailable, Executed.No),
            $"{r.Error.Code} {r.Executed}"));
        Assert.Contains(results, r => r.Error!.Code == FailureCodes.ExecutionTimeout);
        bench.Server.Script = script;
        bench.Server.Thaw();
        await Eventually.BecomesAsync(() => bench.RunAsync(new("SELECT 1 AS v")), r => r.Ending == Ending.Successful);
    }

    [Fact]
    public async Task A_server_that_stands_still_at_the_limit_is_told_in_status_and_log_and_to_the_next_caller_until_it_goes_on()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        await using var sites = OneSite.Of(EngineNames.SqlServer, server.ConnectionString);
        var site = sites.All.Single();
        Assert.Equal(Ending.Successful, (await RunAsync("UPDATE a SET n = 0", TimeSpan.FromMinutes(1))).Ending);
        var answers = server.Script;
        server.Script = async (_, answer) =>
        {
            server.Freeze();
            await answer.FlushAsync();
        };
        var result = await RunAsync("UPDATE a SET n = 1", TimeSpan.FromSeconds(1));
        Assert.Equal((FailureCodes.ExecutionTimeout, Executed.Unknown), (result.Error!.Code, result.Executed));
        var log = new LogLines();
        using var logs = LoggerFactory.Create(b => b.AddProvider(log));
        ForcedEnds.Log(logs.CreateLogger("Halo.Link"), Guid.NewGuid(), site.Id, result);
        // Which of the two depends on whether the driver has given up in time; nobody has ended its session.
        Assert.Single([.. log.Of(2106), .. log.Of(2107)]);
        Assert.Empty(log.Of(2105));
        await Eventually.BecomesAsync(() => Task.FromResult(site.Outages.Count()), n => n == 1);
        var next = await RunAsync("UPDATE a SET n = 2", TimeSpan.FromMinutes(1));
        Assert.Equal((FailureCodes.DatabaseUnavailable, Executed.No), (next.Error!.Code, next.Executed));
        server.Script = answers;
        server.Thaw();
        await Eventually.BecomesAsync(() => RunAsync("UPDATE a SET n = 3", TimeSpan.FromMinutes(1)), r => r.Ending == Ending.Successful);
        Assert.Empty(site.Outages);

        Task<ExecutionResult> RunAsync(string sql, TimeSpan limit) => site.Engine.NewRunner(TimeProvider.System, site.OwnConnector).RunAsync(
            new(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery }, null, null, 1, limit), new CollectingSink(), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task The_first_query_after_the_server_is_back_succeeds()
    {
        await using var first = new TdsBench((_, _) => Task.CompletedTask, settings: ";ConnectRetryCount=0");
        Assert.Equal(Ending.Successful, (await first.RunAsync(new("SELECT 1 AS v"))).Ending);
        await first.Server.DisposeAsync();
        for (var i = 0; i < 4; i++)
        {
            var away = await first.RunAsync(new("SELECT 1 AS v"));
            Assert.Equal((FailureCodes.DatabaseUnavailable, Executed.No), (away.Error!.Code, away.Executed));
        }
        await using var back = new TdsServer((_, _) => Task.CompletedTask, new() { Port = first.Server.Port });
        Assert.Equal(Ending.Successful, (await first.RunAsync(new("SELECT 1 AS v"))).Ending);
    }

    [Fact]
    public async Task A_refused_port_is_told_without_the_drivers_long_wait_between_attempts()
    {
        // The driver would go on trying for an hour.
        var engine = DatabaseEngines.Create(EngineNames.SqlServer, "Server=127.0.0.1,9;Database=clinic;User ID=halo;Password=p;Encrypt=Optional;Connect Timeout=3600", TimeProvider.System);
        await using var bench = new EngineBench(engine);
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => engine.OpenAsync(null, null, TestContext.Current.CancellationToken));
        Assert.Equal(FailureCodes.DatabaseUnavailable, (await bench.RunAsync("SELECT 1")).Error!.Code);
    }
}
