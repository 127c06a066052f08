using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Engines.Reach;

/// <summary>
/// Texts that try to leave something in the session, to reach the server's files and programs, or to end other sessions: the next query finds nothing of
/// it. HALO_FUZZ_REACH says how many are tried (default 400), HALO_FUZZ_SEED which (default 1).
/// </summary>
public sealed class PostgresReachFuzzTests(ITestOutputHelper output)
{
    /// <summary>Everything that a session can hold for the next query; one row of nothing.</summary>
    const string Look = """
        SELECT pg_catalog.concat_ws(',',
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'advisory'),
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_listening_channels()),
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements WHERE name <> ''),
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_cursors WHERE name <> ''),
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema()),
            (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.pg_my_temp_schema()),
            (SELECT pg_catalog.string_agg(name, ';') FROM pg_catalog.pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction%'),
            session_user = current_user, pg_catalog.current_setting('transaction_isolation'), pg_catalog.current_setting('transaction_deferrable'),
            coalesce(nullif(pg_catalog.current_setting('my.secret', true), ''), 'none')) AS left
        """;

    const string Nothing = """[{"left":"0,0,0,0,0,0,t,read committed,off,none"}]""";

    [Fact]
    public async Task No_text_leaves_anything_in_the_session_makes_a_file_or_ends_another_session_on_PostgreSQL()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        // Of its own: whoever ends sessions here ends no other test's.
        await using var server = await PostgresServer.StartAsync("fsync=off", "max_prepared_transactions=2");
        var database = await server.CreateDatabaseAsync();
        await using var practice = new NpgsqlConnection(database + ";Pooling=false");
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await DoAsync(practice, "CREATE ROLE writer LOGIN; CREATE TABLE t (id int); INSERT INTO t VALUES (0); CREATE SEQUENCE s OWNED BY t.id; ALTER TABLE t OWNER TO writer; GRANT ALL ON SCHEMA public TO writer");
        using var folder = new ReachFolder();
        var grammar = PostgresGrammar(folder.Path);
        await using var writer = Open(new NpgsqlConnectionStringBuilder(database) { Username = "writer" }.ConnectionString);
        await using var reader = Open(await SharedPostgres.NewReaderAsync(database));
        await using var others = new NpgsqlConnection(database + ";Pooling=false");
        await others.OpenAsync(TestContext.Current.CancellationToken);
        await DoAsync(others, "SELECT pg_advisory_lock(4711); CREATE TEMP TABLE mine AS SELECT 1 AS id");
        await ReachFuzz.TryAsync(grammar, output, async (text, number) =>
        {
            var (bench, access) = (number % 3) switch { 0 => (reader, CommandAccess.ReadOnly), 1 => (writer, CommandAccess.Read), _ => (writer, CommandAccess.Write) };
            // Others idle in the pool, which the same login may end.
            var ends = text.Text.Contains("pg_terminate_backend", StringComparison.OrdinalIgnoreCase);
            if (ends)
                await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => bench.ValueAsync("SELECT 1 FROM pg_sleep(0.02)")));
            var result = await bench.RunAsync(text, access: access, limit: TimeSpan.FromSeconds(2));
            // Served, and from a clean session; and more at once, which get those that idled meanwhile.
            Assert.Equal(Nothing, await LookAsync(bench, ends));
            foreach (var next in await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => LookAsync(bench, ends))))
                Assert.Equal(Nothing, next);
            return result;
        }, async () =>
        {
            Assert.Equal(1L, await AskAsync(others, "SELECT count(*) FROM mine"));
            Assert.Equal(1L, await AskAsync(others, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711"));
            Assert.Equal(0L, await AskAsync(others, "SELECT count(*) FROM pg_db_role_setting s WHERE s.setrole = 0"));
            Assert.Empty(folder.Files());
        });
    }

    static FuzzText PostgresGrammar(string folder) => new(
        [
            // What stays in a session.
            "SET statement_timeout = 1", "SET search_path = nowhere", "SET ROLE pg_monitor", "SET SESSION AUTHORIZATION DEFAULT", "SET bytea_output = escape", "SET DateStyle = 'German'",
            "SET extra_float_digits = -15", "SET client_encoding = 'LATIN1'", "SET standard_conforming_strings = off", "SET session_replication_role = replica", "SET TIME ZONE 'Asia/Tokyo'",
            "SET idle_session_timeout = 1", "SET idle_in_transaction_session_timeout = 1", "SET default_transaction_read_only = on", "SET lock_timeout = 1", "SET work_mem = '1GB'",
            "SET log_statement = 'all'", "SET local_preload_libraries = 'x'", "SET my.secret = 'x'", "SET LOCAL my.secret = 'x'", "SELECT set_config('my.secret', 'x', false)",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", "RESET ALL", "RESET SESSION AUTHORIZATION", "DISCARD ALL", "DISCARD TEMP", "DISCARD PLANS", "DISCARD SEQUENCES",
            "LISTEN leak", "UNLISTEN *", "NOTIFY leak", "SELECT pg_notify('leak', 'x')", "PREPARE leak AS SELECT 1", "EXECUTE leak", "DEALLOCATE ALL",
            "DECLARE leak CURSOR WITH HOLD FOR SELECT 1", "DECLARE leak CURSOR FOR SELECT 1", "FETCH ALL FROM leak", "CLOSE ALL",
            "CREATE TEMP TABLE leak AS SELECT 1 AS id", "CREATE TEMP SEQUENCE leaks", "CREATE FUNCTION pg_temp.leak() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TEMP VIEW leakv AS SELECT 1",
            "SELECT 1 AS id INTO TEMP leak", "SELECT pg_advisory_lock(42)", "SELECT pg_try_advisory_lock(42)", "SELECT pg_advisory_xact_lock(43)", "SELECT pg_advisory_unlock_all()", "LOCK TABLE t",
            "BEGIN", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "SAVEPOINT a", "START TRANSACTION READ WRITE", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "PREPARE TRANSACTION 'leak'", "ROLLBACK PREPARED 'leak'",
            "DO $$ BEGIN PERFORM pg_advisory_lock(44); END $$", "DO $$ BEGIN EXECUTE 'SET my.secret = ''x'''; COMMIT; END $$", "DO $$ BEGIN CREATE TEMP TABLE leak3 (id int); COMMIT; PERFORM 1/0; END $$",
            // The server's files, programs and other servers.
            $"COPY t TO PROGRAM 'touch {folder}/leak1'", $"COPY t TO '{folder}/leak2'", $"COPY t FROM PROGRAM 'touch {folder}/leak3'", "COPY t FROM '/etc/passwd'", "SELECT pg_read_file('PG_VERSION')",
            "SELECT pg_ls_dir('.')", "SELECT lo_import('/etc/passwd')", $"SELECT lo_export(lo_from_bytea(0, 'x'), '{folder}/leak4')", "CREATE EXTENSION dblink", "CREATE EXTENSION file_fdw",
            "SELECT dblink_connect('host=127.0.0.1')", "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw", "CREATE LANGUAGE plpython3u", $"LOAD '{folder}/evil'", "LOAD 'plpgsql'",
            $"CREATE FUNCTION evil() RETURNS int LANGUAGE c AS '{folder}/evil', 'evil'", "CREATE FUNCTION evil(cstring) RETURNS int LANGUAGE internal AS 'int4in'", "ALTER SYSTEM SET max_connections = 1",
            "SELECT pg_reload_conf()", "SELECT pg_rotate_logfile()", "CHECKPOINT", "SELECT pg_switch_wal()", "SELECT pg_create_physical_replication_slot('leak')",
            "CREATE SUBSCRIPTION leak CONNECTION 'host=127.0.0.1' PUBLICATION leak", "CREATE DATABASE leak", "CREATE ROLE leak SUPERUSER", $"CREATE TABLESPACE leak LOCATION '{folder}'",
            // Other sessions.
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT pg_cancel_backend(pg_backend_pid())",
            "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid(); END $$", "DROP OWNED BY CURRENT_USER RESTRICT",
            "DO $$ BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END $$",
            // And what is usual.
            "SELECT 1", "SELECT id FROM t", "SELECT 1/0", "SELEC 1", "INSERT INTO t VALUES (1)", "SELECT pg_sleep(0.001)", "SELECT nextval('s')", "SELECT pg_export_snapshot()", "SELECT setseed(0.5)", "SELECT txid_current()",
        ],
        ["'", "\"", "E'", "$$", "$a$", "''", "(", ")", "@p", "\u00a0$$"],
        ["--", "-- ;\n", "--\r", "/*", "*/", "/* /* */ */", "/**/", "\\"], spoilsOneIn: 30);

    /// <param name="dying">A session that was just told to end may take one more query along; the pool has no more than four.</param>
    static async Task<string> LookAsync(EngineBench bench, bool dying)
    {
        for (var left = dying ? 4 : 0; ; left--)
        {
            var sink = new CollectingSink();
            var result = await bench.RunAsync(Look, sink);
            if (left > 0 && result.Error?.SqlState == PostgresErrorCodes.AdminShutdown)
                continue;
            Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
            return sink.Json;
        }
    }

    static EngineBench Open(string settings) => new(DatabaseEngines.Create(EngineNames.Postgres, settings, TimeProvider.System));

    static async Task DoAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    static async Task<object?> AskAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
