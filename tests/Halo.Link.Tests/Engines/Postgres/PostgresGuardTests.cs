using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>The practice's own sessions come first: nothing of the Link's holds them up for long, and nothing that ignores a cancel goes on.</summary>
public sealed class PostgresGuardTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("UPDATE t SET n = 1 WHERE id = 1; SELECT pg_sleep(600)")]
    [InlineData("WITH u AS (UPDATE t SET n = 1 WHERE id = 1 RETURNING n) SELECT n, pg_sleep(600) FROM u")]
    [InlineData("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")]
    public async Task A_command_that_holds_up_the_practice_is_cancelled(string sql)
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        // Of its own: many changes of the catalogue by others leave unproved what a command of several statements did.
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var database = await server.CreateDatabaseAsync();
        await using var bench = Open(database, new() { BlockingGuard = TimeSpan.FromMilliseconds(200) });
        await bench.DoAsync("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)");
        var running = bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery });
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await SleepsAsync(practice);
        await using var update = new NpgsqlCommand("UPDATE t SET n = 2 WHERE id = 1", practice) { CommandTimeout = 0 };
        await update.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.BlockedPractice, 409), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.Equal("2", await bench.ValueAsync("SELECT n FROM t"));
    }

    [Fact]
    public async Task A_command_that_runs_on_after_its_settings_were_replaced_still_gives_way()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using (var make = new NpgsqlCommand("CREATE TABLE t (id int PRIMARY KEY)", practice))
            await make.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var bench = Open(database, new() { BlockingGuard = TimeSpan.FromMilliseconds(200) });
        var running = bench.RunAsync(new QueryCommand("SELECT id, pg_sleep(600) FROM (TABLE t UNION ALL SELECT 1) u"), access: CommandAccess.Read, limit: TimeSpan.FromHours(1));
        await SleepsAsync(practice);
        await bench.Engine.DisposeAsync();
        await using var waiting = new NpgsqlCommand("ALTER TABLE t ADD COLUMN more int", practice) { CommandTimeout = 60 };
        await waiting.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.BlockedPractice, 409), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        await using var left = new NpgsqlCommand("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'Halo Link guard' AND datname = current_database()", practice);
        await Eventually.BecomesAsync(async () => (long)(await left.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, n => n == 0);
    }

    /// <summary>Reading holds locks too, and a reader's login has to see who waits for it.</summary>
    [Theory]
    [InlineData("SELECT id, pg_sleep(600) FROM t", "ALTER TABLE t ADD COLUMN more int", CommandAccess.ReadOnly)]
    [InlineData("SELECT id, pg_sleep(600) FROM t", "ALTER TABLE t ADD COLUMN more int", CommandAccess.Read)]
    [InlineData("DO $$ BEGIN LOCK TABLE t IN ACCESS SHARE MODE; PERFORM pg_sleep(600); END $$", "TRUNCATE t", CommandAccess.ReadOnly)]
    [InlineData("SELECT pg_advisory_lock(7), pg_sleep(600)", "SELECT pg_advisory_lock(7)", CommandAccess.ReadOnly)]
    [InlineData("SELECT pg_advisory_lock(7), pg_sleep(600)", "SELECT pg_advisory_lock(7)", CommandAccess.Read)]
    public async Task A_reader_that_holds_up_the_practice_is_cancelled_whatever_its_login(string sql, string practices, object asked)
    {
        var access = (CommandAccess)asked;
        var database = await postgres.NewDatabaseAsync();
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using (var make = new NpgsqlCommand("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", practice))
            await make.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var bench = Open(access == CommandAccess.ReadOnly ? await SharedPostgres.NewReaderAsync(database) : database, new() { BlockingGuard = TimeSpan.FromMilliseconds(200) });
        var running = bench.RunAsync(new QueryCommand(sql), access: access, limit: TimeSpan.FromHours(1));
        await SleepsAsync(practice);
        await using var waiting = new NpgsqlCommand(practices, practice) { CommandTimeout = 0 };
        await waiting.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.BlockedPractice, 409), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
    }

    [Fact]
    public async Task A_command_of_the_Link_that_waits_for_another_of_the_Links_is_not_the_practice()
    {
        var database = await postgres.NewDatabaseAsync();
        var own = new OwnSessions();
        await using var first = Open(database, new() { BlockingGuard = TimeSpan.FromMilliseconds(100) }, own);
        await using var second = Open(database, new(), own);
        await first.DoAsync("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)");
        var holding = first.RunAsync(new QueryCommand("UPDATE t SET n = n + 1; SELECT pg_sleep(3)") { ExecutionMode = ExecutionMode.NonQuery });
        await using var watcher = new NpgsqlConnection(database);
        await watcher.OpenAsync(TestContext.Current.CancellationToken);
        await SleepsAsync(watcher);
        var waiting = await second.RunAsync(new QueryCommand("UPDATE t SET n = n + 1") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Successful, Ending.Successful), ((await holding).Ending, waiting.Ending));
        Assert.Equal("2", await first.ValueAsync("SELECT n FROM t"));
    }

    [Fact]
    public async Task A_reader_waits_for_a_lock_no_longer_than_it_may_and_a_nonQuery_as_long_as_its_limit()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = Open(database, new() { LockTimeout = TimeSpan.FromMilliseconds(300) });
        await bench.DoAsync("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 0)");
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using var holding = await practice.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var locks = new NpgsqlCommand("LOCK TABLE t IN ACCESS EXCLUSIVE MODE", practice);
        await locks.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        foreach (var access in (CommandAccess[])[CommandAccess.Write, CommandAccess.Read])
        {
            var reader = await bench.RunAsync(new QueryCommand("SELECT n FROM t"), access: access);
            Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LockTimeout, "55P03"), (reader.Ending, reader.Executed, reader.Error?.Code, reader.Error?.SqlState));
        }
        var waiting = bench.RunAsync(new QueryCommand("UPDATE t SET n = 1 /* waits */") { ExecutionMode = ExecutionMode.NonQuery });
        await using var watcher = new NpgsqlConnection(database);
        await watcher.OpenAsync(TestContext.Current.CancellationToken);
        await using var look = new NpgsqlCommand("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* waits *_' AND wait_event_type = 'Lock' AND now() - query_start > interval '1 s'", watcher);
        await Eventually.BecomesAsync(async () => (long)(await look.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, waits => waits == 1);
        await holding.RollbackAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Ending.Successful, (await waiting).Ending);
        Assert.Equal("1", await bench.ValueAsync("SELECT n FROM t"));
    }

    [Theory]
    [InlineData("snapshot", ExecutionMode.Reader, "repeatable read")]
    [InlineData("snapshot", ExecutionMode.Scalar, "repeatable read")]
    [InlineData("readCommitted", ExecutionMode.Reader, "read committed")]
    [InlineData("readUncommitted", ExecutionMode.Reader, "read committed")]
    public async Task Readers_run_at_the_isolation_that_the_practice_chose_whether_they_may_write_or_not(string isolation, ExecutionMode mode, string expected)
    {
        await using var bench = Open(await postgres.NewDatabaseAsync(), new() { Isolation = Enum.Parse<ReaderIsolation>(isolation, ignoreCase: true) });
        foreach (var access in (CommandAccess[])[CommandAccess.Write, CommandAccess.Read])
        {
            var sink = new CollectingSink();
            var result = await bench.RunAsync(new QueryCommand("SHOW transaction_isolation") { ExecutionMode = mode }, sink, access: access);
            Assert.Null(result.Error);
            Assert.Contains($"\"{expected}\"", sink.Json, StringComparison.Ordinal);
        }
        // What writes is no reader: it runs at the server's own.
        await bench.DoAsync("DO $$ BEGIN IF current_setting('transaction_isolation') <> 'read committed' THEN RAISE EXCEPTION 'not the own'; END IF; END $$");
    }

    [Fact]
    public async Task A_session_is_bounded_in_the_processors_of_a_statement_and_in_idling_inside_a_transaction()
    {
        await using var bench = Open(await postgres.NewDatabaseAsync(), new() { MaxDop = 3 });
        Assert.Equal("\"2\"", await bench.ValueAsync("SELECT current_setting('max_parallel_workers_per_gather') AS v"));
        Assert.Equal("\"1min\"", await bench.ValueAsync("SELECT current_setting('idle_in_transaction_session_timeout') AS v"));
    }

    [Fact]
    public async Task NOWAIT_is_the_commands_own_wish_and_no_lock_timeout()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = Open(database, new());
        await bench.DoAsync("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using var holding = await practice.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var locks = new NpgsqlCommand("SELECT id FROM t FOR UPDATE", practice);
        await locks.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var result = await bench.RunAsync("SELECT id FROM t FOR UPDATE NOWAIT");
        Assert.Equal((Executed.No, null, "55P03"), (result.Executed, result.Error?.Code, result.Error?.SqlState));
    }

    [Theory]
    [InlineData(CommandAccess.Write, Executed.Unknown)]
    [InlineData(CommandAccess.ReadOnly, Executed.No)]
    public async Task A_command_that_catches_the_cancel_is_ended_and_its_session_is_gone(object asked, Executed expected)
    {
        var access = (CommandAccess)asked;
        var database = await postgres.NewDatabaseAsync();
        await using var bench = Open(access == CommandAccess.ReadOnly ? await SharedPostgres.NewReaderAsync(database, strict: true) : database, new());
        var bystander = bench.RunAsync(new QueryCommand("SELECT pg_sleep(9)"), access: access);
        var result = await bench.RunAsync(
            new QueryCommand("DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(0.01); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$ /* stubborn */"),
            limit: TimeSpan.FromSeconds(1), access: access);
        Assert.Equal((Ending.Failed, expected, FailureCodes.ExecutionTimeout, 504), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.Equal(ForcedEnd.SessionEnded, result.Forced);
        // Of the same login, and not meant.
        Assert.Equal(Ending.Successful, (await bystander).Ending);
        await using var watcher = new NpgsqlConnection(database);
        await watcher.OpenAsync(TestContext.Current.CancellationToken);
        await using var look = new NpgsqlCommand("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%/* stubborn *_' AND pid <> pg_backend_pid()", watcher);
        await Eventually.BecomesAsync(async () => (long)(await look.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, left => left == 0);
        Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
    }

    static async Task SleepsAsync(NpgsqlConnection watcher)
    {
        await using var look = new NpgsqlCommand("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()", watcher);
        await Eventually.BecomesAsync(async () => (long)(await look.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, sleeping => sleeping == 1);
    }

    static EngineBench Open(string settings, PracticeProtection protection, OwnSessions? own = null) =>
        new(DatabaseEngines.Create(EngineNames.Postgres, settings + ";Maximum Pool Size=4", TimeProvider.System, protection, own));
}
