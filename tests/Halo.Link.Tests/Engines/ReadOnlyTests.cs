using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Tests.Work;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

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
    [InlineData("COMMIT; DELETE FROM t")]
    [InlineData("SELECT 1; /* ; */ end; DELETE FROM t")]
    [InlineData("ROLLBACK; BEGIN READ WRITE; DELETE FROM t; COMMIT")]
    [InlineData("PREPARE TRANSACTION 'x'; DELETE FROM t")]
    public async Task PostgreSQL_writes_nothing(string sql)
    {
        await using var world = await NewPostgresAsync();
        foreach (var (bench, access, rule) in world.Both)
        {
            foreach (var mode in Enum.GetValues<ExecutionMode>())
                AssertRefused(await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = mode }, access: access), rule);
        }
        Assert.Equal("""[{"id":1}]""", await world.Owner.RowsAsync("SELECT id FROM t"));
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
    [InlineData("SELECT nextval('s')")]
    [InlineData("SELECT 1;--\rCOMMIT;--\rBEGIN READ WRITE;--\rUPDATE t SET id = 9;--\rCOMMIT")]
    [InlineData("SELECT 1 \u00a0$$;COMMIT;BEGIN READ WRITE;UPDATE t SET id = 9;COMMIT")]
    [InlineData("SELECT U&'\\';COMMIT;DELETE FROM t;--'")]
    [InlineData("SET standard_conforming_strings = off; SELECT '\\'; COMMIT; DELETE FROM t; --'")]
    [InlineData("SELECT 1 AS 😀e'\\'; COMMIT; DELETE FROM t; --'")]
    [InlineData("BEGIN; SAVEPOINT a; SET TRANSACTION READ WRITE; DELETE FROM t")]
    [InlineData("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET default_transaction_read_only = off; DELETE FROM t")]
    public async Task PostgreSQL_cannot_be_talked_out_of_it(string sql)
    {
        await using var world = await NewPostgresAsync();
        foreach (var (bench, access, _) in world.Both)
        {
            var result = await bench.RunAsync(new QueryCommand(sql) { ExecutionMode = ExecutionMode.NonQuery }, access: access);
            Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        }
        Assert.Equal("1", await world.Owner.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task PostgreSQL_reads_as_ever_and_the_next_query_may_write()
    {
        await using var world = await NewPostgresAsync();
        foreach (var (bench, access, _) in world.Both)
        {
            for (var i = 0; i < 3; i++)
            {
                var sink = new CollectingSink();
                var result = await bench.RunAsync(
                    new QueryCommand("SELECT id, @p::int AS p, :P AS q FROM t; -- ;") { Parameters = [EngineBench.Parameter("p", 7, SqlType.Int)] }, sink, tag: "recall", access: access);
                Assert.Equal((Ending.Successful, Executed.Yes, """[{"id":1,"p":7,"q":7}]""", 1), (result.Ending, result.Executed, sink.Json, result.ResultSets));
                await world.Owner.DoAsync("CREATE TEMP TABLE x (id int); INSERT INTO t SELECT 2; DELETE FROM t WHERE id = 2");
            }
            var failed = await bench.RunAsync(new QueryCommand("SELECT * FROM nowhere"), access: access);
            Assert.Equal(("pgsql", "42P01", Executed.No), (failed.Error!.ErrorType, failed.Error.SqlState, failed.Executed));
            var second = await bench.RunAsync(new QueryCommand("SELECT 1; SELECT 2"), resultSet: 2, access: access);
            Assert.Equal((400, Executed.No, "resultSet"), (second.Error!.ErrorCode, second.Executed, Assert.Single(second.Error.Errors!).Field));
        }
        await Eventually.BecomesAsync(() => world.Owner.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"), open => open == "0");
    }

    [Theory]
    [InlineData("COMMIT")]
    [InlineData("END /* ; */")]
    [InlineData("ROLLBACK;")]
    [InlineData("--\rABORT")]
    public async Task PostgreSQL_does_not_let_a_reader_end_the_transaction_that_holds_it(string sql)
    {
        await using var world = await NewPostgresAsync();
        foreach (var (bench, access, rule) in world.Both)
            AssertRefused(await bench.RunAsync(new QueryCommand(sql), access: access), rule);
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

    static void AssertRefused(ExecutionResult result, string rule = "readOnly")
    {
        Assert.Equal((Ending.Failed, Executed.No, result.Error?.ErrorMessage), (result.Ending, result.Executed, result.Error?.ErrorMessage));
        Assert.Equal(("haloLink", 403, FailureCodes.PolicyRefused, result.Error!.ErrorMessage), (result.Error.ErrorType, result.Error.ErrorCode, result.Error.Code, result.Error.ErrorMessage));
        Assert.Contains($"\"{rule}\"", result.Error.ErrorMessage, StringComparison.Ordinal);
    }

    async Task<World> NewPostgresAsync()
    {
        var database = await postgres.NewDatabaseAsync();
        var owner = Open(database);
        await owner.DoAsync("""
            CREATE TABLE t (id int); INSERT INTO t VALUES (1); CREATE SEQUENCE s;
            CREATE FUNCTION write_it() RETURNS void LANGUAGE sql AS 'DELETE FROM t';
            CREATE PROCEDURE commit_and_write() LANGUAGE plpgsql AS $$ BEGIN COMMIT; DELETE FROM t; END $$
            """);
        return new(owner, Open(await SharedPostgres.NewReaderAsync(database)));

        static EngineBench Open(string settings) => new(DatabaseEngines.Create(EngineNames.Postgres, settings + ";Maximum Pool Size=2", TimeProvider.System));
    }

    /// <summary>One database, and who is kept to reading it: any login whose policy names reading modes alone, and under readOnly one that can do nothing else.</summary>
    sealed record World(EngineBench Owner, EngineBench Reader) : IAsyncDisposable
    {
        public (EngineBench Bench, CommandAccess Access, string Rule)[] Both => [(Owner, CommandAccess.Read, "modes"), (Reader, CommandAccess.ReadOnly, "readOnly")];

        public async ValueTask DisposeAsync()
        {
            await Owner.DisposeAsync();
            await Reader.DisposeAsync();
        }
    }
}
