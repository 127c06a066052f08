using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>The rule readOnly takes only a login that can do nothing but read, and the script that is shipped makes one.</summary>
public sealed class PostgresReaderTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_script_makes_a_login_that_reads_and_is_accepted(bool strict)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(database);
        await owner.DoAsync("CREATE SCHEMA \"Odd \"\"name\"; CREATE TABLE \"Odd \"\"name\".t (id int); CREATE TABLE public.t (id int); INSERT INTO t VALUES (1)");
        await using var reader = Open(await SharedPostgres.NewReaderAsync(database, strict));
        await owner.DoAsync("CREATE TABLE later AS SELECT 7 AS id");
        // Twice does no harm.
        await SharedPostgres.NewReaderAsync(database, strict);
        foreach (var sql in (string[])["SELECT id FROM t", "SELECT count(*) FROM \"Odd \"\"name\".t", "SELECT id FROM later", "SELECT pg_database_size(current_database()) > 0"])
        {
            var result = await reader.RunAsync(new QueryCommand(sql), access: CommandAccess.ReadOnly);
            Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        }
        var locked = await reader.RunAsync(new QueryCommand("SELECT pg_advisory_lock(99)"), access: CommandAccess.ReadOnly);
        Assert.Equal(strict ? "42501" : null, locked.Error?.SqlState);
    }

    [Theory]
    [InlineData("ALTER ROLE {0} SUPERUSER", "it is a superuser")]
    [InlineData("GRANT postgres TO {0}", "it is a superuser through postgres")]
    [InlineData("GRANT INSERT ON t TO {0}", "INSERT on public.t")]
    [InlineData("GRANT UPDATE (id) ON t TO {0}", "UPDATE on public.t")]
    [InlineData("GRANT DELETE, TRUNCATE, TRIGGER ON t TO PUBLIC", "DELETE, TRUNCATE, TRIGGER on public.t")]
    [InlineData("GRANT USAGE ON SEQUENCE s TO {0}", "sequence public.s")]
    [InlineData("GRANT CREATE ON SCHEMA public TO {0}", "CREATE on schema public")]
    [InlineData("GRANT CREATE ON DATABASE {1} TO {0}", "CREATE on the database")]
    [InlineData("ALTER TABLE t OWNER TO {0}", "it owns public.t")]
    [InlineData("ALTER DATABASE {1} OWNER TO {0}", "it owns the database")]
    [InlineData("GRANT pg_write_all_data TO {0}", "pg_write_all_data")]
    [InlineData("GRANT pg_execute_server_program TO {0}", "it is a member of pg_execute_server_program")]
    [InlineData("GRANT pg_signal_backend TO {0}", "it is a member of pg_signal_backend")]
    [InlineData("ALTER ROLE {0} CREATEROLE", "CREATEROLE")]
    [InlineData("CREATE ROLE w_{0}; GRANT DELETE ON t TO w_{0}; ALTER ROLE {0} NOINHERIT; GRANT w_{0} TO {0}", "DELETE on public.t through w_")]
    public async Task A_login_that_can_do_more_is_refused_and_the_right_is_named(string grant, string words)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(database);
        await owner.DoAsync("CREATE TABLE t (id int); CREATE SEQUENCE s");
        var settings = await SharedPostgres.NewReaderAsync(database);
        var login = new NpgsqlConnectionStringBuilder(settings);
        await owner.DoAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, grant, login.Username, login.Database));
        await using var reader = Open(settings);
        var result = await reader.RunAsync(new QueryCommand("SELECT 1"), access: CommandAccess.ReadOnly);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused, 403), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.Contains(words, result.Error!.ErrorMessage, StringComparison.Ordinal);
        Assert.Contains("postgres-reader.sql", result.Error.ErrorMessage, StringComparison.Ordinal);
        // The same login may be kept to reading by modes.
        Assert.Equal(Ending.Successful, (await reader.RunAsync(new QueryCommand("SELECT 1"), access: CommandAccess.Read)).Ending);
    }

    [Fact]
    public async Task A_right_that_is_given_or_taken_is_noticed()
    {
        var time = new ManualTime();
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(database);
        await owner.DoAsync("CREATE TABLE t (id int)");
        var settings = await SharedPostgres.NewReaderAsync(database);
        var login = new NpgsqlConnectionStringBuilder(settings).Username;
        await using var reader = Open(settings, time);
        await AssertEndsAsync(Ending.Successful);
        await owner.DoAsync($"GRANT DELETE ON t TO {login}");
        time.Advance(TimeSpan.FromMinutes(1));
        await AssertEndsAsync(Ending.Failed);
        await owner.DoAsync($"REVOKE DELETE ON t FROM {login}");
        time.Advance(TimeSpan.FromSeconds(5));
        await AssertEndsAsync(Ending.Successful);

        async Task AssertEndsAsync(Ending expected) =>
            Assert.Equal(expected, (await reader.RunAsync(new QueryCommand("SELECT 1"), access: CommandAccess.ReadOnly)).Ending);
    }

    [Theory]
    [InlineData("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")]
    [InlineData("DO $$ BEGIN LOCK TABLE t IN ROW EXCLUSIVE MODE; PERFORM pg_sleep(1); END $$")]
    [InlineData("SELECT setval('s', 1000)")]
    [InlineData("DO $$ BEGIN EXECUTE 'RESET transaction_read_only'; PERFORM setval('s', 1000); END $$")]
    [InlineData("DO $$ BEGIN EXECUTE 'RESET transaction_read_only'; INSERT INTO t VALUES (2); END $$")]
    [InlineData("COPY (SELECT 1) TO PROGRAM 'cat > {0}'")]
    [InlineData("COPY t TO '{0}'")]
    [InlineData("SELECT pg_read_file('/etc/passwd')")]
    [InlineData("SELECT lo_export(1, '{0}')")]
    [InlineData("SET SESSION AUTHORIZATION postgres")]
    [InlineData("SET ROLE postgres")]
    [InlineData("ALTER ROLE CURRENT_USER SET search_path = evil")]
    [InlineData("CREATE TABLE evil (id int)")]
    [InlineData("ALTER SYSTEM SET work_mem = '1GB'")]
    public async Task A_reader_can_do_no_harm(string sql)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(database);
        await owner.DoAsync("CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SEQUENCE s");
        await using var reader = Open(await SharedPostgres.NewReaderAsync(database));
        var file = Path.Combine(Path.GetTempPath(), $"halo-never-{Guid.NewGuid():N}");
        var result = await reader.RunAsync(new QueryCommand(sql.Replace("{0}", file, StringComparison.Ordinal)), access: CommandAccess.ReadOnly);
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Equal("""[{"id":1}]""", await owner.RowsAsync("SELECT id FROM t"));
        Assert.Equal("1", await owner.ValueAsync("SELECT last_value FROM s"));
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("pg_terminate_backend", false)]
    [InlineData("pg_cancel_backend", false)]
    [InlineData("pg_terminate_backend", true)]
    [InlineData("pg_cancel_backend", true)]
    public async Task A_reader_ends_and_cancels_nothing_in_the_practices_sessions(string function, bool strict)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = Open(database);
        var program = $"program_{Guid.NewGuid():N}";
        await owner.DoAsync($"CREATE ROLE {program} LOGIN PASSWORD 'p'; GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint), pg_advisory_unlock(bigint) TO {program}");
        await using var reader = Open(await SharedPostgres.NewReaderAsync(database, strict));
        await using var holder = new NpgsqlConnection(database);
        await holder.OpenAsync(TestContext.Current.CancellationToken);
        await LockAsync(holder);
        var ordinary = new NpgsqlConnectionStringBuilder(database) { Username = program, Password = "p" }.ConnectionString;
        foreach (var login in (string[])[database, ordinary])
        {
            await using var practice = new NpgsqlConnection(login);
            await practice.OpenAsync(TestContext.Current.CancellationToken);
            var working = LockAsync(practice);
            await Eventually.BecomesAsync(() => owner.ValueAsync($"SELECT count(*) FROM pg_stat_activity WHERE pid = {practice.ProcessID} AND wait_event = 'advisory'"), waits => waits == "1");
            var result = await reader.RunAsync(new QueryCommand($"SELECT {function}({practice.ProcessID})"), access: CommandAccess.ReadOnly);
            Assert.Equal((Ending.Failed, Executed.No, "42501"), (result.Ending, result.Executed, result.Error?.SqlState));
            await UnlockAsync(holder);
            await working;
            await UnlockAsync(practice);
            await LockAsync(holder);
        }

        static Task LockAsync(NpgsqlConnection connection) => DoAsync(connection, "SELECT pg_advisory_lock(7)");

        static Task UnlockAsync(NpgsqlConnection connection) => DoAsync(connection, "SELECT pg_advisory_unlock(7)");

        static async Task DoAsync(NpgsqlConnection connection, string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Without "strict" they are the login's own, as the script's comment says: other queries of Halo Link.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Under_the_strict_script_a_reader_cancels_not_even_another_query_of_its_own_login(bool strict)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var reader = Open(await SharedPostgres.NewReaderAsync(database, strict));
        await using var owner = Open(database);
        var other = reader.RunAsync(new QueryCommand("SELECT pg_sleep(3)"), access: CommandAccess.ReadOnly);
        const string sleeping = "SELECT max(pid) AS pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        var process = await Eventually.BecomesAsync(() => owner.ValueAsync(sleeping), pid => pid != "null");
        var result = await reader.RunAsync(new QueryCommand($"SELECT pg_cancel_backend({process})"), access: CommandAccess.ReadOnly);
        Assert.Equal(strict ? "42501" : null, result.Error?.SqlState);
        Assert.Equal(strict ? Ending.Successful : Ending.Failed, (await other).Ending);
    }

    [Fact]
    public async Task A_reader_cannot_leave_a_prepared_transaction_behind()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off", "max_prepared_transactions=5");
        await using var bench = Open(await server.CreateDatabaseAsync());
        var result = await bench.RunAsync(new QueryCommand("PREPARE TRANSACTION 'left'"), access: CommandAccess.Read);
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM pg_prepared_xacts"));
    }

    static EngineBench Open(string settings, TimeProvider? time = null) =>
        new(DatabaseEngines.Create(EngineNames.Postgres, settings + ";Maximum Pool Size=4", time ?? TimeProvider.System), time);
}
