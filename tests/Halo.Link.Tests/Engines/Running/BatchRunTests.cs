using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Npgsql;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>Several commands in one transaction: all of them or none, however they fail, and <c>executed</c> is what the database proves.</summary>
public sealed class BatchRunTests(SharedPostgres postgres)
{
    static readonly QueryCommand Count = new("SELECT count(*) AS n FROM t");

    public static TheoryData<string> Engines => [EngineNames.Sqlite, EngineNames.Postgres];

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task All_of_it_is_done_in_order_and_each_result_is_its_own(string engine)
    {
        await using var world = await NewAsync(engine);
        var sink = new CollectingSink();
        var result = await world.Bench.RunAsync(new CommandBatch(
        [
            Write("INSERT INTO t (id) VALUES (1), (2)"),
            new("SELECT id FROM t ORDER BY id"),
            new("SELECT id FROM t WHERE id > 5"),
            Write("UPDATE t SET id = id + 10"),
            new("SELECT max(id) AS m FROM t") { ExecutionMode = ExecutionMode.Scalar },
        ]), sink);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        Assert.Equal(Executed.Yes, result.Executed);
        Assert.Equal("""[{"id":1},{"id":2}][][{"m":12}]""", sink.Json);
        Assert.Equal([null, 2L, 0L, null, 1L], result.Results!.Select(r => r.Rows));
        Assert.Equal([2L, null, null, 2L, null], result.Results!.Select(r => r.RowsAffected));
        Assert.Equal([0L, 19L, 2L, 0L, 10L], result.Results!.Select(r => r.Size));
        // Those of the third are as those of the second.
        Assert.Equal(["id", null, "m"], result.Results!.Where(r => r.Rows is not null).Select(r => r.Columns?.Single().Name));
        Assert.Equal((3L, 4L), (result.Rows, result.RowsAffected));
        Assert.Equal("2", await world.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task One_command_with_many_sets_of_parameters_is_one_transaction(string engine)
    {
        await using var world = await NewAsync(engine);
        var many = await world.Bench.RunAsync(Sets([.. Enumerable.Range(1, 1000)]));
        Assert.True(many.Ending == Ending.Successful, many.Error?.ErrorMessage);
        Assert.Equal(1000, many.Results!.Count);
        Assert.All(many.Results!, r => Assert.Equal(1, r.RowsAffected));
        Assert.Equal("1000", await world.CountAsync());
        var failed = await world.Bench.RunAsync(Sets(2001, 2002, 7, 2003));
        Assert.Equal((Ending.Failed, Executed.No, 2), (failed.Ending, failed.Executed, failed.Error?.Index));
        Assert.Equal("1000", await world.CountAsync());
    }

    public static TheoryData<string, string, Executed, string> Failing
    {
        get
        {
            var data = new TheoryData<string, string, Executed, string>();
            foreach (var engine in (string[])[EngineNames.Sqlite, EngineNames.Postgres])
            {
                data.Add(engine, "INSERT INTO t (id) VALUES (1)", Executed.No, "0");
                data.Add(engine, "SELECT * FROM nowhere", Executed.No, "0");
                data.Add(engine, "SELEC 1", Executed.No, "0");
                data.Add(engine, "SELECT @missing", Executed.No, "0");
                data.Add(engine, "INSERT INTO t (id) VALUES (5); INSERT INTO t (id) VALUES (5)", Executed.No, "0");
                data.Add(engine, "SAVEPOINT mine; INSERT INTO t (id) VALUES (7); ROLLBACK TO mine; SELECT * FROM nowhere", Executed.No, "0");
            }
            // SQLite does not even compile these.
            data.Add(EngineNames.Sqlite, "COMMIT", Executed.No, "0");
            data.Add(EngineNames.Sqlite, "ROLLBACK", Executed.No, "0");
            data.Add(EngineNames.Sqlite, "INSERT INTO t (id) VALUES (3); COMMIT; BEGIN", Executed.No, "0");
            data.Add(EngineNames.Sqlite, "INSERT OR ROLLBACK INTO t (id) VALUES (1)", Executed.No, "0");
            data.Add(EngineNames.Sqlite, "SELECT 1; INSERT OR ROLLBACK INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (50)", Executed.No, "0");
            // PostgreSQL knows what became of the transaction: where one statement rolled it back, nothing else can have run.
            data.Add(EngineNames.Postgres, "ROLLBACK", Executed.No, "0");
            data.Add(EngineNames.Postgres, "ROLLBACK; INSERT INTO t (id) VALUES (3)", Executed.Unknown, "1");
            data.Add(EngineNames.Postgres, "COMMIT", Executed.Unknown, "1");
            data.Add(EngineNames.Postgres, "COMMIT; INSERT INTO t (id) VALUES (3); SELECT 1/0", Executed.Unknown, "1");
            data.Add(EngineNames.Postgres, "INSERT INTO t (id) VALUES (3); COMMIT; BEGIN; SELECT 1/0", Executed.Unknown, "2");
            data.Add(EngineNames.Postgres, "DO $$ BEGIN INSERT INTO t VALUES (3); COMMIT; END $$", Executed.No, "0");
            data.Add(EngineNames.Postgres, "SELECT 1/0", Executed.No, "0");
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Failing))]
    public async Task The_first_that_fails_takes_all_back_and_is_named(string engine, string sql, Executed executed, string left)
    {
        await using var world = await NewAsync(engine);
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), Count, Write(sql), Write("INSERT INTO t (id) VALUES (9)")]));
        Assert.Equal((Ending.Failed, executed, 2, null), (result.Ending, result.Executed, result.Error?.Index, result.Results));
        Assert.Equal(left, await world.CountAsync());
        // What comes after finds a session as new.
        Assert.Equal(Ending.Successful, (await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (99)"), Count]))).Ending);
    }

    [Fact]
    public async Task PostgreSQL_finds_out_at_the_commit_that_it_is_another_transaction()
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), Write("COMMIT; BEGIN"), Write("INSERT INTO t (id) VALUES (2)")]));
        Assert.Equal((Ending.Failed, Executed.Unknown), (result.Ending, result.Executed));
        Assert.Equal("1", await world.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_constraint_that_is_looked_at_in_the_end_takes_all_back(string engine)
    {
        await using var world = await NewAsync(engine);
        await world.Bench.DoAsync("CREATE TABLE child (id int REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)");
        var result = await world.Bench.RunAsync(new CommandBatch([.. Lax(engine), Write("INSERT INTO t (id) VALUES (1)"), Write("INSERT INTO child (id) VALUES (2)")]));
        Assert.Equal((Ending.Failed, Executed.No, null), (result.Ending, result.Executed, result.Error?.Index));
        Assert.NotEqual(ErrorTypes.HaloLink, result.Error!.ErrorType);
        Assert.Equal("0", await world.CountAsync());

        static QueryCommand[] Lax(string engine) => engine == EngineNames.Sqlite ? [new("SELECT 1")] : [];
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_limit_that_is_over_takes_all_back(string engine)
    {
        await using var world = await NewAsync(engine);
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), new(Endless(engine))]), limit: TimeSpan.FromSeconds(1));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout, 1), (result.Ending, result.Executed, result.Error?.Code, result.Error?.Index));
        Assert.Equal("0", await world.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_caller_who_cancels_gets_all_of_it_back(string engine)
    {
        await using var world = await NewAsync(engine);
        using var cancel = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), Count, new(Endless(engine))]), cancel: cancel.Token);
        Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
        Assert.Equal("0", await world.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_parameter_that_cannot_be_bound_is_named_and_takes_all_back(string engine)
    {
        await using var world = await NewAsync(engine);
        var wrong = new QueryCommand("SELECT @n") { Parameters = [new("@n") { Type = SqlType.Int, Value = JsonSerializer.SerializeToElement("twelve") }] };
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), wrong]));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter, 1), (result.Ending, result.Executed, result.Error?.Code, result.Error?.Index));
        Assert.Equal("0", await world.CountAsync());
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task The_practices_bounds_hold_for_all_results_together(string engine)
    {
        await using var world = await NewAsync(engine);
        var rules = new PolicyRules { MaxRows = 2 };
        Assert.Equal(Ending.Successful, (await world.Bench.RunAsync(new CommandBatch([Count, Count]), rules: rules)).Ending);
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), Count, Count, Count]), rules: rules);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused, 3), (result.Ending, result.Executed, result.Error?.Code, result.Error?.Index));
        Assert.Equal("0", await world.CountAsync());
    }

    [Theory]
    [InlineData("COMMIT")]
    [InlineData("COMMIT AND CHAIN")]
    [InlineData("ROLLBACK")]
    [InlineData("RESET transaction_read_only")]
    [InlineData("DO $$ BEGIN PERFORM set_config('transaction_read_only', NULL, true); DELETE FROM t; SET transaction_read_only = on; END $$")]
    [InlineData("DELETE FROM t")]
    public async Task Who_may_only_read_writes_nothing_by_a_batch_either(string trick)
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        await world.Bench.DoAsync("INSERT INTO t (id) VALUES (1)");
        foreach (var then in (string[])["COMMIT", "COMMIT AND CHAIN", "SELECT 1"])
        {
            var result = await world.Bench.RunAsync(new CommandBatch([Count, new(trick), new("DELETE FROM t"), new(then), Count]), access: CommandAccess.Read);
            Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
            Assert.Equal("1", await world.CountAsync());
        }
    }

    [Fact]
    public async Task A_write_that_a_reader_hid_is_told_and_undone()
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        await world.Bench.DoAsync("INSERT INTO t (id) VALUES (1)");
        var hidden = await world.Bench.RunAsync(new CommandBatch([Count, new("RESET transaction_read_only"), Count]), access: CommandAccess.Read);
        var held = await world.Bench.RunAsync(new CommandBatch([Count, new("CLOSE ALL"), Count]), access: CommandAccess.Read);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused), (hidden.Ending, hidden.Executed, hidden.Error?.Code));
        Assert.Equal((Ending.Failed, Executed.No, 1), (held.Ending, held.Executed, held.Error?.Index));
        Assert.Equal(Ending.Successful, (await world.Bench.RunAsync(new CommandBatch([Count, Count]), access: CommandAccess.Read)).Ending);
        Assert.Equal("1", await world.CountAsync());
    }

    [Fact]
    public async Task A_reader_has_the_isolation_that_it_asked_for()
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        var sink = new CollectingSink();
        var asked = new CommandBatch([new("SELECT current_setting('transaction_isolation') AS l, current_setting('transaction_read_only') AS r")]) { Isolation = IsolationLevel.Serializable };
        Assert.Equal(Ending.Successful, (await world.Bench.RunAsync(asked, sink, access: CommandAccess.Read)).Ending);
        Assert.Equal("""[{"l":"serializable","r":"on"}]""", sink.Json);
    }

    [Fact]
    public async Task The_names_of_columns_of_all_results_have_a_bound_together()
    {
        await using var world = await NewAsync(EngineNames.Sqlite);
        var wide = string.Join(", ", Enumerable.Range(0, 1500).Select(i => $"1 AS {new string('c', 400)}{i}"));
        var result = await world.Bench.RunAsync(new CommandBatch(
            [Write("INSERT INTO t (id) VALUES (1)"), .. Enumerable.Range(0, 12).Select(i => new QueryCommand($"SELECT {wide}, {i} AS other{i}"))]), limit: TimeSpan.FromMinutes(2));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ResultTooLarge), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("0", await world.CountAsync());
    }

    [Fact]
    public async Task A_lock_that_is_not_had_within_the_limit_is_told_as_that()
    {
        await using var world = await NewAsync(EngineNames.Sqlite);
        await using var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={world.File!.Path};Pooling=False");
        await other.OpenAsync(TestContext.Current.CancellationToken);
        await using var holding = other.CreateCommand();
        holding.CommandText = "BEGIN IMMEDIATE";
        holding.ExecuteNonQuery();
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)")]), limit: TimeSpan.FromSeconds(1));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout), (result.Ending, result.Executed, result.Error?.Code));
        holding.CommandText = "ROLLBACK";
        holding.ExecuteNonQuery();
        Assert.Equal("0", await world.CountAsync());
    }

    [Theory]
    [InlineData(IsolationLevel.ReadCommitted, "read committed")]
    [InlineData(IsolationLevel.ReadUncommitted, "read committed")]
    [InlineData(IsolationLevel.RepeatableRead, "repeatable read")]
    [InlineData(IsolationLevel.Snapshot, "repeatable read")]
    [InlineData(IsolationLevel.Serializable, "serializable")]
    public async Task The_isolation_is_what_was_asked_for_or_stricter(IsolationLevel asked, string level)
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        var sink = new CollectingSink();
        await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), new("SELECT current_setting('transaction_isolation') AS l")]) { Isolation = asked }, sink);
        Assert.Equal($$"""[{"l":"{{level}}"}]""", sink.Json);
        await using var lite = await NewAsync(EngineNames.Sqlite);
        Assert.Equal(Ending.Successful, (await lite.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), Count]) { Isolation = asked })).Ending);
    }

    [Theory]
    [InlineData("SELECT pg_terminate_backend(pg_backend_pid())")]
    [InlineData("SELECT 1; SELECT pg_terminate_backend(pg_backend_pid())")]
    public async Task A_connection_that_is_lost_in_the_middle_is_told_as_PostgreSQL_tells_it(string sql)
    {
        await using var world = await NewAsync(EngineNames.Postgres);
        var result = await world.Bench.RunAsync(new CommandBatch([Write("INSERT INTO t (id) VALUES (1)"), new(sql), Write("INSERT INTO t (id) VALUES (2)")]));
        // Of one statement the server proves that it is gone; several could have ended the transaction first.
        Assert.Equal((Ending.Failed, sql.Contains(';', StringComparison.Ordinal) ? Executed.Unknown : Executed.No, 1), (result.Ending, result.Executed, result.Error?.Index));
        Assert.Equal("0", await world.CountAsync());
    }

    [Fact]
    public async Task A_writer_in_SQLite_has_its_lock_from_the_start()
    {
        await using var world = await NewAsync(EngineNames.Sqlite);
        var held = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var first = world.Bench.RunAsync(new CommandBatch([Count, Write("INSERT INTO t (id) VALUES (1)")]), new CollectingSink
        {
            OnRow = async (_, _) =>
            {
                held.TrySetResult();
                await go.Task;
            },
        });
        await held.Task.WaitAsync(TestContext.Current.CancellationToken);
        var second = world.Bench.RunAsync(new CommandBatch([Count, Write("INSERT INTO t (id) VALUES (2)")]));
        go.SetResult();
        Assert.Equal((Ending.Successful, Ending.Successful), ((await first).Ending, (await second).Ending));
        Assert.Equal("2", await world.CountAsync());
    }

    static QueryCommand Write(string sql) => new(sql) { ExecutionMode = ExecutionMode.NonQuery };

    static CommandBatch Sets(params int[] ids) => new(
    [
        Write("INSERT INTO t (id) VALUES (@id)") with
        {
            ParameterSets = [.. ids.Select(IReadOnlyList<CommandParameter> (id) => [EngineBench.Parameter("@id", id, SqlType.Int)])],
        },
    ]);

    static string Endless(string engine) => engine == EngineNames.Sqlite
        ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        : "SELECT pg_sleep(60)";

    async Task<World> NewAsync(string engine)
    {
        var file = engine == EngineNames.Sqlite ? new SqliteFile() : null;
        var world = new World(file?.Open() ?? await postgres.NewAsync(), file);
        await world.Bench.DoAsync("CREATE TABLE t (id int PRIMARY KEY)");
        return world;
    }

    sealed record World(EngineBench Bench, SqliteFile? File) : IAsyncDisposable
    {
        public Task<string> CountAsync() => Bench.ValueAsync(Count.Text);

        public async ValueTask DisposeAsync()
        {
            await Bench.DisposeAsync();
            File?.Dispose();
        }
    }
}
