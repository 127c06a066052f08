using Halo.Contracts.Errors;
using Halo.Link.Engines;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>The practice's rule readOnly: the database itself refuses to write, whatever the text tries.</summary>
public sealed class ReadOnlyTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("INSERT INTO t VALUES (2)")]
    [InlineData("SELECT 1; UPDATE t SET id = 3")]
    [InlineData("WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone")]
    [InlineData("DROP TABLE t")]
    [InlineData("SELECT write_it()")]
    [InlineData("DO $$ BEGIN DELETE FROM t; END $$")]
    [InlineData("SELECT nextval('s')")]
    [InlineData("COMMIT; DELETE FROM t")]
    [InlineData("SELECT 1; /* ; */ end; DELETE FROM t")]
    [InlineData("ROLLBACK; BEGIN READ WRITE; DELETE FROM t; COMMIT")]
    [InlineData("PREPARE TRANSACTION 'x'; DELETE FROM t")]
    public async Task PostgreSQL_writes_nothing(string sql)
    {
        await using var bench = await NewPostgresAsync();
        foreach (var mode in Enum.GetValues<ExecutionMode>())
        {
            var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode }, access: CommandAccess.ReadOnly);
            AssertRefused(result);
        }
        Assert.Equal("""[{"id":1}]""", await bench.RowsAsync("SELECT id FROM t"));
    }

    [Theory]
    [InlineData("SET TRANSACTION READ WRITE; DELETE FROM t")]
    [InlineData("SET transaction_read_only = off; DELETE FROM t")]
    [InlineData("SELECT set_config('transaction_read_only', 'off', false); DELETE FROM t")]
    [InlineData("RESET transaction_read_only; DELETE FROM t")]
    [InlineData("SELECT set_config('transaction_read_only', NULL, true); DELETE FROM t")]
    [InlineData("SET LOCAL transaction_read_only TO DEFAULT; DELETE FROM t")]
    [InlineData("RESET ALL; DELETE FROM t")]
    [InlineData("DO $$ BEGIN EXECUTE 'RESET transaction_read_' || 'only'; DELETE FROM t; END $$")]
    [InlineData("DO $$ BEGIN COMMIT; DELETE FROM t; END $$")]
    [InlineData("CALL commit_and_write()")]
    [InlineData("SET standard_conforming_strings = off; SELECT '\\'; COMMIT; DELETE FROM t; --'")]
    [InlineData("SELECT 1 AS 😀e'\\'; COMMIT; DELETE FROM t; --'")]
    [InlineData("BEGIN; SAVEPOINT a; SET TRANSACTION READ WRITE; DELETE FROM t")]
    [InlineData("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET default_transaction_read_only = off; DELETE FROM t")]
    public async Task PostgreSQL_cannot_be_talked_out_of_it(string sql)
    {
        await using var bench = await NewPostgresAsync();
        var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery }, access: CommandAccess.ReadOnly);
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task PostgreSQL_reads_as_ever_and_the_next_query_may_write()
    {
        await using var bench = await NewPostgresAsync();
        for (var i = 0; i < 3; i++)
        {
            var sink = new CollectingSink();
            var result = await bench.RunAsync(new QueryCommand("SELECT id, @p::int AS p FROM t") { Parameters = [EngineBench.Parameter("p", 7, SqlType.Int)] }, sink, tag: "recall", access: CommandAccess.ReadOnly);
            Assert.Equal((Ending.Successful, Executed.Yes, """[{"id":1,"p":7}]""", 1), (result.Ending, result.Executed, sink.Json, result.ResultSets));
            await bench.DoAsync("CREATE TEMP TABLE x (id int); INSERT INTO t SELECT 2; DELETE FROM t WHERE id = 2");
        }
        var failed = await bench.RunAsync(new QueryCommand("SELECT * FROM nowhere"), access: CommandAccess.ReadOnly);
        Assert.Equal(("pgsql", "42P01", Executed.No), (failed.Error!.ErrorType, failed.Error.SqlState, failed.Executed));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"));
    }

    [Theory]
    [InlineData("INSERT INTO t VALUES (2)")]
    [InlineData("SELECT 1; DELETE FROM t")]
    [InlineData("BEGIN; DELETE FROM t; COMMIT")]
    [InlineData("PRAGMA query_only = OFF; DELETE FROM t")]
    [InlineData("CREATE TABLE u (id)")]
    public async Task SQLite_writes_nothing(string sql)
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)");
        AssertRefused(await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery }, access: CommandAccess.ReadOnly));
        AssertRefused(await bench.RunAsync(new QueryCommand(sql), access: CommandAccess.ReadOnly));
        var sink = new CollectingSink();
        await bench.RunAsync(new QueryCommand("CREATE TEMP TABLE x AS SELECT id FROM t; SELECT id, (SELECT user_version FROM pragma_user_version) AS v FROM x"), sink, access: CommandAccess.ReadOnly);
        Assert.Equal("""[{"id":1,"v":0}]""", sink.Json);
        await bench.DoAsync("INSERT INTO t VALUES (2)");
    }

    static void AssertRefused(Link.Engines.ExecutionResult result)
    {
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Equal(("haloLink", 403, FailureCodes.PolicyRefused), (result.Error!.ErrorType, result.Error.ErrorCode, result.Error.Code));
        Assert.Contains("\"readOnly\"", result.Error.ErrorMessage, StringComparison.Ordinal);
    }

    async Task<EngineBench> NewPostgresAsync()
    {
        var bench = await postgres.NewAsync(";Maximum Pool Size=2");
        await bench.DoAsync("""
            CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SEQUENCE s;
            CREATE FUNCTION write_it() RETURNS void LANGUAGE sql AS 'DELETE FROM t';
            CREATE PROCEDURE commit_and_write() LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM t; END $$
            """);
        return bench;
    }
}
