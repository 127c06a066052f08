using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Proxy;

namespace Halo.Link.Tests.Engines.Connections;

/// <summary>A database that cannot be had is told in its own words, is asked no more often than it should be, and serves again as soon as it can.</summary>
public sealed class DatabaseConnectorTests(SharedPostgres postgres)
{
    const string Password = "hunter2-secret";

    /// <summary>What makes a connection fail, and what is said of it.</summary>
    public static TheoryData<string, string, string?, string, string> Failures => new()
    {
        { "sqlite", "Data Source=/nowhere/practice.db;Mode=ReadWrite", null, "unable to open database file", "There is no file /nowhere/practice.db" },
        { "postgres", "{0};Database=nowhere", "3D000", "database \"nowhere\" does not exist", "Correct the database's name" },
        { "postgres", "{0};Username=nobody;Password=" + Password, "28000", "role \"nobody\" does not exist", "Correct the login" },
        { "postgres", "{0};Username=crowd", "53300", "too many connections for role \"crowd\"", "max_connections" },
        { "postgres", "{0};Username=outsider", "42501", "permission denied for database", "Grant the login CONNECT" },
        { "postgres", "{0};Username=keeper;Password=" + Password, "28P01", "password authentication failed for user \"keeper\"", "Correct the login or its password" },
        { "postgres", "{0};SSL Mode=Require", null, "SSL", "TLS" },
        { "postgres", "Host=127.0.0.1;Port={1};Username=x;Password=" + Password, null, "refused", "Start PostgreSQL" },
        { "postgres", "Host=no-such-host.invalid;Username=x;Timeout=3", null, "", "Check" },
        { "sqlServer", "Server=127.0.0.1,{1};User Id=x;Password=" + Password + ";Connect Timeout=2;Connect Retry Count=0", null, "", "" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_failure_is_told_in_the_databases_words_with_what_to_do(string engine, string connectionString, string? sqlState, string words, string advice)
    {
        var database = engine == "postgres" ? await ProtectedDatabaseAsync() : "";
        await using var made = DatabaseEngines.Create(engine,
            string.Format(System.Globalization.CultureInfo.InvariantCulture, connectionString, database, PostgresServer.FreePort()), TimeProvider.System);
        using var connector = new DatabaseConnector(made, null, TimeProvider.System, new(TimeProvider.System));
        var result = await RunAsync(connector);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal(sqlState, result.Error!.SqlState);
        Assert.Contains(words, result.Error.ErrorMessage, StringComparison.OrdinalIgnoreCase);
        Assert.Contains(advice, connector.Outage!.Fault.Words, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, connector.Outage.Fault.Words + result.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_that_was_refused_is_tried_once_in_thirty_seconds_whoever_asks_and_then_more_seldom()
    {
        var database = await ProtectedDatabaseAsync();
        var time = new ManualTime();
        var port = new Npgsql.NpgsqlConnectionStringBuilder(database).Port;
        await using var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, port));
        var login = $"{database};Port={proxy.Port};Username=keeper;Password=";
        var logins = new LoginRefusals(time);
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, login + Password, time);
        await using var sameLogin = DatabaseEngines.Create(EngineNames.Postgres, login + Password, time);
        using var connector = new DatabaseConnector(engine, null, time, logins);
        using var other = new DatabaseConnector(sameLogin, null, time, logins);
        // Twelve queries at once on one site, then on another that uses the same login.
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => RunAsync(connector))), r => Assert.Equal("28P01", r.Error?.SqlState));
        Assert.Equal("28P01", (await RunAsync(other)).Error?.SqlState);
        Assert.Equal(1, proxy.Accepted);
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal("28P01", (await RunAsync(connector)).Error?.SqlState);
        Assert.Equal("28P01", (await RunAsync(other)).Error?.SqlState);
        Assert.Equal(1, proxy.Accepted);
        time.Advance(TimeSpan.FromSeconds(2));
        await Eventually.BecomesAsync(() => Task.FromResult(proxy.Accepted), accepted => accepted == 2);
        // The second refusal has arrived: the next try is a minute away.
        await Eventually.BecomesAsync(() => Task.FromResult(logins.Wait(connector)), wait => wait > TimeSpan.FromSeconds(31));
        time.Advance(TimeSpan.FromSeconds(50));
        Assert.Equal("28P01", (await RunAsync(other)).Error?.SqlState);
        Assert.Equal(2, proxy.Accepted);
        // Another password is another login: a change of the settings is tried at once.
        await using var corrected = DatabaseEngines.Create(EngineNames.Postgres, login + "right", time);
        using var mended = new DatabaseConnector(corrected, null, time, logins);
        Assert.Equal(Ending.Successful, (await RunAsync(mended)).Ending);
        // And one that the server takes now is taken at the next try.
        await using (var keeper = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System)))
            await keeper.DoAsync($"ALTER ROLE keeper PASSWORD '{Password}'");
        await Eventually.BecomesAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(30));
            return (await RunAsync(connector)).Ending;
        }, ending => ending == Ending.Successful);
        Assert.Null(connector.Outage);
        // The other site hears of it: it does not wait for a time of its own.
        await Eventually.BecomesAsync(() => Task.FromResult(other.Outage), outage => outage is null);
        Assert.Equal(Ending.Successful, (await RunAsync(other)).Ending);
    }

    [Fact]
    public async Task What_one_site_shows_of_a_login_ends_the_wait_of_all_that_use_it()
    {
        var database = await ProtectedDatabaseAsync();
        var time = new ManualTime();
        var logins = new LoginRefusals(time);
        var login = $"{database};Username=keeper;Password={Password}";
        var sites = Enumerable.Range(0, 4).Select(_ => new DatabaseConnector(DatabaseEngines.Create(EngineNames.Postgres, login, time), null, time, logins)).ToList();
        foreach (var site in sites)
            Assert.Equal("28P01", (await RunAsync(site)).Error?.SqlState);
        await using (var keeper = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System)))
            await keeper.DoAsync($"ALTER ROLE keeper PASSWORD '{Password}'");
        // The one try that is due in half a minute serves them all; who did not have it would wait as long again.
        time.Advance(TimeSpan.FromSeconds(30));
        await Eventually.BecomesAsync(() => Task.FromResult(sites.Count(s => s.Outage is null)), n => n == sites.Count);
        foreach (var site in sites)
        {
            Assert.Equal(Ending.Successful, (await RunAsync(site)).Ending);
            site.Dispose();
            await site.Engine.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_database_that_refuses_a_login_which_works_elsewhere_holds_up_no_other()
    {
        var (open, closed) = (await ProtectedDatabaseAsync(), await ProtectedDatabaseAsync());
        var closedName = DatabaseEngines.FindTarget(EngineNames.Postgres, closed)!.Database;
        await using (var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, open, TimeProvider.System)))
            await SetAccessAsync(bench, $"host {closedName} keeper 127.0.0.1/32 reject");
        var time = new ManualTime();
        var logins = new LoginRefusals(time);
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, $"{open};Username=keeper;Password=right", time);
        await using var refused = DatabaseEngines.Create(EngineNames.Postgres, $"{closed};Username=keeper;Password=right", time);
        // The server reads its rules when it comes to it.
        await Eventually.BecomesAsync(
            () => new CommandRunner(refused, TimeProvider.System).RunAsync(
                new(new("SELECT 1"), null, null, 1, TimeSpan.FromMinutes(1)), new CollectingSink(), TestContext.Current.CancellationToken),
            result => result.Error?.SqlState == "28000");
        using var site = new DatabaseConnector(engine, null, time, logins);
        using var other = new DatabaseConnector(refused, null, time, logins);
        Assert.Equal(Ending.Successful, (await RunAsync(site)).Ending);
        for (var i = 0; i < 3; i++)
        {
            var failed = await RunAsync(other);
            Assert.Equal(("28000", TimeSpan.FromSeconds(30)), (failed.Error?.SqlState, failed.RetryAfter));
            Assert.Equal(Ending.Successful, (await RunAsync(site)).Ending);
        }
        // Nor does what works elsewhere let the refused one be tried sooner.
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(Ending.Successful, (await RunAsync(site)).Ending);
        Assert.Equal(TimeSpan.FromSeconds(20), (await RunAsync(other)).RetryAfter);
    }

    [Fact]
    public async Task A_caller_is_told_how_long_the_login_waits()
    {
        var database = await ProtectedDatabaseAsync();
        var time = new ManualTime();
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, $"{database};Username=keeper;Password={Password}", time);
        using var connector = new DatabaseConnector(engine, null, time, new(time));
        Assert.Null(connector.RetryAfter);
        Assert.Equal(TimeSpan.FromSeconds(30), (await RunAsync(connector)).RetryAfter);
        time.Advance(TimeSpan.FromSeconds(12));
        var late = await RunAsync(connector);
        Assert.Equal((TimeSpan.FromSeconds(18), TimeSpan.FromSeconds(18)), (late.RetryAfter, connector.RetryAfter));
        Assert.Equal(18_000, Halo.Link.Work.Immediate.Outcomes.From(late).RetryAfterMs);
        // A server that is away is looked at every few seconds.
        await using var away = DatabaseEngines.Create(EngineNames.Postgres, $"Host=127.0.0.1;Port={PostgresServer.FreePort()};Username=x", time);
        using var gone = new DatabaseConnector(away, null, time, new(time));
        var check = gone.CheckAsync();
        await Eventually.BecomesAsync(() => Task.FromResult(gone.Outage), outage => outage is not null);
        Assert.Equal(TimeSpan.FromSeconds(5), gone.RetryAfter);
        time.Advance(TimeSpan.FromSeconds(3));
        await Assert.ThrowsAsync<DatabaseUnavailableException>(() => check);
    }

    [Fact]
    public async Task A_server_that_is_away_is_told_at_once_and_is_found_again_without_any_query()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System);
        using var connector = new DatabaseConnector(engine, null, TimeProvider.System, new(TimeProvider.System));
        var changes = new System.Collections.Concurrent.ConcurrentQueue<bool>();
        connector.Changed += c => changes.Enqueue(c.Outage is null);
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
        await server.StopAsync();
        for (var i = 0; i < 20; i++)
        {
            var result = await RunAsync(connector);
            Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable), (result.Ending, result.Executed, result.Error?.Code));
        }
        Assert.Equal([false], changes);
        await server.StartAgainAsync();
        await Eventually.BecomesAsync(() => Task.FromResult(connector.Outage), outage => outage is null);
        Assert.True(changes.Last());
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
    }

    [Fact]
    public async Task A_query_waits_two_seconds_for_a_server_that_restarts_and_none_waits_for_one_that_stays_away()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        var time = new ManualTime();
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System);
        using var connector = new DatabaseConnector(engine, null, time, new(time));
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
        await server.StopAsync();
        var waiting = RunAsync(connector);
        await Eventually.BecomesAsync(() => Task.FromResult(connector.Outage), outage => outage is not null);
        Assert.False(waiting.IsCompleted);
        await server.StartAgainAsync();
        await Eventually.BecomesAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(waiting.IsCompleted);
        }, ended => ended);
        Assert.Equal(Ending.Successful, (await waiting).Ending);

        await server.StopAsync();
        var late = RunAsync(connector);
        await Eventually.BecomesAsync(() => Task.FromResult(connector.Outage), outage => outage is not null);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(FailureCodes.DatabaseUnavailable, (await late).Error?.Code);
        Assert.Equal(FailureCodes.DatabaseUnavailable, (await RunAsync(connector)).Error?.Code);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_middle_of_a_query_shows_that_the_server_is_away()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System);
        using var connector = new DatabaseConnector(engine, null, TimeProvider.System, new(TimeProvider.System));
        var running = RunAsync(connector, "SELECT pg_sleep(600) /* victim */");
        await using (var watcher = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System)))
            await Eventually.BecomesAsync(() => watcher.ValueAsync("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%/* victim *_' AND pid <> pg_backend_pid()"), n => n == "1");
        await server.KillAsync();
        Assert.Equal((Ending.Failed, Executed.Unknown), ((await running) is var r ? (r.Ending, r.Executed) : default));
        await Eventually.BecomesAsync(() => Task.FromResult(connector.Outage), outage => outage is not null);
    }

    [Fact]
    public async Task A_file_that_is_no_database_any_more_shows_within_one_query()
    {
        using var file = new SqliteFile();
        await using var engine = DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={file.Path}", TimeProvider.System);
        using var connector = new DatabaseConnector(engine, null, TimeProvider.System, new(TimeProvider.System));
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
        await File.WriteAllTextAsync(file.Path, string.Concat(Enumerable.Repeat("no database at all ", 100)), TestContext.Current.CancellationToken);
        Assert.Equal(26, (await RunAsync(connector, "SELECT * FROM sqlite_master")).Error?.ErrorCode);
        var outage = await Eventually.BecomesAsync(() => Task.FromResult(connector.Outage), o => o is not null);
        Assert.Contains("is no SQLite database", outage!.Fault.Words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_query_that_fails_by_itself_says_nothing_of_the_database()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var engine = DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System);
        using var connector = new DatabaseConnector(engine, null, TimeProvider.System, new(TimeProvider.System));
        foreach (var sql in (string[])["SELECT 1/0", "SELEC", "SELECT * FROM nowhere", "SELECT 'x'::int", "COMMIT; SELECT 1/0"])
            Assert.Equal(Ending.Failed, (await RunAsync(connector, sql)).Ending);
        Assert.Null(connector.Outage);
    }

    static Task<ExecutionResult> RunAsync(DatabaseConnector connector, string sql = "SELECT 1") =>
        new CommandRunner(connector.Engine, TimeProvider.System, connector).RunAsync(
            new(new(sql), null, null, 1, TimeSpan.FromMinutes(1)), new CollectingSink(), TestContext.Current.CancellationToken);

    /// <summary>On a server of its own rules: <c>keeper</c> needs the password "right", <c>crowd</c> has no connection left, <c>outsider</c> may not connect.</summary>
    async Task<string> ProtectedDatabaseAsync()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        var name = DatabaseEngines.FindTarget(EngineNames.Postgres, database)!.Database;
        await bench.DoAsync($"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC");
        await bench.DoAsync(
            $"""
            DO $$ BEGIN
              PERFORM pg_advisory_xact_lock(1);
              IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'keeper') THEN
                CREATE ROLE keeper LOGIN SUPERUSER; CREATE ROLE crowd LOGIN CONNECTION LIMIT 0; CREATE ROLE outsider LOGIN;
              END IF;
              ALTER ROLE keeper PASSWORD 'right';
            END $$
            """);
        await bench.DoAsync($"GRANT CONNECT ON DATABASE {name} TO crowd");
        await SetAccessAsync(bench);
        return database;
    }

    /// <param name="rule">A line of pg_hba.conf that comes before the others.</param>
    static async Task SetAccessAsync(EngineBench bench, string rule = "# none")
    {
        var hba = System.Text.Json.JsonSerializer.Deserialize<string>(await bench.ValueAsync("SHOW hba_file"));
        await bench.DoAsync($"COPY (VALUES ('{rule}'), ('host all keeper 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust'), ('local all all trust')) TO '{hba}'");
        await bench.ValueAsync("SELECT pg_reload_conf()");
    }
}
