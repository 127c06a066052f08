using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Tests.Session;
using Halo.Link.Tests.Work;
using Halo.Link.Work;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
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
        CommandExecutor.Log(logs.CreateLogger("Halo.Link"), Guid.NewGuid(), site.Id, result.Forced);
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

    [Theory]
    [InlineData(false, "Login")]
    [InlineData(false, "PreLogin")]
    [InlineData(true, "Login")]
    [InlineData(true, "PreLogin")]
    public async Task A_server_that_takes_a_connection_and_says_nothing_costs_its_caller_seconds_and_nothing_runs_later(bool tls, string step)
    {
        var time = new ManualTime();
        await using var server = new TdsServer((_, answer) =>
        {
            answer.Effect("ran");
            return Task.CompletedTask;
        }, new() { Tls = tls, SilentAfter = Enum.Parse<TdsStep>(step) });
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString, time), time);
        var running = bench.RunAsync(new QueryCommand("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromSeconds(2));
        await Eventually.BecomesAsync(() => Task.FromResult(server.Connections), there => there > 0);
        while (!running.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(running, Task.Delay(20, TestContext.Current.CancellationToken));
        }
        var result = await running;
        Assert.Equal((Executed.No, FailureCodes.DatabaseUnavailable, 503), (result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        server.Options.SilentAfter = TdsStep.None;
        var next = await bench.RunAsync(new QueryCommand("UPDATE a SET n = 2") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Successful, 1), (next.Ending, server.Effects("ran")));
    }

    /// <summary>The whole Link: lanes, log, and what it tells the API of its database.</summary>
    [Fact]
    public async Task Four_queries_on_a_frozen_server_leave_their_lanes_to_the_next_caller_while_it_is_frozen()
    {
        const int lanes = 4;
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        await using var world = await World.StartAsync(s => s with
        {
            Sites = [s.Sites[0] with { Engine = EngineNames.SqlServer, ConnectionString = server.ConnectionString }],
        });
        QueryCommand write = new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery };
        // Connections that the pool keeps: the queries are sent before anybody notices.
        Assert.All(await AskAsync(lanes, 30_000), o => Assert.Equal(Ending.Successful, o.Ending));
        server.Script = async (_, answer) =>
        {
            server.Freeze();
            await answer.FlushAsync();
        };
        var frozen = await AskAsync(lanes, 30_000);
        Assert.All(frozen, o => Assert.True(
            (o.Error!.Code, o.Executed) is (FailureCodes.ExecutionTimeout, Executed.Unknown) or (FailureCodes.DatabaseUnavailable, Executed.No), $"{o.Error.Code} {o.Executed}"));
        var stuck = frozen.Count(o => o.Error!.Code == FailureCodes.ExecutionTimeout);
        Assert.NotEqual(0, stuck);
        // Each of them said so, as does one that was left behind while it connected; and none that a session was ended.
        Assert.InRange(world.Link.Log.Of(2106).Count + world.Link.Log.Of(2107).Count, stuck, lanes);
        Assert.Empty(world.Link.Log.Of(2105));
        // At once or not at all: without a free lane it would be told that its time in the queue is over.
        Assert.All(await AskAsync(lanes, 0), o => Assert.Equal((FailureCodes.DatabaseUnavailable, Executed.No), (o.Error!.Code, o.Executed)));
        server.Script = (_, _) => Task.CompletedTask;
        server.Thaw();
        await Eventually.BecomesAsync(() => AskAsync(lanes, 0), all => all.All(o => o.Ending == Ending.Successful));

        async Task<Outcome[]> AskAsync(int queries, int waitMs)
        {
            var ids = Enumerable.Range(0, queries).Select(_ => Guid.NewGuid()).ToArray();
            foreach (var id in ids)
                await world.Session.SendAsync(FrameKind.Execute, id, world.At(write) with { WaitMs = waitMs, LimitMs = 1000 }, ProtocolJson.Default.Execute);
            var outcomes = new List<Outcome>();
            while (outcomes.Count < queries)
            {
                var frame = await world.Session.NextAsync(FrameKind.Outcome);
                outcomes.Add(TestSession.Read(frame, ProtocolJson.Default.Outcome));
                await world.Session.Line.SendAsync(FrameKind.OutcomeAck, frame.QueryId);
            }
            return [.. outcomes];
        }
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
