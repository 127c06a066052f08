using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>The limit holds whatever the database does: a server that hangs costs its caller the limit and a few seconds, and no more.</summary>
public sealed class BackstopTests
{
    [Theory]
    [InlineData(CommandAccess.Write)]
    [InlineData(CommandAccess.Read)]
    public async Task A_server_that_hangs_in_the_middle_of_a_row_is_left_behind(object access)
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var time = new ManualTime();
        var settings = await server.CreateDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, settings, time), time);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var sink = new CollectingSink
        {
            OnRow = (_, _) =>
            {
                // The second row is longer than what the system buffers, so the driver waits inside of it.
                server.Freeze();
                begun.TrySetResult();
                return ValueTask.CompletedTask;
            },
        };
        var running = bench.RunAsync(
            new QueryCommand("SELECT repeat('x', CASE i WHEN 1 THEN 9 ELSE 100000000 END) FROM generate_series(1, 2) i"), sink, limit: TimeSpan.FromSeconds(2), access: (CommandAccess)access);
        await begun.Task;
        try
        {
            await AdvanceUntilAsync(time, running);
            var result = await running;
            Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout, 504, ForcedEnd.LeftBehind),
                (result.Ending, result.Error?.Code, result.Error?.ErrorCode, result.Forced));
            Assert.Equal((CommandAccess)access == CommandAccess.Write ? Executed.Unknown : Executed.No, result.Executed);
            Assert.InRange(result.Timings.ExecuteMs, 0, double.MaxValue);
            Assert.InRange(result.Timings.EncodeMs, 0, double.MaxValue);
            Assert.True(sink.Abandoned);
            server.Thaw();
            Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
            Assert.Equal(1, sink.Rows);
        }
        finally
        {
            server.Thaw();
        }
    }

    [Fact]
    public async Task A_server_that_hangs_while_the_link_connects_is_left_behind_and_nothing_runs_later()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var time = new ManualTime();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, await server.CreateDatabaseAsync() + ";Timeout=0", time), time);
        await bench.DoAsync("CREATE TABLE t (id int)");
        server.Freeze();
        try
        {
            var running = bench.RunAsync(new QueryCommand("INSERT INTO t VALUES (1)") { ExecutionMode = ExecutionMode.NonQuery }, tag: "writer", limit: TimeSpan.FromSeconds(2));
            await AdvanceUntilAsync(time, running);
            var result = await running;
            Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable, 503), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        }
        finally
        {
            server.Thaw();
        }
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_server_that_hangs_while_a_statement_runs_stands_in_the_status_until_it_goes_on()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var sites = OneSite.Of(EngineNames.Postgres, await server.CreateDatabaseAsync());
        var site = sites.All.Single();
        Assert.Equal(Ending.Successful, (await RunAsync("SELECT 1", TimeSpan.FromMinutes(1))).Ending);
        var running = RunAsync("SELECT pg_sleep(600)", TimeSpan.FromSeconds(2));
        server.Freeze();
        try
        {
            var result = await running;
            Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout), (result.Ending, result.Error?.Code));
            Assert.NotEqual(ForcedEnd.None, result.Forced);
            await Eventually.BecomesAsync(() => Task.FromResult(site.Outages.Count()), n => n == 1);
        }
        finally
        {
            server.Thaw();
        }
        await Eventually.BecomesAsync(() => Task.FromResult(site.Outages.Count()), n => n == 0);
        Assert.Equal(Ending.Successful, (await RunAsync("SELECT 1", TimeSpan.FromMinutes(1))).Ending);

        Task<ExecutionResult> RunAsync(string sql, TimeSpan limit) => site.Engine.NewRunner(TimeProvider.System, site.OwnConnector).RunAsync(
            new(new QueryCommand(sql), null, null, 1, limit), new CollectingSink(), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_run_that_ends_while_its_caller_is_being_told_tells_nothing_of_its_own()
    {
        using var file = new SqliteFile();
        var time = new HeldTime();
        var (rollingBack, rolledBack, closed) = (NewSignal(), NewSignal(), NewSignal());
        await using var engine = HeldEngine.Of(DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={file.Path}", TimeProvider.System), held =>
        {
            held.RollingBack = () =>
            {
                rollingBack.SetResult();
                return rolledBack.Task;
            };
            held.Closed = closed.SetResult;
        });
        var running = new CommandRunner(engine, time).RunAsync(
            new(new("SELEC"), null, null, 1, TimeSpan.FromMinutes(1)), new CollectingSink(), TestContext.Current.CancellationToken);
        await rollingBack.Task;
        // The timer's thread is held in the middle of saying what the caller is told.
        var telling = Task.Run(() => time.AdvanceAndHold(TimeSpan.FromSeconds(8)));
        await time.Held.Task;
        rolledBack.SetResult();
        await closed.Task;
        time.LetGo();
        await telling;
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.Unknown, FailureCodes.DatabaseConnectionLost, ForcedEnd.LeftBehind), (result.Ending, result.Executed, result.Error?.Code, result.Forced));
    }

    static async Task AdvanceUntilAsync(ManualTime time, Task running)
    {
        // In steps: what each of the Link's timers starts has a moment to be done.
        while (!running.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(running, Task.Delay(20, TestContext.Current.CancellationToken));
        }
    }

    static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Holds the thread that fires its timers where that measures a time.</summary>
    sealed class HeldTime : TimeProvider
    {
        [ThreadStatic]
        static bool _isFiring;
        readonly ManualTime _time = new();
        readonly TaskCompletionSource _goOn = new();

        public TaskCompletionSource Held { get; } = NewSignal();

        public override long TimestampFrequency
        {
            get
            {
                if (_isFiring)
                {
                    Held.TrySetResult();
                    _goOn.Task.Wait();
                }
                return _time.TimestampFrequency;
            }
        }

        public void AdvanceAndHold(TimeSpan by)
        {
            _isFiring = true;
            _time.Advance(by);
            _isFiring = false;
        }

        public void LetGo() => _goOn.SetResult();

        public override long GetTimestamp() => _time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => _time.CreateTimer(callback, state, dueTime, period);
    }
}
