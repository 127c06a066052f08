using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines;

/// <summary>Connections carry nothing from one query to the next, and one that was stopped is never used again.</summary>
public sealed class NoStateTests(SharedPostgres postgres)
{
    public static TheoryData<string, string, string> PostgresState => new()
    {
        { "CREATE TEMP TABLE leak AS SELECT 1 AS id", "SELECT to_regclass('pg_temp.leak')::text AS v", "null" },
        { "SET search_path = pg_catalog", "SELECT current_setting('search_path') AS v", "\"\\\"$user\\\", public\"" },
        { "SET statement_timeout = 1", "SELECT current_setting('statement_timeout') AS v", "\"0\"" },
        { "SET default_transaction_read_only = on", "SELECT current_setting('default_transaction_read_only') AS v", "\"off\"" },
        { "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SELECT current_setting('transaction_isolation') AS v", "\"read committed\"" },
        { "SET bytea_output = escape", "SELECT current_setting('bytea_output') AS v", "\"hex\"" },
        { "SELECT set_config('my.secret', 'x', false)", "SELECT coalesce(nullif(current_setting('my.secret', true), ''), 'none') AS v", "\"none\"" },
        { "SET ROLE pg_monitor", "SELECT current_user AS v", "\"postgres\"" },
        { "SET SESSION AUTHORIZATION pg_monitor", "SELECT session_user AS v", "\"postgres\"" },
        { "SELECT pg_advisory_lock(42)", "SELECT count(*) AS v FROM pg_locks WHERE locktype = 'advisory' AND objid = 42", "0" },
        { "LISTEN leak", "SELECT count(*) AS v FROM pg_listening_channels()", "0" },
        { "PREPARE leak AS SELECT 1", "SELECT count(*) AS v FROM pg_prepared_statements WHERE name = 'leak'", "0" },
        { "DECLARE leak CURSOR WITH HOLD FOR SELECT 1", "SELECT count(*) AS v FROM pg_cursors WHERE name = 'leak'", "0" },
        { "CREATE TEMP SEQUENCE s; SELECT nextval('s')", "SELECT to_regclass('pg_temp.s')::text AS v", "null" },
    };

    [Theory]
    [MemberData(nameof(PostgresState))]
    public async Task PostgreSQL_forgets(string leave, string look, string expected)
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        // After success, as a reader and as a nonQuery, and after a failure behind it.
        await bench.DoAsync(leave);
        Assert.Equal(expected, await bench.ValueAsync(look));
        await bench.RunAsync(new QueryCommand(leave));
        Assert.Equal(expected, await bench.ValueAsync(look));
        Assert.Equal(Ending.Failed, (await bench.RunAsync(new QueryCommand($"{leave}; COMMIT; SELECT 1/0"))).Ending);
        Assert.Equal(expected, await bench.ValueAsync(look));
    }

    [Theory]
    [InlineData("BEGIN; INSERT INTO t VALUES (1)")]
    [InlineData("BEGIN; SAVEPOINT a; INSERT INTO t VALUES (1); RELEASE a")]
    [InlineData("INSERT INTO t VALUES (1); COMMIT; BEGIN; INSERT INTO t VALUES (2); SELECT 1")]
    public async Task PostgreSQL_rolls_back_what_a_command_leaves_open(string sql)
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        await bench.DoAsync("CREATE TABLE t (id int)");
        foreach (var mode in (ExecutionMode[])[ExecutionMode.NonQuery, ExecutionMode.Reader, ExecutionMode.Scalar])
        {
            await bench.DoAsync("DELETE FROM t");
            var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode });
            Assert.Equal((Ending.Failed, FailureCodes.OpenTransaction), (result.Ending, result.Error?.Code));
            var committed = sql.Contains("COMMIT", StringComparison.Ordinal);
            Assert.Equal(committed ? Executed.Unknown : Executed.No, result.Executed);
            Assert.Equal(committed ? "1" : "0", await bench.ValueAsync("SELECT count(*) FROM t"));
        }
    }

    [Fact]
    public async Task PostgreSQLs_connection_is_discarded_after_a_timeout_and_after_a_cancel()
    {
        var time = new ManualTime();
        await using var watcher = await postgres.NewAsync(";Maximum Pool Size=2");
        await using var bench = new EngineBench(watcher.Engine, time);
        var limited = bench.RunAsync(new QueryCommand("SELECT pg_sleep(600) /* stopped */"), limit: TimeSpan.FromSeconds(5));
        var stopped = await ActiveAsync(watcher);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(FailureCodes.ExecutionTimeout, (await limited).Error?.Code);
        await AssertNotUsedAsync(bench, stopped);
        using var cancel = new CancellationTokenSource();
        var cancelled = bench.RunAsync(new QueryCommand("SELECT pg_sleep(600) /* stopped */"), cancel: cancel);
        stopped = await ActiveAsync(watcher);
        await cancel.CancelAsync();
        Assert.Equal(Ending.Cancelled, (await cancelled).Ending);
        await AssertNotUsedAsync(bench, stopped);
    }

    public static TheoryData<string, string, string> SqliteState => new()
    {
        { "CREATE TEMP TABLE leak (id)", "SELECT count(*) AS v FROM sqlite_temp_master", "0" },
        { "PRAGMA case_sensitive_like = ON", "SELECT 'A' LIKE 'a' AS v", "1" },
        { "PRAGMA cache_size = 7", "PRAGMA cache_size", "-2000" },
        { "PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys", "1" },
        { "PRAGMA query_only = ON", "PRAGMA query_only", "0" },
        { "PRAGMA synchronous = OFF", "PRAGMA synchronous", "2" },
        { "PRAGMA locking_mode = EXCLUSIVE; SELECT count(*) FROM sqlite_master", "PRAGMA locking_mode", "\"normal\"" },
        { "PRAGMA read_uncommitted = ON", "PRAGMA read_uncommitted", "0" },
        { "PRAGMA trusted_schema = ON", "PRAGMA trusted_schema", "0" },
        { "PRAGMA busy_timeout = 1", "PRAGMA busy_timeout", "0" },
    };

    [Theory]
    [MemberData(nameof(SqliteState))]
    public async Task SQLite_forgets(string leave, string look, string expected)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id)");
        foreach (var mode in (ExecutionMode[])[ExecutionMode.NonQuery, ExecutionMode.Reader])
        {
            await bench.RunAsync(new QueryCommand(leave) { ExecutionMode = mode });
            Assert.Equal(expected, await bench.ValueAsync(look));
        }
        await bench.DoAsync("INSERT INTO t VALUES (1)");
    }

    static async Task AssertNotUsedAsync(EngineBench bench, string stopped)
    {
        // Both of the pool's connections.
        var used = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => bench.ValueAsync("SELECT pg_backend_pid() FROM pg_sleep(0.05)")));
        Assert.DoesNotContain(stopped, used);
    }

    /// <returns>The process of the server that runs the statement.</returns>
    static async Task<string> ActiveAsync(EngineBench watcher)
    {
        while (true)
        {
            var pid = await watcher.ValueAsync("SELECT max(pid) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%/* stopped *_' AND pid <> pg_backend_pid()");
            if (pid != "null")
                return pid;
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
    }
}
