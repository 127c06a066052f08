using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.Client.Tests.Programs;

/// <summary>API, Link and a practice's database, all real, and a client that is paired with it; a proxy stands on each of its two ways.</summary>
public sealed class Practice : IAsyncDisposable
{
    Practice(string engine, string database, HaloFixture fixture, SocketProxy inwards, SocketProxy line) =>
        (Engine, Database, Fixture, Inwards, Line) = (engine, database, fixture, inwards, line);

    /// <summary><c>sqlite</c> or <c>postgres</c>.</summary>
    public string Engine { get; }

    /// <summary>Its connection string, for looking without Halo.</summary>
    public string Database { get; }

    public HaloFixture Fixture { get; }

    /// <summary>Between client and API.</summary>
    public SocketProxy Inwards { get; }

    /// <summary>Between Link and API.</summary>
    public SocketProxy Line { get; }

    public LinkProgram Link { get; private set; } = null!;

    public Site Info { get; private set; } = null!;

    public IntegratorClient Integrator { get; private set; } = null!;

    public HaloClient Client { get; private set; } = null!;

    public HaloSite Site { get; private set; } = null!;

    public static async Task<Practice> OpenAsync(string engine, SharedPostgres postgres)
    {
        // PostgreSQL's server is looked for before anything is started: without it the test is skipped.
        var database = engine == "postgres" ? await postgres.Server.CreateDatabaseAsync() : null;
        var fixture = await HaloFixture.StartAsync(("Halo__Limits__PageBytes", "65536"));
        var api = new IPEndPoint(IPAddress.Loopback, fixture.Api.Address.Port);
        var practice = new Practice(engine, database ?? fixture.SqliteFile(), fixture, new(api), new(api));
        try
        {
            (practice.Link, practice.Info, practice.Integrator) = await fixture.AddPairedAsync(new LinkSite(engine, practice.Database), new()
            {
                ["api"] = $"http://127.0.0.1:{practice.Line.Port}",
                // It comes back soon after each cut.
                ["connection"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 },
                ["upload"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 },
            });
            practice.Client = practice.MakeClient();
            practice.Site = practice.Client.Sites.At(practice.Info.Id);
            return practice;
        }
        catch
        {
            await practice.DisposeAsync();
            throw;
        }
    }

    /// <summary>A client by way of the proxy.</summary>
    public HaloClient MakeClient(Action<HaloClientOptions>? configure = null)
    {
        var options = new HaloClientOptions { Address = new($"http://127.0.0.1:{Inwards.Port}"), Key = Integrator.Key, RetryTimeout = Eventually.Limit };
        configure?.Invoke(options);
        return new(options);
    }

    /// <summary>Rows that the database makes while it is read.</summary>
    public string Numbers(int rows) => Engine == "postgres"
        ? $"SELECT i AS id, 'Patient ' || i AS name, i * 0.25 AS amount, CASE WHEN i % 3 = 0 THEN i END AS third FROM (SELECT generate_series(1, {rows}::bigint) AS i) AS n"
        : $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i AS id, 'Patient ' || i AS name, i * 0.25 AS amount, CASE WHEN i % 3 = 0 THEN i END AS third FROM n";

    /// <summary>Writes <paramref name="n"/> into the table <c>written</c> after some <paramref name="seconds"/>.</summary>
    public FormattableString SlowWrite(int n, int seconds = 3)
    {
        if (Engine == "postgres")
            return $"INSERT INTO written SELECT {n} FROM pg_sleep({seconds})";
        var steps = 3_000_000 * seconds;
        return $"INSERT INTO written WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {steps}) SELECT {n} FROM n WHERE i = {steps}";
    }

    public Task<long> CreateWrittenAsync() => Site.ExecuteAsync($"CREATE TABLE written (n int)");

    public Task<long> CountWrittenAsync(int n) => Site.ScalarAsync<long>($"SELECT COUNT(*) FROM written WHERE n = {n}");

    /// <summary>Waits until a query is with the Link.</summary>
    public Task WhenBusyAsync() => Eventually.BecomesAsync(IsBusyAsync, busy => busy);

    /// <summary>Waits until the Link has told the end of every query that was with it.</summary>
    public Task WhenIdleAsync() => Eventually.BecomesAsync(IsBusyAsync, busy => !busy);

    async Task<bool> IsBusyAsync() =>
        (await Integrator.GetAsync($"integrator/sites/{Info.Id}/queries?status=executing&limit=1")).Body.Contains("\"id\"", StringComparison.Ordinal);

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        await Fixture.DisposeAsync();
        await Inwards.DisposeAsync();
        await Line.DisposeAsync();
    }
}
