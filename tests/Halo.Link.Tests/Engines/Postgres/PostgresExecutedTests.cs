using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary><c>executed</c> of a command that fails is what PostgreSQL proves, however the text hides what it does.</summary>
public sealed class PostgresExecutedTests(SharedPostgres postgres)
{
    public static TheoryData<string, Executed, string> Failing => new()
    {
        // One transaction, undone by its error: proved.
        { "SELECT 1/0", Executed.No, "0" },
        { "SELEC 1", Executed.No, "0" },
        { "SELECT * FROM nowhere", Executed.No, "0" },
        { "INSERT INTO t VALUES (1), (1)", Executed.No, "0" },
        { "INSERT INTO t SELECT 1/(3 - i) FROM generate_series(1, 3) i", Executed.No, "0" },
        { "INSERT INTO deferred VALUES (1)", Executed.No, "0" },
        { "WITH w AS (INSERT INTO t VALUES (1) RETURNING id) SELECT 1/(id - 1) FROM w", Executed.No, "0" },
        { "(SELECT 1/0) UNION SELECT 2", Executed.No, "0" },
        { "TABLE nowhere", Executed.No, "0" },
        { "INSERT INTO t VALUES (1); SELECT 1/0", Executed.No, "0" },
        { "INSERT INTO t VALUES (1); SELEC 1", Executed.No, "0" },
        { "BEGIN; INSERT INTO t VALUES (1); SAVEPOINT a; INSERT INTO t VALUES (2); RELEASE a; SELECT 1/0", Executed.No, "0" },
        { "CREATE TABLE t (id int)", Executed.No, "0" },
        { "CREATE TABLE u AS SELECT 1/0", Executed.No, "0" },
        { "DO $$ BEGIN INSERT INTO t VALUES (1); PERFORM 1/0; END $$", Executed.No, "0" },
        { "DO $$ BEGIN INSERT INTO t VALUES (1); BEGIN PERFORM 1/0; EXCEPTION WHEN OTHERS THEN NULL; END; PERFORM 1/0; END $$", Executed.No, "0" },
        { "CALL writes_and_fails()", Executed.No, "0" },
        { "EXPLAIN ANALYZE INSERT INTO t VALUES (1), (1)", Executed.No, "0" },
        { "PREPARE q(int) AS INSERT INTO t VALUES ($1); EXECUTE q(1); SELECT 1/0", Executed.No, "0" },
        { "VACUUM nowhere", Executed.No, "0" },
        { "INSERT INTO t SELECT breaks()", Executed.No, "0" },
        { "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; SELECT nowhere; END", Executed.No, "0" },
        // More than one: a part of it may be there, and is.
        { "INSERT INTO t VALUES (1);--\rCOMMIT;--\rSELECT 1/0", Executed.Unknown, "1" },
        { "INSERT INTO t VALUES (1);--\r\nCOMMIT;SELECT 1/0", Executed.Unknown, "1" },
        { "BEGIN; INSERT INTO t VALUES (1); COMMIT; SELECT 1/0", Executed.Unknown, "1" },
        { "INSERT INTO t VALUES (1); /* /* ' */ */ END; SELECT 1/0", Executed.Unknown, "1" },
        { "ROLLBACK; INSERT INTO t VALUES (1); COMMIT; SELECT 1/0", Executed.Unknown, "1" },
        { "BEGIN; INSERT INTO t VALUES (1); COMMIT AND CHAIN; SELECT 1/0", Executed.Unknown, "1" },
        { "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM 1/0; END $$", Executed.Unknown, "1" },
        { "DO $$ BEGIN EXECUTE 'INSERT INTO t VALUES (1)'; EXECUTE 'COM' || 'MIT'; EXCEPTION WHEN OTHERS THEN NULL; END $$; DO $$ BEGIN PERFORM 1/0; END $$", Executed.No, "0" },
        { "CALL commits_and_fails()", Executed.Unknown, "1" },
    };

