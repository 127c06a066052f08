using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>How sessions are set up for the practice's sake.</summary>
public sealed class PracticeFirstTests
{
    [Theory]
    [InlineData(ExecutionMode.Reader, "SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;")]
    [InlineData(ExecutionMode.Scalar, "SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;")]
    [InlineData(ExecutionMode.NonQuery, "SET DEADLOCK_PRIORITY LOW;")]
    public async Task The_Link_gives_way_by_default(ExecutionMode mode, string setUp)
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        await bench.RunAsync(new("SELECT 1 AS v") { ExecutionMode = mode });
        Assert.Equal([setUp, "SELECT 1 AS v"], bench.Server.Requests.Select(r => r.Text));
    }

    [Fact]
    public async Task What_the_practice_configured_is_set_and_taken_back()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, protection: new()
        {
            DeadlockPriority = DeadlockPriority.Normal,
            LockTimeout = TimeSpan.FromMilliseconds(250),
            Isolation = ReaderIsolation.Snapshot,
            ReadIntent = true,
        });
        await bench.RunAsync(new("SELECT 1 AS v"), readOnly: true);
        var asked = bench.Server.Requests.Select(r => r.Text!).ToList();
        Assert.StartsWith("SET DEADLOCK_PRIORITY NORMAL;SET LOCK_TIMEOUT 250;SET TRANSACTION ISOLATION LEVEL SNAPSHOT;", asked[0], StringComparison.Ordinal);
        Assert.StartsWith("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;", asked[2], StringComparison.Ordinal);
        Assert.True(bench.Server.Requests[0].Session.Login.ReadIntent);
    }

    [Fact]
    public async Task An_engine_that_is_disposed_leaves_no_session_whoever_it_was_for()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var engine = DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString, TimeProvider.System);
        foreach (var integrator in new[] { Guid.Empty, Guid.NewGuid(), Guid.NewGuid() })
        {
            await engine.NewRunner(TimeProvider.System).RunAsync(
                new(new("SELECT 1 AS v"), null, null, 1, TimeSpan.FromMinutes(1)) { IntegratorId = integrator }, new CollectingSink(), TestContext.Current.CancellationToken);
        }
        Assert.Equal(3, server.Logins);
        await engine.DisposeAsync();
        await Eventually.BecomesAsync(() => Task.FromResult(server.Connections), left => left == 0);
    }

    [Fact]
    public async Task A_session_says_whose_query_it_runs()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        var (query, integrator) = (Guid.NewGuid(), Guid.NewGuid());
        await new CommandRunner(bench.Engine.Engine, TimeProvider.System).RunAsync(
            new(new("SELECT 1 AS v"), null, "Recalls", 1, TimeSpan.FromMinutes(1)) { QueryId = query, IntegratorId = integrator }, new CollectingSink(), TestContext.Current.CancellationToken);
        var context = bench.Server.Requests[0].Text!.Split("SET CONTEXT_INFO 0x")[1].TrimEnd(';');
        Assert.Equal($"halo query={query} integrator={integrator}", System.Text.Encoding.ASCII.GetString(Convert.FromHexString(context)));
        Assert.True(context.Length <= 2 * 128);
        Assert.Equal("Recalls", bench.Server.Requests[0].Session.Login.Application);
    }

    /// <summary>Each name is a pool of its own.</summary>
    [Fact]
    public async Task Sessions_are_called_by_their_integrators_and_tags_as_far_as_there_are_places()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, settings: ";Application Name=Front desk");
        var (chatty, others) = (Guid.NewGuid(), Enumerable.Range(0, 12).Select(_ => Guid.NewGuid()).ToArray());
        for (var i = 0; i < 20; i++)
            Assert.Equal(i < 8 ? $"job {i}" : $"Front desk {chatty}", await NameAsync(chatty, $"job {i}"));
        for (var i = 0; i < others.Length; i++)
            Assert.Equal(i < 7 ? $"Front desk {others[i]}" : "Front desk", await NameAsync(others[i], i % 2 == 0 ? null : "one tag too many"));
        // They keep their places.
        Assert.Equal($"Front desk {others[0]}", await NameAsync(others[0], null));
        Assert.Equal("job 3", await NameAsync(others[^1], "job 3"));
        Assert.Equal("Front desk", await NameAsync(null, null));
        Assert.Equal("Front desk", await NameAsync(Guid.Empty, null));
        Assert.InRange(bench.Server.Logins, 1, 8 + 8 + 1);

        async Task<string> NameAsync(Guid? integrator, string? tag)
        {
            await new CommandRunner(bench.Engine.Engine, TimeProvider.System).RunAsync(
                new(new("SELECT 1 AS v"), null, tag, 1, TimeSpan.FromMinutes(1)) { IntegratorId = integrator }, new CollectingSink(), TestContext.Current.CancellationToken);
            return bench.Server.Requests.Last(r => r.Text == "SELECT 1 AS v").Session.Login.Application;
        }
    }

    [Theory]
    [InlineData("readUncommitted", "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;")]
    [InlineData("snapshot", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;")]
    [InlineData("readCommitted", "")]
    public async Task Readers_read_at_the_isolation_that_the_practice_chose_and_writers_at_the_servers_own(string isolation, string set)
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, protection: new() { Isolation = Enum.Parse<ReaderIsolation>(isolation, ignoreCase: true) });
        foreach (var mode in (ExecutionMode[])[ExecutionMode.Reader, ExecutionMode.Scalar])
        {
            await bench.RunAsync(new("SELECT 1 AS v") { ExecutionMode = mode });
            Assert.Equal($"SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;{set}", bench.Server.Requests.Last(r => r.Text!.StartsWith("SET DEADLOCK", StringComparison.Ordinal)).Text);
            // The next one in the session may be no reader, and the pool's reset leaves the level on old servers.
            Assert.Equal(set.Length > 0, bench.Server.Requests[^1].Text!.StartsWith("SET TRANSACTION ISOLATION LEVEL READ COMMITTED;", StringComparison.Ordinal));
        }
        await bench.RunAsync(new("DELETE FROM a WHERE id IN (SELECT 1); DELETE FROM b") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal("SET DEADLOCK_PRIORITY LOW;", bench.Server.Requests.Last(r => r.Text!.StartsWith("SET DEADLOCK", StringComparison.Ordinal)).Text);
    }

    [Fact]
    public async Task A_command_that_goes_as_a_procedure_brings_its_set_up_along_while_the_connection_is_known_to_live()
    {
        await using var bench = new TdsBench((request, answer) =>
        {
            if (request.Text!.Contains("nowhere", StringComparison.Ordinal))
                answer.Error(208, "Invalid object name 'nowhere'.");
            return Task.CompletedTask;
        });
        QueryCommand withParameter = new("SELECT @p AS v FROM nowhere") { Parameters = [EngineBench.Parameter("@p", "1", SqlType.Int)] };
        QueryCommand write = new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery };
        var (query, integrator) = (Guid.NewGuid(), Guid.NewGuid());
        foreach (var command in (QueryCommand[])[write, withParameter, write])
            await new CommandRunner(bench.Engine.Engine, TimeProvider.System).RunAsync(
                new(command, null, null, 1, TimeSpan.FromMinutes(1)) { QueryId = query, IntegratorId = integrator }, new CollectingSink(), TestContext.Current.CancellationToken);
        var asked = bench.Server.Requests.Where(r => !r.Text!.Contains("@@TRANCOUNT", StringComparison.Ordinal)).ToList();
        Assert.Equal(
            [
                // The first finds out whether the connection lives.
                asked[0].Text, "UPDATE a SET n = 1",
                "SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 5000;SET CONTEXT_INFO @halo_context;SELECT @p AS v FROM nowhere",
                "SET DEADLOCK_PRIORITY LOW;SET CONTEXT_INFO @halo_context;UPDATE a SET n = 1",
            ],
            asked.Select(r => r.Text));
        var context = asked[2].Parameters.Single(p => p.Name == "@halo_context");
        Assert.Equal($"halo query={query} integrator={integrator}", System.Text.Encoding.ASCII.GetString((byte[])context.Value!));
    }

    [Theory]
    [InlineData("SELECT 1 AS v", false)]
    [InlineData("halo_report @p", true)]
    [InlineData("CREATE VIEW v AS SELECT @p AS n", true)]
    [InlineData("SELECT @p AS v /* table */", true)]
    public async Task What_cannot_stand_behind_other_statements_or_would_lose_its_plan_is_set_up_beforehand(string sql, bool hasParameter)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns(TdsColumn.Int("v"));
            return Task.CompletedTask;
        });
        CommandParameter parameter = sql.Contains("table", StringComparison.Ordinal)
            ? new("@halo_context") { Type = SqlType.Int }
            : EngineBench.Parameter("@p", "1", SqlType.Int);
        for (var i = 0; i < 2; i++)
            await bench.RunAsync(new(sql) { Parameters = hasParameter ? [parameter] : null });
        Assert.Equal([sql, sql], bench.Server.Scripted.Select(r => r.Text));
        Assert.Equal(2, bench.Server.Requests.Count(r => r.Text!.StartsWith("SET DEADLOCK_PRIORITY", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_connection_that_was_idle_is_looked_at_before_a_command_is_sent()
    {
        var time = new ManualTime();
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer, server.ConnectionString, time));
        QueryCommand write = new("UPDATE a SET n = 1") { ExecutionMode = ExecutionMode.NonQuery };
        await bench.RunAsync(write);
        time.Advance(TimeSpan.FromSeconds(1.1));
        await bench.RunAsync(write);
        Assert.Equal(["UPDATE a SET n = 1", "UPDATE a SET n = 1"], server.Scripted.Select(r => r.Text));
        await bench.RunAsync(write);
        Assert.Equal("SET DEADLOCK_PRIORITY LOW;UPDATE a SET n = 1", server.Requests[^1].Text);
    }

    [Fact]
    public async Task A_stricter_bound_from_afar_holds_for_the_session()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        await new CommandRunner(bench.Engine.Engine, TimeProvider.System).RunAsync(
            new(new("SELECT 1 AS v"), null, null, 1, TimeSpan.FromMinutes(1)) { Protection = new() { LockTimeout = TimeSpan.FromMilliseconds(700) } },
            new CollectingSink(), TestContext.Current.CancellationToken);
        Assert.Equal("SET DEADLOCK_PRIORITY LOW;SET LOCK_TIMEOUT 700;", bench.Server.Requests[0].Text);
    }

    [Fact]
    public async Task Under_readOnly_a_login_that_can_write_is_refused_by_the_right_that_stands_in_the_way()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { RightToWrite = "it has EXECUTE on bp_save (granted to public)" });
        var result = await bench.RunAsync(new("SELECT 1 AS v"), readOnly: true);
        Assert.Equal((403, FailureCodes.PolicyRefused, Executed.No), (result.Error!.ErrorCode, result.Error.Code, result.Executed));
        Assert.Contains("it has EXECUTE on bp_save (granted to public)", result.Error.ErrorMessage, StringComparison.Ordinal);
        Assert.Empty(bench.Server.Scripted);
    }

    [Fact]
    public async Task A_reader_that_waits_too_long_for_a_lock_did_nothing()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Error(1222, "Lock request time out period exceeded.");
            return Task.CompletedTask;
        });
        var result = await bench.RunAsync(new("SELECT id FROM a"));
        Assert.Equal((Ending.Failed, FailureCodes.LockTimeout, Executed.No), (result.Ending, result.Error!.Code, result.Executed));
    }
}
