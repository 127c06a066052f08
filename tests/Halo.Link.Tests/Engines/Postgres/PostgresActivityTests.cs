using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>The practice's DBA sees in pg_stat_activity which query of which integrator a session runs.</summary>
public sealed class PostgresActivityTests(SharedPostgres postgres)
{
    readonly Guid _query = Guid.NewGuid(), _integrator = Guid.NewGuid();

    string Mark => $"/* halo query={_query} integrator={_integrator} */ ";

    [Theory]
    [InlineData("SELECT pg_advisory_xact_lock(7)", ExecutionMode.Reader, false)]
    [InlineData("SELECT pg_advisory_xact_lock(7)", ExecutionMode.Scalar, true)]
    [InlineData("DO 'BEGIN PERFORM pg_advisory_xact_lock(7); END'", ExecutionMode.NonQuery, false)]
    [InlineData("-- mine\nSELECT pg_advisory_xact_lock(@key)", ExecutionMode.Reader, false)]
    public async Task A_statement_carries_its_query_and_integrator_before_its_text(string sql, ExecutionMode mode, bool reads)
    {
        var parameters = sql.Contains("@key", StringComparison.Ordinal) ? new[] { EngineBench.Parameter("@key", 7, SqlType.BigInt) } : [];
        var (text, name) = await SeenAsync(new(sql) { ExecutionMode = mode, Parameters = parameters }, reads ? CommandAccess.Read : CommandAccess.Write);
        Assert.Equal(Mark + sql.Replace("@key", "$1", StringComparison.Ordinal), text);
        Assert.Contains(name, new[] { $"Halo Link {_integrator}", $"halo query={_query}" });
    }