    [Theory]
    [MemberData(nameof(Failing))]
    public async Task A_command_that_fails_is_told_as_it_was(string sql, Executed expected, string rows)
    {
        await using var bench = await NewAsync();
        foreach (var mode in Enum.GetValues<ExecutionMode>())
        {
            await bench.DoAsync("DELETE FROM t");
            var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode }, tag: mode == ExecutionMode.Scalar ? "recall" : null);
            Assert.Equal((Ending.Failed, expected, result.Error?.ErrorMessage), (result.Ending, result.Executed, result.Error?.ErrorMessage));
            Assert.Equal(rows, await bench.ValueAsync("SELECT count(*) FROM t"));
        }
    }

    [Theory]
    [InlineData("writes_and_fails", Executed.No)]
    [InlineData("commits_and_fails", Executed.Unknown)]
    [InlineData("nothing_of_the_kind", Executed.No)]
    [InlineData("no syntax", Executed.No)]
    public async Task A_procedure_that_fails_is_told_as_it_was(string name, Executed expected)
    {
        await using var bench = await NewAsync();
        var result = await bench.RunAsync(new QueryCommand(name) { Type = CommandType.StoredProcedure, ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Failed, expected), (result.Ending, result.Executed));
    }

    [Fact]
    public async Task A_refused_parameter_and_a_failed_conversion_ran_nothing()
    {
        await using var bench = await NewAsync();
        foreach (var value in (string[])["many", "99999999999", "1.5"])
        {
            var result = await bench.RunAsync(new QueryCommand("INSERT INTO t VALUES (@id::text::int)") { Parameters = [EngineBench.Parameter("@id", value)] });
            Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        }
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task The_victim_of_a_deadlock_did_nothing_and_the_other_did_all()
    {
        await using var bench = await NewAsync();
        await bench.DoAsync("INSERT INTO t VALUES (1), (2)");
        const string First = "WITH a AS (UPDATE t SET n = n + 1 WHERE id = 1 RETURNING n) SELECT n, pg_sleep(0.3), touch(2) FROM a";
        const string Second = "WITH a AS (UPDATE t SET n = n + 1 WHERE id = 2 RETURNING n) SELECT n, pg_sleep(0.3), touch(1) FROM a";
        await bench.DoAsync("CREATE FUNCTION touch(which int) RETURNS int LANGUAGE sql VOLATILE AS 'UPDATE t SET n = n + 1 WHERE id = which RETURNING n'");
        var results = await Task.WhenAll(bench.RunAsync(First), bench.RunAsync(Second));
        Assert.Equal([Executed.No, Executed.Yes], results.Select(r => r.Executed).Order());
        Assert.Equal("40P01", Assert.Single(results, r => r.Ending == Ending.Failed).Error?.SqlState);
        Assert.Equal("2", await bench.ValueAsync("SELECT sum(n) FROM t"));
    }

    [Theory]
    [InlineData("UPDATE t SET n = 7 WHERE id = 1 AND pg_sleep(600) IS NOT NULL")]
    [InlineData("DO $$ BEGIN UPDATE t SET n = 7; PERFORM pg_sleep(600); END $$")]
    [InlineData("UPDATE t SET n = 7; SELECT pg_sleep(600)")]
    public async Task A_limit_that_cancels_the_only_transaction_left_nothing(string sql)
    {
        await using var bench = await NewAsync();
        await bench.DoAsync("INSERT INTO t VALUES (1)");
        var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromMilliseconds(300));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("SELECT n FROM t"));
    }

    [Fact]
    public async Task A_limit_that_cancels_the_second_transaction_leaves_the_fate_unknown()
    {
        await using var bench = await NewAsync();
        await bench.DoAsync("INSERT INTO t VALUES (1)");
        var result = await bench.RunAsync(
            new QueryCommand("DO $$ BEGIN UPDATE t SET n = 7; COMMIT; PERFORM pg_sleep(600); END $$") { ExecutionMode = ExecutionMode.NonQuery }, limit: TimeSpan.FromMilliseconds(300));
        Assert.Equal((Ending.Failed, Executed.Unknown, FailureCodes.ExecutionTimeout), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("7", await bench.ValueAsync("SELECT n FROM t"));
    }

    [Theory]
    [InlineData("INSERT INTO t VALUES (1); SELECT 1/(id - 1) FROM (SELECT id, pg_advisory_lock(1) FROM t OFFSET 0) s", 0, Executed.No)]
    [InlineData("INSERT INTO t VALUES (1); SELECT 1/(id - 1) FROM (SELECT id, pg_advisory_lock(1) FROM t OFFSET 0) s", 1000, Executed.Unknown)]
    [InlineData("WITH w AS (INSERT INTO t VALUES (1) RETURNING id) SELECT id, pg_advisory_lock(1), 1/(id - 1) FROM w", 1000, Executed.No)]
    public async Task The_count_of_transactions_proves_nothing_where_others_changed_the_catalogue_a_lot_meanwhile(string sql, int tables, Executed expected)
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var database = await server.CreateDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int PRIMARY KEY)");
        await using var practice = new NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await DoAsync("SELECT pg_advisory_lock(1)");
        var running = bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery });
        await using var waits = new NpgsqlCommand("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted", practice);
        await Eventually.BecomesAsync(async () => (long)(await waits.ExecuteScalarAsync(TestContext.Current.CancellationToken))!, waiting => waiting == 1);
        for (var i = 0; i < tables; i++)
            await DoAsync("CREATE TEMP TABLE x (a int, b text)", "DROP TABLE x");
        await DoAsync("SELECT pg_advisory_unlock(1)");
        var result = await running;
        Assert.Equal((Ending.Failed, expected, "22012"), (result.Ending, result.Executed, result.Error?.SqlState));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));

        async Task DoAsync(params string[] statements)
        {
            foreach (var statement in statements)
            {
                await using var command = new NpgsqlCommand(statement, practice);
                await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            }
        }
    }

    [Theory]
    [InlineData("COPY t TO STDOUT")]
    [InlineData("COPY t FROM STDIN")]
    [InlineData("/* */ copy (INSERT INTO t VALUES (1) RETURNING id) TO stdout WITH (FORMAT csv)")]
    [InlineData("INSERT INTO t VALUES (1); COPY t (id) FROM STDIN")]
    public async Task COPY_to_and_from_the_client_is_refused_before_anything_ran(string sql)
    {
        await using var bench = await NewAsync();
        foreach (var access in Enum.GetValues<CommandAccess>()[..2])
        {
            var result = await bench.RunAsync(new QueryCommand(sql), access: access);
            Assert.Equal((Ending.Failed, Executed.No, 400), (result.Ending, result.Executed, result.Error?.ErrorCode));
            Assert.Contains("COPY", result.Error!.ErrorMessage, StringComparison.Ordinal);
        }
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task Words_that_only_look_like_COPY_are_not_refused()
    {
        await using var bench = await NewAsync();
        Assert.Equal("\"COPY t TO STDOUT\"", await bench.ValueAsync("SELECT 'COPY t TO STDOUT' AS copy -- COPY t TO STDOUT"));
    }

    [Theory]
    [InlineData(65_535, true)]
    [InlineData(65_536, false)]
    [InlineData(66_000, false)]
    public async Task The_number_of_parameters_is_bounded_and_named(int count, bool fits)
    {
        await using var bench = await NewAsync();
        var names = Enumerable.Range(0, count).Select(i => $"p{i}").ToList();
        var command = new QueryCommand($"SELECT cardinality(ARRAY[{string.Join(", ", names.Select(n => $"@{n}"))}]) AS n")
        {
            Parameters = [.. names.Select(n => EngineBench.Parameter(n, 1, SqlType.Int))],
        };
        var sink = new CollectingSink();
        var result = await bench.RunAsync(command, sink);
        if (fits)
        {
            Assert.Null(result.Error);
            Assert.Equal($$"""[{"n":{{count}}}]""", sink.Json);
            return;
        }
        Assert.Equal((Ending.Failed, Executed.No, 400), (result.Ending, result.Executed, result.Error?.ErrorCode));
        Assert.Contains("65535", result.Error!.ErrorMessage, StringComparison.Ordinal);
    }

    async Task<EngineBench> NewAsync()
    {
        var bench = await postgres.NewAsync(";Maximum Pool Size=4");
        await bench.DoAsync("""
            CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
            CREATE FUNCTION breaks() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken' USING ERRCODE = 'XX000'; END $$;
            CREATE TABLE deferred (id int REFERENCES t DEFERRABLE INITIALLY DEFERRED);
            CREATE PROCEDURE writes_and_fails() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); PERFORM 1/0; END $$;
            CREATE PROCEDURE commits_and_fails() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM 1/0; END $$;
            """);
        return bench;
    }
}
