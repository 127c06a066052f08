using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.Soak.World;

/// <summary>API, Link, databases and the proxies between them; with every period short, so that minutes hold many of them.</summary>
sealed class SoakWorld : IAsyncDisposable
{
    /// <summary>Limits of the queries, as the API has them.</summary>
    public const int ImmediateMs = 3000, AsyncMs = 5000, UploadMs = 12_000, GraceMs = 1500, ReturnWithinMs = 5000;

    SoakWorld(HaloFixture fixture, LinkProgram link, SocketProxy apiLine, Notebook notebook) =>
        (Fixture, Link, ApiLine, Notebook) = (fixture, link, apiLine, notebook);

    public HaloFixture Fixture { get; }
    public ApiProgram Api => Fixture.Api;
    public LinkProgram Link { get; }
    public Notebook Notebook { get; }

    /// <summary>Between Link and API.</summary>
    public SocketProxy ApiLine { get; }

    /// <summary>The API's store, where it is PostgreSQL.</summary>
    public PostgresServer? Store { get; private init; }

    /// <summary>The server of the practice on PostgreSQL, where there is one.</summary>
    public PostgresServer? Server { get; private init; }

    /// <summary>The practice on SQL Server.</summary>
    public required SqlServerPractice SqlServer { get; init; }

    /// <summary>Between Link and PostgreSQL's server.</summary>
    public SocketProxy? DatabaseLine { get; private init; }

    /// <summary>Under the API's data and the Link's, where disks can be mounted.</summary>
    public SmallDisk? ApiDisk { get; private init; }
    public SmallDisk? LinkDisk { get; private init; }

    /// <summary>When the store last refused work, if it did: killed, frozen or full.</summary>
    public DateTimeOffset? StoreAway { get; set; }

    /// <summary>When the API last ended, if it did.</summary>
    public DateTimeOffset? ApiAway { get; set; }

    public required IReadOnlyList<Practice> Practices { get; init; }
    public IReadOnlyList<IntegratorClient> Integrators { get; private set; } = [];

