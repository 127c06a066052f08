using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>What a command would bring is told, and nothing of it runs, whatever its text says.</summary>
public sealed class DescriptionTests(SharedPostgres postgres)
{
    public static TheoryData<string> Engines => [EngineNames.Sqlite, EngineNames.Postgres];

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Columns_and_parameters_come_without_a_row(string engine)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(engine, file);
        var (result, sink) = await bench.DescribeAsync(new("SELECT id, name, id AS \"the \"\"id\"\"\", name || '@none' FROM t WHERE id = @id AND name LIKE @name OR id = @id"));
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal(["id", "name", "the \"id\""], sink.Columns!.Select(c => c.Name).Take(3));
        Assert.Equal(4, sink.Columns!.Count);
        Assert.Equal((0L, Executed.No, "[]"), (result.Rows, result.Executed, sink.Json));
        Assert.Equal([SqlType.Int, SqlType.NVarChar], sink.Columns!.Select(c => c.Type).Take(2));
        Assert.Equal(["@id", "@name"], result.Parameters!.Select(p => p.Name));
        Assert.Equal(engine == EngineNames.Postgres ? ["integer", "text"] : [null, null], result.Parameters!.Select(p => p.DatabaseType));
        Assert.Equal(engine == EngineNames.Postgres ? [SqlType.Int, SqlType.NText] : [null, null], result.Parameters!.Select(p => p.Type));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_type_that_the_caller_gives_counts(string engine)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(engine, file);
        // Of the second the database could not say the type.
        var (result, sink) = await bench.DescribeAsync(new("SELECT @b AS b, @a AS a") { Parameters = [new("a") { Type = SqlType.BigInt }, new("@B") { Type = SqlType.Date }, new("unused") { Type = SqlType.Int }] });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal([SqlType.Date, SqlType.BigInt], result.Parameters!.Select(p => p.Type));
        Assert.Equal(engine == EngineNames.Postgres ? ["date", "bigint"] : [null, null], result.Parameters!.Select(p => p.DatabaseType));
        Assert.Equal(["b", "a"], sink.Columns!.Select(c => c.Name));
    }

    [Theory]
    [InlineData(EngineNames.Sqlite, "INSERT INTO t (id, name) VALUES (@id, @name)", 0, "@id,@name")]
    [InlineData(EngineNames.Sqlite, "DELETE FROM t WHERE id = :id RETURNING name", 1, ":id")]
    [InlineData(EngineNames.Sqlite, "DELETE FROM t; INSERT INTO t (id) VALUES (?); SELECT * FROM t; -- the end", 2, "?1")]
    [InlineData(EngineNames.Sqlite, "CREATE TABLE other (id int)", 0, "")]
    [InlineData(EngineNames.Sqlite, "DROP TABLE t", 0, "")]
    [InlineData(EngineNames.Sqlite, "COMMIT; DELETE FROM t; BEGIN", 0, "")]
    [InlineData(EngineNames.Sqlite, "-- nothing", 0, "")]
    [InlineData(EngineNames.Postgres, "INSERT INTO t (id, name) VALUES (@id, @name)", 0, "@id,@name")]
    [InlineData(EngineNames.Postgres, "DELETE FROM t WHERE id = @id RETURNING name", 1, "@id")]
    [InlineData(EngineNames.Postgres, "WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", 2, "")]
    [InlineData(EngineNames.Postgres, "SELECT nextval('numbers'), pg_advisory_lock(7)", 2, "")]
    [InlineData(EngineNames.Postgres, "CREATE TABLE other (id int)", 0, "")]
    [InlineData(EngineNames.Postgres, "DROP TABLE t", 0, "")]
    [InlineData(EngineNames.Postgres, "COMMIT", 0, "")]
    [InlineData(EngineNames.Postgres, "DO $$ BEGIN DELETE FROM t; END $$", 0, "")]
    [InlineData(EngineNames.Postgres, "CALL empty(1)", 0, "")]
    [InlineData(EngineNames.Postgres, "EXPLAIN ANALYZE DELETE FROM t", 1, "")]
    public async Task What_writes_is_described_and_writes_nothing(string engine, string sql, int columns, string parameters)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(engine, file);
        foreach (var access in (CommandAccess[])[CommandAccess.Read, CommandAccess.Write])
        {
            var (result, sink) = await bench.DescribeAsync(new(sql) { ExecutionMode = ExecutionMode.NonQuery }, access);
            Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
            Assert.Equal((columns, parameters), (sink.Columns!.Count, string.Join(',', result.Parameters!.Select(p => p.Name))));
        }
        await UntouchedAsync(bench, engine);
    }

    [Theory]
    [InlineData("SELECT 1; DELETE FROM t")]
    [InlineData("SELECT @a; DELETE FROM t")]
    [InlineData("SELECT 1 WHERE 1 = @a\n; DELETE FROM t; --")]
    [InlineData("DELETE FROM t; COMMIT")]
    public async Task Of_PostgreSQL_several_statements_are_refused_and_none_runs(string sql)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(EngineNames.Postgres, file);
        foreach (var access in (CommandAccess[])[CommandAccess.Read, CommandAccess.Write])
        {
            var (result, _) = await bench.DescribeAsync(new(sql), access);
            Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (result.Ending, result.Executed, result.Error?.Code));
            Assert.Equal("command.text", Assert.Single(result.Error!.Errors!).Field);
        }
        await UntouchedAsync(bench, EngineNames.Postgres);
    }

    [Theory]
    [InlineData(EngineNames.Sqlite, "SELECT * FROM nowhere", "nowhere")]
    [InlineData(EngineNames.Sqlite, "SELEC 1", "SELEC")]
    [InlineData(EngineNames.Sqlite, "SELECT 1; SELECT * FROM nowhere", "nowhere")]
    [InlineData(EngineNames.Sqlite, "ATTACH 'x' AS y", "ATTACH")]
    [InlineData(EngineNames.Postgres, "SELECT * FROM nowhere", "nowhere")]
    [InlineData(EngineNames.Postgres, "SELECT id FROM t WHERE id = @a + 'x' + @b", "operator")]
    [InlineData(EngineNames.Postgres, "SELEC 1", "SELEC")]
    [InlineData(EngineNames.Postgres, "SELECT 1 WHERE $1 = 2", "command.text")]
    public async Task What_the_database_refuses_comes_in_its_own_words(string engine, string sql, string words)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(engine, file);
        var (result, sink) = await bench.DescribeAsync(new(sql));
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Contains(words, result.Error!.ErrorMessage + result.Error.Errors?[0].Field, StringComparison.Ordinal);
        Assert.Null(sink.Columns);
        // The session goes on to the next query as if nothing had been asked.
        Assert.Equal("2", await bench.ValueAsync("SELECT count(*) AS n FROM t"));
    }

    [Fact]
    public async Task A_procedure_of_PostgreSQL_tells_its_parameters()
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(EngineNames.Postgres, file);
        var (result, sink) = await bench.DescribeAsync(new("book") { Type = CommandType.StoredProcedure });
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal([("@patient", ParameterDirection.Input, "integer"), ("@at", ParameterDirection.InputOutput, "timestamp with time zone"), ("@number", ParameterDirection.Output, "bigint")],
            result.Parameters!.Select(p => (p.Name, p.Direction, p.DatabaseType!)));
        Assert.Equal(["at", "number"], sink.Columns!.Select(c => c.Name));
        foreach (var name in (string[])["no_such", "two", "\"", "book; DELETE FROM t", "upper"])
        {
            var (missing, _) = await bench.DescribeAsync(new(name) { Type = CommandType.StoredProcedure });
            Assert.Equal((Ending.Failed, Executed.No), (missing.Ending, missing.Executed));
        }
        await UntouchedAsync(bench, EngineNames.Postgres);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PostgreSQL_keeps_the_connection_where_it_cannot_say_the_parameters(bool readsOnly)
    {
        var access = readsOnly ? CommandAccess.Read : CommandAccess.Write;
        using var file = new SqliteFile();
        await using var bench = await NewAsync(EngineNames.Postgres, file);
        // Described it is well enough, but PREPARE takes none of it.
        var command = new QueryCommand("CALL empty(@n)") { Parameters = [new("n") { Type = SqlType.Int }] };
        string? first = null;
        for (var i = 0; i < 3; i++)
        {
            var (result, _) = await bench.DescribeAsync(command, access);
            Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
            Assert.Equal([("@n", SqlType.Int, null)], result.Parameters!.Select(p => (p.Name, p.Type, p.DatabaseType)));
            var sink = new CollectingSink();
            await bench.RunAsync(new QueryCommand("SELECT pg_backend_pid() AS n"), sink, access: access);
            Assert.Equal(first ??= sink.Json, sink.Json);
        }
    }

    [Fact]
    public async Task SQLite_has_no_procedures()
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(EngineNames.Sqlite, file);
        var (result, _) = await bench.DescribeAsync(new("book") { Type = CommandType.StoredProcedure });
        Assert.Equal((Executed.No, FailureCodes.InvalidParameter), (result.Executed, result.Error?.Code));
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task Whoever_left_before_gets_nothing(string engine)
    {
        using var file = new SqliteFile();
        await using var bench = await NewAsync(engine, file);
        var (result, _) = await bench.DescribeAsync(new("SELECT 1"), cancel: new(canceled: true));
        Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
    }

    [Fact]
    public async Task It_ends_at_its_limit_while_the_practice_holds_a_lock()
    {
        using var file = new SqliteFile();
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(Link.Engines.Factory.DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        await using var practice = new Npgsql.NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new Npgsql.NpgsqlCommand("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE", practice);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var (result, _) = await bench.DescribeAsync(new("SELECT * FROM t"), limit: TimeSpan.FromMilliseconds(300));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout), (result.Ending, result.Executed, result.Error?.Code));
        command.CommandText = "ROLLBACK";
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) AS n FROM t"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task It_waits_for_a_lock_no_longer_than_an_operator_lets_a_reader(bool readsOnly)
    {
        var access = readsOnly ? CommandAccess.Read : CommandAccess.Write;
        var database = await postgres.NewDatabaseAsync();
        await using var engine = Link.Engines.Factory.DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System, new() { LockTimeout = null });
        await using var bench = new EngineBench(engine);
        await bench.DoAsync("CREATE TABLE t (id int)");
        await using var practice = new Npgsql.NpgsqlConnection(database);
        await practice.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new Npgsql.NpgsqlCommand("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE", practice);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var request = new CommandRequest(new("DELETE FROM t") { ExecutionMode = ExecutionMode.NonQuery }, null, null, 1, TimeSpan.FromMinutes(1), access)
        {
            IsDescription = true,
            Protection = new() { LockTimeout = TimeSpan.FromMilliseconds(100) },
        };
        var result = await engine.NewRunner(TimeProvider.System).RunAsync(request, new CollectingSink(), TestContext.Current.CancellationToken);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LockTimeout), (result.Ending, result.Executed, result.Error?.Code));
    }

    async Task<EngineBench> NewAsync(string engine, SqliteFile file)
    {
        var bench = engine == EngineNames.Postgres ? await postgres.NewAsync() : file.Open();
        await bench.DoAsync("CREATE TABLE t (id int, name varchar(40))");
        await bench.DoAsync("INSERT INTO t (id, name) VALUES (1, 'a'), (2, 'b')");
        if (engine == EngineNames.Sqlite)
            return bench;
        await bench.DoAsync("CREATE SEQUENCE numbers");
        await bench.DoAsync("CREATE PROCEDURE empty(n int) LANGUAGE sql AS 'DELETE FROM t'");
        await bench.DoAsync("CREATE PROCEDURE book(patient int, INOUT at timestamptz, OUT number bigint) LANGUAGE plpgsql AS 'BEGIN number := 1; END'");
        await bench.DoAsync("CREATE PROCEDURE two(n int) LANGUAGE sql AS ''");
        await bench.DoAsync("CREATE PROCEDURE two(n text) LANGUAGE sql AS ''");
        return bench;
    }

    static async Task UntouchedAsync(EngineBench bench, string engine)
    {
        Assert.Equal("2", await bench.ValueAsync("SELECT count(*) AS n FROM t"));
        Assert.Equal("0", await bench.ValueAsync(engine == EngineNames.Sqlite
            ? "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'other'"
            : "SELECT (SELECT count(*) FROM pg_class WHERE relname = 'other') + (SELECT count(*) FROM numbers WHERE is_called) AS n"));
        if (engine == EngineNames.Postgres)
            Assert.Equal("0", await bench.ValueAsync("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'"));
    }
}
