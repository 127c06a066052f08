using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>A pooler between Link and server: in session mode nothing differs, whatever it ignores; in another it is named, and nothing is set for others.</summary>
public sealed class PgBouncerTests : IAsyncLifetime
{
    PostgresServer _server = null!;
    string _database = "";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        Assert.SkipWhen(PgBouncer.Missing is not null, PgBouncer.Missing ?? "");
        _server = await PostgresServer.StartAsync("fsync=off");
        _database = await _server.CreateDatabaseAsync();
        await using var direct = Bench(_database);
        var name = DatabaseEngines.FindTarget(EngineNames.Postgres, _database)!.Database;
        foreach (var setting in (string[])["DateStyle = 'German'", "extra_float_digits = -5", "bytea_output = 'escape'", "IntervalStyle = 'iso_8601'"])
            await direct.DoAsync($"ALTER DATABASE {name} SET {setting}");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("ignore_startup_parameters = options")]
    [InlineData("ignore_startup_parameters = options,extra_float_digits")]
    public async Task In_session_mode_values_are_those_of_a_direct_connection(string setting)
    {
        await using var bouncer = await PgBouncer.StartAsync(_server, "pool_mode = session", setting);
        await using var bench = Bench(bouncer.Before(_database) + ";Maximum Pool Size=1");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal("[{\"d\":\"2024-02-01\",\"t\":\"2024-02-01T03:04:05\",\"f\":0.30000000000000004,\"b\":\"AP8=\",\"i\":\"1 day 02:03:04\"}]",
                await bench.RowsAsync("SELECT DATE '2024-02-01' d, TIMESTAMP '2024-02-01 03:04:05' t, 0.1::float8 + 0.2::float8 f, '\\x00ff'::bytea b, INTERVAL '1 day 02:03:04' i"));
            // What a query changes is changed for itself alone.
            await bench.DoAsync("SET DateStyle = 'SQL, DMY'; SET extra_float_digits = 0; SELECT pg_advisory_lock(5)");
        }
        await using var direct = Bench(_database);
        await Eventually.BecomesAsync(() => direct.ValueAsync("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), count => count == "0");
    }

    [Theory]
    [InlineData("pool_mode = transaction")]
    [InlineData("pool_mode = statement")]
    [InlineData("pool_mode = transaction", "ignore_startup_parameters = options")]
    [InlineData("pool_mode = transaction", "ignore_startup_parameters = options", "server_round_robin = 1")]
    public async Task In_another_mode_it_is_named_and_nothing_runs(params string[] settings)
    {
        await using var bouncer = await PgBouncer.StartAsync(_server, settings);
        await using var bench = Bench(bouncer.Before(_database));
        var result = await bench.RunAsync(new QueryCommand("CREATE TABLE t (id int)") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable, 503), (result.Ending, result.Executed, result.Error?.Code, result.Error?.ErrorCode));
        Assert.Contains("transaction mode", result.Error!.ErrorMessage, StringComparison.Ordinal);
        await using var direct = Bench(_database);
        Assert.Equal("null", await direct.ValueAsync("SELECT to_regclass('t')::text"));
    }

    [Fact]
    public async Task When_it_goes_between_two_writes_the_second_surely_did_not_run()
    {
        var bouncer = await PgBouncer.StartAsync(_server, "pool_mode = session");
        await using var bench = Bench($"{_database};Port={bouncer.Port}");
        await bench.DoAsync("CREATE TABLE t (id int)");
        await bouncer.DisposeAsync();
        var away = await bench.RunAsync(new QueryCommand("INSERT INTO t VALUES (1)") { ExecutionMode = ExecutionMode.NonQuery });
        Assert.Equal((Executed.No, FailureCodes.DatabaseUnavailable), (away.Executed, away.Error?.Code));
        await using var direct = Bench(_database);
        Assert.Equal("0", await direct.ValueAsync("SELECT count(*) FROM t"));
    }

    static EngineBench Bench(string connectionString) => new(DatabaseEngines.Create(EngineNames.Postgres, connectionString, TimeProvider.System));
}