    public static async Task<SoakWorld> StartAsync(SoakOptions options, Notebook notebook)
    {
        var store = options.PostgresStore ? await PostgresServer.StartAsync("fsync=off") : null;
        var server = PostgresServer.Missing is null ? await PostgresServer.StartAsync("fsync=off") : null;
        var fixture = HaloFixture.Create();
        var (address, certificate) = TlsSettings.Add(fixture);
        foreach (var (name, value) in await ApiSettingsAsync(store))
            fixture.Api.Settings[name] = value;

        var apiLine = new SocketProxy(new IPEndPoint(IPAddress.Loopback, new Uri(address).Port));
        var practices = new List<Practice> { new("sqlite", fixture.SqliteFile()) };
        var sites = new List<LinkSite> { new("sqlite", fixture.SqliteFile()) { PracticeManagementSiteId = "1" } };
        SocketProxy? databaseLine = null;
        if (server is not null)
        {
            var direct = await server.CreateDatabaseAsync();
            databaseLine = new(new IPEndPoint(IPAddress.Loopback, server.Port));
            practices.Add(new("postgres", direct));
            sites.Add(new("postgres", direct.Replace($"Port={server.Port}", $"Port={databaseLine.Port}", StringComparison.Ordinal)) { PracticeManagementSiteId = "2" });
        }
        var sqlServer = new SqlServerPractice(options.Seed);
        practices.Add(sqlServer);
        sites.Add(new("sqlServer", sqlServer.ConnectionString) { PracticeManagementSiteId = "3", Policy = SqlServerPractice.Policy });
        foreach (var practice in practices)
            await practice.PrepareAsync(options.Seed);
        var link = fixture.AddLink(LinkSettings(apiLine.Port), [.. sites]);
        link.Environment["SSL_CERT_FILE"] = certificate;
        var world = new SoakWorld(fixture, link, apiLine, notebook)
        {
            Store = store,
            Server = server,
            SqlServer = sqlServer,
            DatabaseLine = databaseLine,
            ApiDisk = await SmallDisk.MountAsync(fixture.Api.DataDirectory),
            LinkDisk = await SmallDisk.MountAsync(link.DataDirectory),
            Practices = practices,
        };
        link.Heard = line => world.Hear("link", line);
        fixture.Api.Heard = line => world.Hear("api ", line);
        await world.OpenAsync();
        return world;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var disk in new[] { ApiDisk, LinkDisk })
        {
            if (disk is not null)
                await disk.UnmountAsync();
        }
        await Fixture.DisposeAsync();
        await ApiLine.DisposeAsync();
        await SqlServer.DisposeAsync();
        if (DatabaseLine is not null)
            await DatabaseLine.DisposeAsync();
        foreach (var server in new[] { Server, Store })
        {
            if (server is not null)
                await server.DisposeAsync();
        }
    }

    async Task OpenAsync()
    {
        await Api.StartAsync();
        var sites = await Link.StartAsync();
        for (var i = 0; i < Practices.Count; i++)
            Practices[i].SiteId = sites[i].Id;
        var integrators = new List<IntegratorClient>();
        for (var i = 0; i < 2; i++)
        {
            integrators.Add(await Fixture.MakeIntegratorAsync($"Soak {i}"));
            foreach (var practice in Practices)
                await Api.PairAsync(integrators[i], practice.SiteId);
        }
        Integrators = integrators;
    }

    void Hear(string who, string line)
    {
        Notebook.Note($"{who} | {line}");
        // Kestrel's word for a TLS connection that was cut while it wrote its end.
        if (line.Contains("Kestrel[0] Unhandled exception", StringComparison.Ordinal) && line.Contains("The encryption operation failed", StringComparison.Ordinal))
            return;
        if (line.Contains("fault of", StringComparison.Ordinal) || line.Contains("Unhandled exception", StringComparison.Ordinal))
            Notebook.Defect($"{who.Trim()} met a fault of its own: {line}");
    }

    static async Task<Dictionary<string, string>> ApiSettingsAsync(PostgresServer? store)
    {
        static string N(int number) => number.ToString(CultureInfo.InvariantCulture);
        var settings = new Dictionary<string, string>
        {
            ["Halo__Limits__ImmediateExecutionMs"] = N(ImmediateMs),
            ["Halo__Limits__AsyncExecutionMs"] = N(AsyncMs),
            ["Halo__Limits__UploadMs"] = N(UploadMs),
            ["Halo__Limits__GraceMs"] = N(GraceMs),
            ["Halo__Limits__PageBytes"] = N(128 * 1024),
            ["Halo__Limits__SlowReaderMs"] = N(2000),
            ["Halo__Links__PingAfterMs"] = N(1000),
            ["Halo__Links__DeadAfterPingMs"] = N(1000),
            ["Halo__Links__UnreachableAfterMs"] = N(8000),
            ["Halo__Links__ReturnWithinMs"] = N(ReturnWithinMs),
            ["Halo__HeartbeatSeconds"] = N(5),
        };
        if (store is not null)
        {
            settings["Halo__Storage__ConnectionString"] = await store.CreateDatabaseAsync();
            settings["Halo__Encryption__MasterKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        }
        return settings;
    }

    static JsonObject LinkSettings(int port) => new()
    {
        ["api"] = $"https://127.0.0.1:{port}",
        ["connection"] = new JsonObject
        {
            ["pingAfterMs"] = 1000,
            ["deadAfterPingMs"] = 1000,
            ["firstWaitMs"] = 50,
            ["longestWaitMs"] = 1000,
            ["callWithinMs"] = 3000,
        },
        ["upload"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 1000, ["stallMs"] = 2000 },
        ["spool"] = new JsonObject { ["maxBytes"] = 3 << 20, ["waitForRoomMs"] = 700 },
        ["lanes"] = new JsonObject { ["immediate"] = 4, ["async"] = 3 },
    };
}
