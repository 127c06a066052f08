using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Postgres;

public sealed class PostgresRunTests(SharedPostgres postgres)
{
    [Fact]
    public async Task An_error_keeps_the_databases_own_words()
    {
        await using var bench = await postgres.NewAsync();
        var result = await bench.RunAsync("SELECT * FROM nowhere");
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Equal(new ErrorDetails("pgsql", 0, "relation \"nowhere\" does not exist") { SqlState = "42P01", Severity = "ERROR" }, result.Error);
    }

    [Fact]
    public async Task A_batch_that_fails_is_undone_whole()
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("CREATE TABLE t (id int)");
        var result = await bench.RunAsync("INSERT INTO t VALUES (1); SELECT 1/0");
        Assert.Equal(Executed.No, result.Executed);
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Theory]
    [InlineData("BEGIN; INSERT INTO t VALUES (1); COMMIT; SELECT 1/0")]
    [InlineData("DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM 1/0; END $$")]
    public async Task A_batch_that_commits_a_part_of_itself_is_of_unknown_fate(string sql)
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("CREATE TABLE t (id int)");
        var result = await bench.RunAsync(sql);
        Assert.Equal((Ending.Failed, Executed.Unknown), (result.Ending, result.Executed));
        Assert.Equal("1", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_transaction_left_open_is_rolled_back_and_told()
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("CREATE TABLE t (id int)");
        var result = await bench.RunAsync("BEGIN; INSERT INTO t VALUES (1) RETURNING id");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.OpenTransaction), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM t"));
        Assert.Equal("0", await bench.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'"));
    }

    [Fact]
    public async Task Nothing_of_a_query_is_left_for_the_next()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        await bench.DoAsync("CREATE TEMP TABLE leak (id int); SET search_path = pg_catalog; SET TimeZone = 'Asia/Kolkata'; SELECT set_config('my.secret', 'x', false)");
        var rows = await bench.RowsAsync("""
            SELECT to_regclass('pg_temp.leak') AS t, current_setting('search_path') AS p, current_setting('my.secret', true) AS s,
                current_setting('TimeZone') = 'Asia/Kolkata' AS z
            """);
        Assert.Contains("\"t\":null,\"p\":\"\\u0022$user\\u0022, public\"".Replace("\\u0022", "\\\"", StringComparison.Ordinal), rows, StringComparison.Ordinal);
        Assert.Contains("\"z\":false", rows, StringComparison.Ordinal);
        Assert.DoesNotContain("\"s\":\"x\"", rows, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_tag_is_the_application_name_of_its_query_alone()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=1");
        var tagged = new CollectingSink();
        await bench.RunAsync(new QueryCommand("SELECT current_setting('application_name') AS a"), tagged, tag: "recall");
        Assert.Equal("""[{"a":"recall"}]""", tagged.Json);
        Assert.Equal("\"Halo Link\"", await bench.ValueAsync("SELECT current_setting('application_name') AS a"));
    }

    [Fact]
    public async Task The_wanted_result_set_is_given_and_all_are_counted()
    {
        await using var bench = await postgres.NewAsync();
        var sink = new CollectingSink();
        var result = await bench.RunAsync(new QueryCommand("SELECT 1 AS a; CREATE TABLE t (id int); SELECT 2 AS b UNION ALL SELECT 3; SELECT 4 AS c"), sink, resultSet: 2);
        Assert.Equal("""[{"b":2},{"b":3}]""", sink.Json);
        Assert.Equal((3, 2L), (result.ResultSets, result.Rows));
    }

    [Fact]
    public async Task A_nonquery_tells_rows_affected_and_minus_one_where_there_is_no_number()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal(-1, (await bench.DoAsync("CREATE TABLE t (id int)")).RowsAffected);
        Assert.Equal(3, (await bench.DoAsync("INSERT INTO t SELECT generate_series(1, 3)")).RowsAffected);
        var both = await bench.DoAsync("SELECT 1; DELETE FROM t WHERE id > 1; SELECT 2");
        Assert.Equal((2L, 2, null), (both.RowsAffected, both.ResultSets, both.Rows));
    }

    [Fact]
    public async Task A_scalar_is_one_row_with_one_column()
    {
        await using var bench = await postgres.NewAsync();
        var sink = new CollectingSink();
        var result = await bench.RunAsync(new QueryCommand("SELECT i, i * 2 FROM generate_series(1, 100) i") { ExecutionMode = ExecutionMode.Scalar }, sink);
        Assert.Equal("""[{"i":1}]""", sink.Json);
        Assert.Equal(1, result.Rows);
        Assert.Single(sink.Columns!);
    }

    [Fact]
    public async Task A_procedure_gives_its_outputs()
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("""
            CREATE PROCEDURE book(patient int, OUT at timestamptz, INOUT fee numeric, OUT note text) LANGUAGE plpgsql AS
            $$ BEGIN at := timestamptz '2026-03-05 14:30+11'; fee := fee * patient; note := NULL; END $$
            """);
        QueryCommand call = new("book")
        {
            Type = CommandType.StoredProcedure,
            ExecutionMode = ExecutionMode.NonQuery,
            Parameters =
            [
                EngineBench.Parameter("@patient", "3", SqlType.Int),
                new("@at") { Direction = ParameterDirection.Output, Type = SqlType.DateTimeOffset },
                EngineBench.Parameter("fee", "1.10", SqlType.Decimal) with { Direction = ParameterDirection.InputOutput, Size = 9 },
                new("@note") { Direction = ParameterDirection.Output },
            ],
        };
        var result = await bench.RunAsync(call);
        Assert.Equal(
            [
                new("@at", ParameterDirection.Output, SqlType.DateTimeOffset, "2026-03-05T03:30:00+00:00", null),
                new("fee", ParameterDirection.InputOutput, SqlType.Decimal, "3.30", 9),
                new("@note", ParameterDirection.Output, null, null, null),
            ],
            result.Parameters!);
    }

    [Fact]
    public async Task All_parameters_that_cannot_be_bound_are_named_at_once_and_nothing_runs()
    {
        await using var bench = await postgres.NewAsync();
        var result = await bench.RunAsync(new QueryCommand("SELECT @a, @b, @c, @d")
        {
            Parameters =
            [
                EngineBench.Parameter("a", "many", SqlType.Int),
                EngineBench.Parameter("@b", "x", SqlType.Variant),
                EngineBench.Parameter("@c", "ok"),
                EngineBench.Parameter("@d", "%%", SqlType.VarBinary),
            ],
        });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal(["parameters.@a", "parameters.@b", "parameters.@d"], result.Error!.Errors!.Select(e => e.Field));
        Assert.DoesNotContain("many", result.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_limit_really_cancels_the_statement()
    {
        var time = new ManualTime();
        await using var watcher = await postgres.NewAsync();
        await using var bench = new EngineBench(watcher.Engine, time);
        var running = bench.RunAsync(new QueryCommand("SELECT pg_sleep(600) /* limited */"), limit: TimeSpan.FromSeconds(5));
        await ActiveAsync(watcher, "limited", 1);
        time.Advance(TimeSpan.FromSeconds(5));
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.ExecutionTimeout, 504), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        await ActiveAsync(watcher, "limited", 0);
    }

    [Fact]
    public async Task The_callers_cancel_stops_the_statement_also_while_the_sink_is_waited_for()
    {
        await using var bench = await postgres.NewAsync();
        using var cancel = new CancellationTokenSource();
        var blocked = new TaskCompletionSource();
        var sink = new CollectingSink
        {
            OnRow = async (_, stop) =>
            {
                blocked.TrySetResult();
                await Task.Delay(Timeout.Infinite, stop);
            },
        };
        var running = bench.RunAsync(new QueryCommand("SELECT generate_series(1, 100000000) AS i, repeat('x', 1000) /* blocked */"), sink, cancel: cancel);
        await blocked.Task;
        await cancel.CancelAsync();
        var result = await running;
        Assert.Equal((Ending.Cancelled, Executed.No), (result.Ending, result.Executed));
        await ActiveAsync(bench, "blocked", 0);
    }

    [Fact]
    public async Task A_sink_that_wants_no_more_does_not_stop_the_command()
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("CREATE TABLE t (id int)");
        var sink = new CollectingSink(maxRows: 2);
        var result = await bench.RunAsync("INSERT INTO t SELECT generate_series(1, 5000) RETURNING id", sink);
        Assert.Equal((Ending.Successful, Executed.Yes, 2L), (result.Ending, result.Executed, result.Rows));
        Assert.Equal("5000", await bench.ValueAsync("SELECT count(*) FROM t"));
    }

    [Fact]
    public async Task A_sink_that_throws_cancels_the_statement()
    {
        await using var bench = await postgres.NewAsync();
        var full = new ErrorDetails(ErrorTypes.HaloLink, 507, "full") { Code = FailureCodes.SpoolFull };
        var sink = new CollectingSink { OnRow = (row, _) => row == 3 ? throw new Link.Rows.RowSinkException(full) : ValueTask.CompletedTask };
        var result = await bench.RunAsync("SELECT generate_series(1, 1000000000) AS i /* full */", sink);
        Assert.Equal((Ending.Failed, Executed.No, full), (result.Ending, result.Executed, result.Error));
        await ActiveAsync(bench, "full", 0);
    }

    [Fact]
    public async Task A_database_that_is_away_is_told_and_nothing_ran()
    {
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, $"Host=127.0.0.1;Port={PostgresServer.FreePort()};Username=u;Password=secret", TimeProvider.System));
        var result = await bench.RunAsync("SELECT 1");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable, 503), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
    }

    [Fact]
    public async Task A_backend_that_is_killed_leaves_the_fate_unknown_and_the_next_query_works()
    {
        await using var bench = await postgres.NewAsync();
        var running = bench.RunAsync("SELECT pg_sleep(600) /* victim */");
        await ActiveAsync(bench, "victim", 1);
        await bench.RowsAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%/* victim */%' AND pid <> pg_backend_pid()");
        var result = await running;
        Assert.Equal((Ending.Failed, Executed.Unknown, "57P01"), (result.Ending, result.Executed, result.Error?.SqlState));
        Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
    }

    [Fact]
    public async Task A_catalogue_is_another_database_of_the_same_server()
    {
        await using var bench = await postgres.NewAsync();
        var sink = new CollectingSink();
        var result = await new CommandRunner(bench.Engine, TimeProvider.System).RunAsync(
            new(new("SELECT current_database() AS d"), "postgres", null, 1, TimeSpan.FromMinutes(1)), sink, TestContext.Current.CancellationToken);
        Assert.Equal((Ending.Successful, """[{"d":"postgres"}]"""), (result.Ending, sink.Json));
    }

    [Fact]
    public async Task The_databases_identity_is_its_systems_and_its_own()
    {
        await using var bench = await postgres.NewAsync();
        await using var connection = await bench.Engine.OpenAsync(null, null, TestContext.Current.CancellationToken);
        Assert.Matches("^[0-9]+/[0-9]+$", await bench.Engine.ReadIdentityAsync(connection, TestContext.Current.CancellationToken));
    }

    /// <summary>Waits until so many statements with the mark are active.</summary>
    static async Task ActiveAsync(EngineBench bench, string mark, int count)
    {
        while (await bench.ValueAsync($"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%/* {mark} *_' AND pid <> pg_backend_pid()")
            != count.ToString(System.Globalization.CultureInfo.InvariantCulture))
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        }
    }
}
