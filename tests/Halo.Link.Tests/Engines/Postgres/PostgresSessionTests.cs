using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Postgres.Connections;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>What happens to connections between two queries: a server that goes loses nothing, and nothing of a query stays in the practice's database.</summary>
public sealed class PostgresSessionTests(SharedPostgres postgres)
{
    static readonly QueryCommand Insert = new("INSERT INTO t VALUES (1)") { ExecutionMode = ExecutionMode.NonQuery };

    [Fact]
    public async Task A_server_that_restarts_between_two_writes_loses_none()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        for (var restart = 1; restart <= 3; restart++)
        {
            // More than one connection idles: each of them is dead afterwards.
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => bench.RunAsync("SELECT pg_sleep(0.05)")));
            await server.StopAsync();
            await server.StartAgainAsync();
            var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => bench.RunAsync(Insert)));
            Assert.All(results, r => Assert.Equal((Ending.Successful, Executed.Yes), (r.Ending, r.Executed)));
            Assert.Equal($"{restart * 4}", await bench.ValueAsync("SELECT count(*) FROM t"));
        }
    }

    [Theory]
    [InlineData("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()")]
    [InlineData("ALTER SYSTEM SET idle_session_timeout = '500ms'; SELECT pg_reload_conf()")]
    public async Task Sessions_that_the_server_ends_between_two_writes_lose_none(string end)
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System));
        await using var other = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        foreach (var statement in end.Split(';'))
            await other.RowsAsync(statement);
        for (var i = 1; i <= 5; i++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(end.Contains("idle", StringComparison.Ordinal) ? 700 : 100), TestContext.Current.CancellationToken);
            var result = await bench.RunAsync(Insert);
            Assert.Equal((Ending.Successful, Executed.Yes), (result.Ending, result.Executed));
            if (end.Contains("terminate", StringComparison.Ordinal))
                await other.RowsAsync(end);
        }
        Assert.Equal("5", await other.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_session_that_the_server_ended_a_moment_ago_gets_no_command()
    {
        // The clock stands: by its age the session would be trusted.
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, new ManualTime()));
        await using var other = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        for (var i = 1; i <= 5; i++)
        {
            var session = await bench.ValueAsync("SELECT pg_backend_pid()");
            await other.RowsAsync($"SELECT pg_terminate_backend({session})");
            await Eventually.BecomesAsync(() => other.ValueAsync($"SELECT count(*) FROM pg_stat_activity WHERE pid = {session}"), left => left == "0");
            var result = await bench.RunAsync(Insert);
            Assert.Equal((Ending.Successful, Executed.Yes), (result.Ending, result.Executed));
        }
        Assert.Equal("5", await other.ValueAsync("SELECT count(*) FROM t"));
    }

    [Theory]
    [InlineData("SELECT pg_advisory_lock(99)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 99")]
    [InlineData("CREATE TEMP TABLE leak (id int)", "SELECT count(*) FROM pg_class WHERE relname = 'leak' AND relpersistence = 't'")]
    [InlineData("BEGIN; SELECT 1; LOCK TABLE held; SELECT 2; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT; SELECT pg_advisory_lock_shared(7)",
        "SELECT count(*) FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation WHERE c.relname = 'held' OR locktype = 'advisory' AND objid = 7")]
    [InlineData("LISTEN leak; SELECT pg_advisory_lock(8)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8")]
    public async Task What_a_query_leaves_is_gone_without_another_query(string leave, string look)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await using var watcher = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await watcher.DoAsync("CREATE TABLE held (id int)");
        var result = await bench.RunAsync(leave);
        Assert.Equal(Ending.Successful, result.Ending);
        await Eventually.BecomesAsync(() => watcher.ValueAsync(look), count => count == "0");
        // It was not closed for that: the same session of the server goes on.
        var session = await bench.ValueAsync("SELECT pg_backend_pid()");
        await Eventually.BecomesAsync(() => watcher.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' AND query = 'DISCARD ALL' AND datname = current_database()"), count => count == "1");
        Assert.Equal(session, await bench.ValueAsync("SELECT pg_backend_pid()"));
    }

    [Fact]
    public async Task A_reset_that_fails_by_what_a_query_has_left_concerns_no_other_query()
    {
        await using var server = await OwnServerAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString() + ";Maximum Pool Size=1", TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        for (var i = 1; i <= 3; i++)
        {
            // Too many tables to be dropped within a millisecond.
            var left = await bench.RunAsync(
                "DO $$ BEGIN FOR i IN 1..1500 LOOP EXECUTE 'CREATE TEMP TABLE t' || i || ' (name text)'; END LOOP; END $$; SET statement_timeout = 1");
            Assert.Equal((Ending.Successful, Executed.Yes), (left.Ending, left.Executed));
            var result = await bench.RunAsync(Insert);
            Assert.Equal((Ending.Successful, Executed.Yes), (result.Ending, result.Executed));
            Assert.Equal($"{i}", await bench.ValueAsync("SELECT count(*) FROM t"));
        }
    }

    /// <summary>Tables by thousands disturb every session of a server: those of other tests could prove no <c>no</c> any more.</summary>
    static async Task<PostgresServer> OwnServerAsync()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        return await PostgresServer.StartAsync("fsync=off");
    }

    /// <summary>A function whose leftovers cannot be taken away within the millisecond that it leaves for that, or only slowly.</summary>
    static string Leave(string more) => $"""
        CREATE FUNCTION leave() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
            FOR i IN 1..1500 LOOP EXECUTE 'CREATE TEMP TABLE t' || i || ' (name text)'; END LOOP;
            {more}
            RETURN 1;
        END $$
        """;

    [Theory]
    [InlineData("SELECT leave() AS one", ExecutionMode.Reader, 0)]
    [InlineData("SELECT leave() AS one", ExecutionMode.Scalar, 0)]
    [InlineData("WITH written AS (INSERT INTO t VALUES (1)) SELECT leave() AS one", ExecutionMode.Reader, 1)]
    public async Task A_reset_that_fails_right_behind_its_command_changes_nothing_of_what_is_told_of_that_and_reaches_no_other(string sql, ExecutionMode mode, int writes)
    {
        await using var server = await OwnServerAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString() + ";Maximum Pool Size=1", TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        await bench.DoAsync(Leave("PERFORM set_config('search_path', 'nowhere', false), set_config('statement_timeout', '1', false);"));
        Guid[] integrators = [Guid.NewGuid(), Guid.NewGuid()];
        for (var i = 1; i <= 4; i++)
        {
            // In a session that began under the name of another its reset is two statements, of which the second succeeds.
            await ValueAsync(bench, integrators[0], "SELECT 1 AS one");
            await ValueAsync(bench, integrators[1], "SELECT 1 AS one");
            var (left, rows) = await RunAsync(bench, integrators[1], new QueryCommand(sql) { ExecutionMode = mode });
            Assert.Equal((Ending.Successful, Executed.Yes, """[{"one":1}]"""), (left.Ending, left.Executed, rows));
            Assert.Equal("""[{"left":"0"}]""", await ValueAsync(bench, integrators[i % 2], "SELECT current_setting('statement_timeout') AS left"));
            Assert.Equal($$"""[{"n":{{i * writes}}}]""", await ValueAsync(bench, integrators[0], "SELECT count(*) AS n FROM t"));
            Assert.Equal("""[{"n":0}]""", await ValueAsync(bench, integrators[0], "SELECT count(*) AS n FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid)"));
        }
    }

    [Fact]
    public async Task A_cancel_that_comes_when_the_reset_runs_changes_nothing_of_what_is_told_of_the_command()
    {
        await using var server = await OwnServerAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString() + ";Maximum Pool Size=1", TimeProvider.System));
        await using var watcher = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        await bench.DoAsync(Leave(""));
        for (var i = 1; i <= 5; i++)
        {
            using var cancel = new CancellationTokenSource();
            var running = bench.RunAsync(new QueryCommand("WITH written AS (INSERT INTO t VALUES (1)) SELECT leave() AS one"), cancel: cancel);
            // Its row is there for others once it is committed; what is left in the session takes a while to be removed.
            await Eventually.BecomesAsync(() => watcher.ValueAsync("SELECT count(*) FROM t"), count => count == $"{i}");
            await cancel.CancelAsync();
            var result = await running;
            Assert.Equal(Executed.Yes, result.Executed);
            Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
        }
    }

    [Theory]
    [InlineData("SELECT 1 / (2 - i) AS x FROM generate_series(1, 3) AS i")]
    [InlineData("SELECT 1 / (50000 - i) AS x, repeat('x', 100) AS text FROM generate_series(1, 100000) AS i")]
    [InlineData("SELECT 1 / (2 - i) AS x, repeat('x', 20000) AS text FROM generate_series(1, 3) AS i")]
    [InlineData("WITH written AS (INSERT INTO t SELECT i FROM generate_series(1, 100000) AS i RETURNING id) SELECT 1 / (50000 - id) AS x FROM written")]
    [InlineData("SELECT 1 / 0 AS x")]
    public async Task What_a_command_that_fails_among_its_rows_leaves_in_the_line_is_nobody_elses_answer(string sql)
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        await bench.DoAsync("CREATE TABLE t (id int)");
        foreach (var mode in (ExecutionMode[])[ExecutionMode.Reader, ExecutionMode.Scalar, ExecutionMode.NonQuery, ExecutionMode.Reader])
        {
            var failed = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode });
            Assert.Equal((mode, Ending.Failed, Executed.No, "22012"), (mode, failed.Ending, failed.Executed, failed.Error?.SqlState));
            Assert.Equal($"{(int)mode}", await bench.ValueAsync($"SELECT {(int)mode}"));
            Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
        }
    }

    [Fact]
    public async Task What_is_asked_about_a_command_that_failed_takes_no_connection_beyond_the_pools_size()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database + ";Maximum Pool Size=1", TimeProvider.System));
        await using var watcher = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        var failed = await bench.RunAsync("SELECT 1 / (2 - i) AS x FROM generate_series(1, 3) AS i");
        Assert.Equal((Ending.Failed, Executed.No), (failed.Ending, failed.Executed));
        Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
        await Eventually.BecomesAsync(
            () => watcher.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"), count => count == "1");
    }

    [Fact]
    public async Task A_command_whose_sink_is_never_begun_is_cancelled_and_its_session_is_nobody_elses_trouble()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        foreach (var mode in (ExecutionMode[])[ExecutionMode.Reader, ExecutionMode.Scalar])
        {
            using var cancel = new CancellationTokenSource();
            var sink = new CollectingSink
            {
                OnBegin = async stop =>
                {
                    await cancel.CancelAsync();
                    await Task.Delay(Timeout.Infinite, stop);
                },
            };
            var result = await bench.RunAsync(new QueryCommand("SELECT generate_series(1, 100000000) AS i") { ExecutionMode = mode }, sink, cancel: cancel);
            Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
            Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
        }
    }

    static async Task<string> ValueAsync(EngineBench bench, Guid integrator, string sql) => (await RunAsync(bench, integrator, new QueryCommand(sql))).Rows;

    static async Task<(ExecutionResult Result, string Rows)> RunAsync(EngineBench bench, Guid integrator, QueryCommand command)
    {
        var sink = new CollectingSink();
        var request = new CommandRequest(command, null, null, 1, TimeSpan.FromMinutes(1)) { IntegratorId = integrator };
        return (await bench.Engine.NewRunner(TimeProvider.System).RunAsync(request, sink, TestContext.Current.CancellationToken), sink.Json);
    }

    [Fact]
    public async Task One_statement_brings_its_reset_along_and_its_session_keeps_its_integrators_name()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1;Application Name=It's a \\ practice");
        var reader = new QueryCommand("SELECT 1 AS one");
        foreach (var integrator in (Guid[])[new("11111111-1111-1111-1111-111111111111"), new("22222222-2222-2222-2222-222222222222")])
        {
            var request = new CommandRequest(reader, null, null, 1, TimeSpan.FromMinutes(1)) { IntegratorId = integrator };
            var connection = await bench.Engine.OpenAsync(null, request.SessionName, TestContext.Current.CancellationToken);
            await using var command = (PostgresCommand)bench.Engine.CreateCommand(connection, request, []);
            await using (var rows = await ((System.Data.Common.DbCommand)command).ExecuteReaderAsync(TestContext.Current.CancellationToken))
            {
                Assert.True(await rows.ReadAsync(TestContext.Current.CancellationToken));
                Assert.Equal("1", rows.GetString(0));
                Assert.False(await rows.NextResultAsync(TestContext.Current.CancellationToken));
            }
            Assert.True(command.HasReset);
            await using var look = new Npgsql.NpgsqlCommand("SELECT current_setting('application_name')", (Npgsql.NpgsqlConnection)connection);
            Assert.Equal($"It's a \\ practice {integrator}", await look.ExecuteScalarAsync(TestContext.Current.CancellationToken));
            await bench.Engine.CloseAsync(connection);
        }
    }

    [Theory]
    [InlineData("SELECT 1; SELECT 2", false)]
    [InlineData("CREATE TEMP TABLE leak (id int)", false)]
    [InlineData("INSERT INTO t VALUES (1)", false)]
    [InlineData("WITH w AS (SELECT 1 AS one) INSERT INTO t SELECT one FROM w", false)]
    [InlineData("SELECT 1 AS one INTO made", false)]
    [InlineData("SELECT 1", true)]
    public async Task What_may_leave_a_transaction_open_or_has_no_rows_is_reset_when_it_is_over(string sql, bool onlyReads)
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        var access = onlyReads ? CommandAccess.Read : CommandAccess.Write;
        var request = new CommandRequest(new QueryCommand(sql), null, null, 1, TimeSpan.FromMinutes(1), access);
        var connection = await bench.Engine.OpenAsync(null, null, access, TestContext.Current.CancellationToken);
        await using var command = (PostgresCommand)bench.Engine.CreateCommand(connection, request, []);
        Assert.Empty(command.Reset);
        await bench.Engine.CloseAsync(connection);
    }

    [Fact]
    public async Task Connections_that_are_not_used_are_closed()
    {
        var time = new ManualTime();
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database + ";Connection Idle Lifetime=60", time));
        await using var watcher = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => bench.RunAsync("SELECT pg_sleep(0.1)")));
        Assert.NotEqual("0", await OthersAsync());
        await Eventually.BecomesAsync(OthersAsync, count =>
        {
            time.Advance(TimeSpan.FromSeconds(61));
            return count == "0";
        });

        Task<string> OthersAsync() => watcher.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    }

    [Fact]
    public async Task Callers_that_wait_for_the_last_place_of_a_small_pool_all_get_it()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=2");
        var results = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => bench.RunAsync(i % 4 == 0 ? "SELECT 1/0" : "SELECT pg_sleep(0.01)")));
        Assert.Equal(30, results.Count(r => r.Ending == Ending.Successful));
        Assert.Equal(10, results.Count(r => r.Error?.SqlState == "22012"));
        Assert.True(int.Parse(await bench.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"), System.Globalization.CultureInfo.InvariantCulture) <= 2);
    }

    [Theory]
    [InlineData("Max Auto Prepare=20;Auto Prepare Min Usages=1")]
    [InlineData("Multiplexing=true")]
    [InlineData("No Reset On Close=true")]
    [InlineData("Enlist=true")]
    [InlineData("Pooling=false")]
    [InlineData("Client Encoding=LATIN1")]
    [InlineData("Encoding=iso-8859-1")]
    [InlineData("Load Table Composites=true")]
    [InlineData("Command Timeout=1")]
    public async Task Options_of_the_driver_share_nothing_between_callers(string option)
    {
        await using var bench = await postgres.NewAsync($";{option};Maximum Pool Size=1");
        await bench.DoAsync("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'Zoë')");
        for (var i = 0; i < 3; i++)
            Assert.Equal("[{\"id\":1,\"name\":\"Zoë\"}]", await bench.RowsAsync("SELECT * FROM t"));
        // Another caller changes what the first one's statement was prepared for.
        await bench.DoAsync("ALTER TABLE t ADD COLUMN more int; SET search_path = pg_catalog; CREATE TEMP TABLE u (id int)");
        await bench.RunAsync("DEALLOCATE ALL");
        Assert.Equal("[{\"id\":1,\"name\":\"Zoë\",\"more\":null}]", await bench.RowsAsync("SELECT * FROM t"));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM pg_prepared_statements"));
        Assert.Equal("null", await bench.ValueAsync("SELECT to_regclass('pg_temp.u')::text"));
        Assert.Equal(Ending.Successful, (await bench.RunAsync("SELECT pg_sleep(1.2)")).Ending);
    }

    [Theory]
    [InlineData("ALTER DATABASE {0} SET DateStyle = 'German'", "SELECT DATE '2024-02-01'", "\"2024-02-01\"")]
    [InlineData("ALTER DATABASE {0} SET extra_float_digits = -5", "SELECT 0.1::float8 + 0.2::float8", "0.30000000000000004")]
    [InlineData("ALTER DATABASE {0} SET bytea_output = 'escape'", "SELECT '\\x00ff'::bytea", "\"AP8=\"")]
    [InlineData("ALTER DATABASE {0} SET IntervalStyle = 'iso_8601'", "SELECT INTERVAL '1 day 02:03:04'", "\"1 day 02:03:04\"")]
    [InlineData("ALTER DATABASE {0} SET client_encoding = 'LATIN1'", "SELECT 'Zoë€'", "\"Zoë€\"")]
    [InlineData("ALTER ROLE postgres IN DATABASE {0} SET DateStyle = 'SQL, DMY'", "SELECT TIMESTAMP '2024-02-01 03:04:05'", "\"2024-02-01T03:04:05\"")]
    public async Task Values_do_not_depend_on_what_a_database_or_role_is_set_to(string alter, string sql, string expected)
    {
        var connection = await postgres.NewDatabaseAsync();
        var name = DatabaseEngines.FindTarget(EngineNames.Postgres, connection)!.Database!;
        await using (var first = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, connection, TimeProvider.System)))
            await first.DoAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, alter, name));
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, connection + ";Maximum Pool Size=1", TimeProvider.System));
        for (var i = 0; i < 3; i++)
            Assert.Equal(expected, await bench.ValueAsync(sql));
    }

    [Fact]
    public async Task Notices_of_the_server_come_with_the_answer_bounded()
    {
        await using var bench = await postgres.NewAsync();
        var few = await bench.RunAsync("DO $$ BEGIN RAISE NOTICE 'hello %', 1; RAISE WARNING 'careful'; END $$");
        Assert.Equal([new(NoticeCodes.DatabaseNotice, "hello 1"), new(NoticeCodes.DatabaseNotice, "careful")], few.Notices);
        var many = await bench.RunAsync("DO $$ BEGIN FOR i IN 1..500 LOOP RAISE NOTICE '% %', i, repeat('x', 5000); END LOOP; END $$");
        Assert.Equal(Notice.Most, many.Notices!.Count);
        Assert.All(many.Notices, n => Assert.True(n.Message.Length <= Notice.MostCharacters));
        Assert.Equal(NoticeCodes.NoticesOmitted, many.Notices[^1].Code);
        Assert.Contains("481", many.Notices[^1].Message, StringComparison.Ordinal);
        var failed = await bench.RunAsync("DO $$ BEGIN RAISE NOTICE 'before'; RAISE EXCEPTION 'no'; END $$");
        Assert.Equal((Ending.Failed, "before"), (failed.Ending, Assert.Single(failed.Notices!).Message));
        Assert.Null((await bench.RunAsync("SELECT 1")).Notices);
    }
}