    [Fact]
    public async Task A_procedure_does_too()
    {
        var (text, _) = await SeenAsync(new("waits") { Type = CommandType.StoredProcedure, ExecutionMode = ExecutionMode.NonQuery }, CommandAccess.Write,
            "CREATE PROCEDURE waits() LANGUAGE sql AS 'SELECT pg_advisory_xact_lock(7)'");
        Assert.StartsWith(Mark + "CALL waits", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_statements_are_known_by_the_sessions_name_and_a_tag_stays_the_name()
    {
        QueryCommand script = new("SELECT 1; SELECT pg_advisory_xact_lock(7)") { ExecutionMode = ExecutionMode.NonQuery };
        Assert.Equal($"halo query={_query}", (await SeenAsync(script, CommandAccess.Write)).Name);
        Assert.Equal("Recalls", (await SeenAsync(script, CommandAccess.Write, tag: "Recalls")).Name);
    }

    [Fact]
    public async Task The_next_query_in_the_session_is_its_own()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal(Ending.Successful, (await RunAsync(bench, new("SELECT 1; SELECT 2") { ExecutionMode = ExecutionMode.NonQuery })).Ending);
        var sink = new CollectingSink();
        var other = await bench.Engine.NewRunner(TimeProvider.System).RunAsync(
            Request(new("SELECT query, current_setting('application_name') AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()"), CommandAccess.Write) with { QueryId = Guid.Empty },
            sink, TestContext.Current.CancellationToken);
        Assert.Equal(Ending.Successful, other.Ending);
        Assert.Contains($"halo query={Guid.Empty} ", sink.Json, StringComparison.Ordinal);
        Assert.Contains($"\"name\":\"Halo Link {_integrator}\"", sink.Json, StringComparison.Ordinal);
        Assert.DoesNotContain($"{_query}", sink.Json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Halo Link")]
    [InlineData(";Application Name=Of the practice's own", "Of the practice's own")]
    public async Task A_session_is_called_by_the_integrator_whose_query_it_runs_and_by_the_tag_where_there_is_one(string settings, string own)
    {
        await using var bench = await postgres.NewAsync(settings + ";Maximum Pool Size=1");
        var other = Guid.NewGuid();
        var expected = own.Length > 26 ? own[..26] : own;
        foreach (var access in (CommandAccess[])[CommandAccess.Write, CommandAccess.Read])
        {
            Assert.Equal($"{expected} {_integrator}", await NameAsync(_integrator, access));
            Assert.Equal($"{expected} {_integrator}", await NameAsync(_integrator, access));
            Assert.Equal("Recalls", await NameAsync(_integrator, access, "Recalls"));
            Assert.Equal($"{expected} {_integrator}", await NameAsync(_integrator, access));
            Assert.Equal($"{expected} {other}", await NameAsync(other, access));
            Assert.Equal(own, await NameAsync(null, access));
        }

        async Task<string> NameAsync(Guid? integrator, CommandAccess access, string? tag = null)
        {
            var sink = new CollectingSink();
            // What it calls itself does not outlive its query.
            QueryCommand command = new("SELECT current_setting('application_name') AS name, set_config('application_name', 'mine', false) AS mine");
            var result = await bench.Engine.NewRunner(TimeProvider.System).RunAsync(
                new(command, null, tag, 1, TimeSpan.FromMinutes(1), access) { IntegratorId = integrator }, sink, TestContext.Current.CancellationToken);
            Assert.Null(result.Error);
            using var rows = JsonDocument.Parse(sink.Json);
            return rows.RootElement[0].GetProperty("name").GetString()!;
        }
    }

    [Fact]
    public async Task However_many_integrators_ask_they_share_the_same_few_sessions()
    {
        await using var bench = await postgres.NewAsync();
        var sessions = new HashSet<string>();
        for (var i = 0; i < 30; i++)
        {
            var sink = new CollectingSink();
            await bench.Engine.NewRunner(TimeProvider.System).RunAsync(
                new(new("SELECT pg_backend_pid() AS pid"), null, i % 3 == 0 ? $"tag {i}" : null, 1, TimeSpan.FromMinutes(1)) { IntegratorId = Guid.NewGuid() }, sink,
                TestContext.Current.CancellationToken);
            sessions.Add(sink.Json);
        }
        Assert.Single(sessions);
    }

    [Theory]
    [InlineData("SELECT 1/0", "division by zero")]
    [InlineData("SELECT 'open", "unterminated quoted string")]
    [InlineData("/* open", "unterminated /* comment")]
    [InlineData("SELEC 1", "syntax error")]
    [InlineData("INSERT INTO nowhere VALUES (1)", "does not exist")]
    public async Task What_fails_says_and_proves_the_same_as_without(string sql, string words)
    {
        await using var bench = await postgres.NewAsync();
        var result = await RunAsync(bench, new(sql));
        Assert.Equal((Ending.Failed, Executed.No), (result.Ending, result.Executed));
        Assert.Contains(words, result.Error!.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(result.Error, (await bench.RunAsync(sql)).Error);
    }

    [Fact]
    public async Task What_cannot_run_in_a_transaction_still_runs()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal(Ending.Successful, (await RunAsync(bench, new("VACUUM pg_class") { ExecutionMode = ExecutionMode.NonQuery })).Ending);
    }

    /// <summary>Runs a command that waits for a lock, and looks at its session meanwhile.</summary>
    async Task<(string Text, string Name)> SeenAsync(QueryCommand command, CommandAccess access, string? before = null, string? tag = null)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await using var dba = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        if (before is not null)
            await dba.DoAsync(before);
        await using var holder = new Npgsql.NpgsqlConnection(database);
        await holder.OpenAsync(TestContext.Current.CancellationToken);
        await using (var hold = new Npgsql.NpgsqlCommand("SELECT pg_advisory_lock(7)", holder))
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        var running = bench.Engine.NewRunner(TimeProvider.System).RunAsync(Request(command, access) with { Tag = tag }, new CollectingSink(), TestContext.Current.CancellationToken);
        var seen = await Eventually.BecomesAsync(
            () => dba.RowsAsync("SELECT query, application_name FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"), rows => rows != "[]");
        await using (var free = new Npgsql.NpgsqlCommand("SELECT pg_advisory_unlock(7)", holder))
            await free.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Ending.Successful, (await running).Ending);
        using var row = JsonDocument.Parse(seen);
        return (row.RootElement[0].GetProperty("query").GetString()!, row.RootElement[0].GetProperty("application_name").GetString()!);
    }

    Task<ExecutionResult> RunAsync(EngineBench bench, QueryCommand command) =>
        bench.Engine.NewRunner(TimeProvider.System).RunAsync(Request(command, CommandAccess.Write), new CollectingSink(), TestContext.Current.CancellationToken);

    CommandRequest Request(QueryCommand command, CommandAccess access) =>
        new(command, null, null, 1, TimeSpan.FromMinutes(1), access) { QueryId = _query, IntegratorId = _integrator };
}
