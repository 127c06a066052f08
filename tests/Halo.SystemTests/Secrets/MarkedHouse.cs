using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halo.SystemTests.Telemetry;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.SystemTests.Secrets;

/// <summary>Both real programs at their most talkative, every secret that they are given marked, and what travels between them recorded.</summary>
sealed class MarkedHouse : IAsyncDisposable
{
    const string MasterKey = "MarkMasterKey-1234567890abcdefgh";
    const string MetricsKey = "MarkMetricsKey-3Vu96-0123456789";
    const string CollectorKey = "MarkCollectorKey-5Jd81";
    const string StorePassword = "MarkStorePassword-6Hf17";
    const string PracticePassword = "MarkPracticePassword-4Wt07";
    const string UnreachablePassword = "MarkUnreachablePassword-2Gk38";

    readonly SocketProxy _line;
    readonly ConcurrentQueue<ReadOnlyMemory<byte>> _recorded = new();
    readonly string _temporary = Directory.CreateTempSubdirectory("halo-marks-").FullName;
    readonly string? _store;

    MarkedHouse(HaloFixture fixture, SocketProxy line, Collector collector, string? store) => (Fixture, _line, Collector, _store) = (fixture, line, collector, store);

    public Marks Marks { get; } = new();

    public HaloFixture Fixture { get; }

    public Collector Collector { get; }

    public LinkProgram Link { get; private set; } = null!;

    public IntegratorClient Integrator { get; private set; } = null!;

    public Guid Site { get; private set; }

    public LineDirection Uplink => _line.Up;

    /// <summary>What went over the line between the two programs, both ways. There the marks are at home.</summary>
    public byte[] Recorded => [.. _recorded.SelectMany(piece => piece.ToArray())];

    /// <param name="postgres">Where the practice's database and the API's store are; null: both are SQLite files.</param>
    public static async Task<MarkedHouse> StartAsync(PostgresServer? postgres)
    {
        // Trusted without a password, the server takes any; the drivers carry it all the same.
        var store = postgres is null ? null : await postgres.CreateDatabaseAsync() + $";Password={StorePassword}";
        var collector = new Collector();
        var fixture = HaloFixture.Create(
            ("Halo__Enrolment", "token"), ("Halo__Telemetry__Otlp", collector.Address), ("Halo__Telemetry__MetricsKey", MetricsKey),
            ("Halo__Encryption__MasterKey", Convert.ToBase64String(Encoding.UTF8.GetBytes(MasterKey))),
            ("Logging__LogLevel__Default", "Trace"), ("Logging__LogLevel__Microsoft.AspNetCore", "Trace"));
        if (store is not null)
            fixture.Api.Settings["Halo__Storage__ConnectionString"] = store;
        var house = new MarkedHouse(fixture, new SocketProxy(new IPEndPoint(IPAddress.Loopback, fixture.Api.Address.Port)), collector, store);
        try
        {
            await house.StartAsync(postgres is null ? fixture.SqliteFile() : await postgres.CreateDatabaseAsync() + $";Password={PracticePassword}", postgres is null ? "sqlite" : "postgres");
            return house;
        }
        catch
        {
            await house.DisposeAsync();
            throw;
        }
    }

    async Task StartAsync(string practice, string engine)
    {
        _line.Up.Passed = _line.Down.Passed = piece => _recorded.Enqueue(piece.ToArray());
        foreach (var (name, value) in Exporting())
            Fixture.Api.Settings[name] = value;
        await Fixture.Api.StartAsync();
        using var made = await Fixture.Api.Admin.PostAsJsonAsync("admin/v1/enrolment-tokens", new { expiresInMinutes = 60 });
        var token = (await made.Content.ReadFromJsonAsync<JsonObject>())!["token"]!.GetValue<string>();

        Link = Fixture.AddLink(
            new JsonObject
            {
                ["api"] = $"http://127.0.0.1:{_line.Port}",
                ["logLevel"] = "Trace",
                ["enrolmentToken"] = token,
                ["telemetry"] = new JsonObject { ["otlp"] = Collector.Address },
            },
            new LinkSite(engine, "") { PracticeName = "Open Practice" },
            // Its database is away, which is said again and again.
            new LinkSite("postgres", $"Host=127.0.0.1;Port={PostgresServer.FreePort()};Username=halo;Password={UnreachablePassword};Database=away") { PracticeManagementSiteId = "2" });
        // One from the environment, one from the file.
        Link.Environment["HALOLINK__sites__0__connectionString"] = practice;
        foreach (var (name, value) in Exporting())
            Link.Environment[name] = value;
        await Link.LaunchAsync();
        Site = (await Link.Process.UntilAsync(Link.FindSitesAsync, found =>
            found.Any(s => s is { PracticeManagementSiteId: "1", Availability: Contracts.Sites.SiteAvailability.Online }))).First(s => s.PracticeManagementSiteId == "1").Id;
        using (var authority = await Fixture.Api.Admin.PutAsJsonAsync($"admin/v1/sites/{Site}/authority", new { reason = "the first one" }))
            Assert.True(authority.IsSuccessStatusCode, await authority.Content.ReadAsStringAsync());
        Integrator = await Fixture.MakeIntegratorAsync();
        await Fixture.Api.PairAsync(Integrator, Site);

        Marks.Add("the master key", MasterKey);
        Marks.Add("the metrics key", MetricsKey);
        Marks.Add("the collector's key", CollectorKey);
        Marks.Add("the store's password", StorePassword);
        Marks.Add("the practice's password", PracticePassword);
        Marks.Add("the password of the database that is away", UnreachablePassword);
        Marks.Add("the admin key", ApiProgram.AdminKey);
        Marks.Add("the subscription key", Integrator.Key);
        Marks.Add("the enrolment token", token);
        await MarkKeysAsync();
    }

    /// <summary>Searches everything that both programs have written and show, as it is now.</summary>
    public async Task SearchAsync(MarkSearch search)
    {
        search.Search("the API's log", Fixture.Api.Process.Output);
        search.Search("the Link's log", Link.Process.Output);
        foreach (var sent in Collector.Everything)
            search.Search("what was sent to the collector", sent);
        search.SearchFiles(_temporary, _ => false);
        search.SearchFiles(Fixture.TemporaryDirectory, BelongsToTheMarks);
        if (_store is not null)
            await search.SearchDatabaseAsync(_store);
        if (Link.Process.HasExited)
            return;
        search.SearchProcesses(Fixture.Api.Process.Id, Link.Process.Id);
        foreach (var path in (string[])["metrics", "health/ready", "admin/v1/sites", "admin/v1/links", "admin/v1/queries", "admin/v1/audit", "admin/v1/integrators"])
        {
            using var answer = await Fixture.Api.Admin.GetAsync(new Uri(path, UriKind.Relative));
            Assert.True(answer.IsSuccessStatusCode, path);
            search.Search(path, await answer.Content.ReadAsStringAsync());
        }
    }

    /// <summary>The operator's own configuration, the practice's own database, and the files whose purpose is to hold a key.</summary>
    bool BelongsToTheMarks(string file) =>
        file == Link.ConfigurationFile || Path.GetFileName(file).StartsWith("practice.db", StringComparison.Ordinal)
        || (Path.GetDirectoryName(file) == Link.DataDirectory && Path.GetFileName(file) is "link.key" or "spool.key");

    /// <summary>Keys and tokens that the programs make themselves.</summary>
    async Task MarkKeysAsync()
    {
        using (var key = System.Security.Cryptography.ECDsa.Create())
        {
            key.ImportPkcs8PrivateKey(await File.ReadAllBytesAsync(Path.Combine(Link.DataDirectory, "link.key")), out _);
            Marks.Add("the Link's private key", key.ExportParameters(true).D!);
        }
        Marks.Add("the Link's spool key", await File.ReadAllBytesAsync(Path.Combine(Link.DataDirectory, "spool.key")));
        foreach (var (purpose, key) in await SigningSecrets.ReadAsync(Fixture.Api.DataDirectory, _store, Encoding.UTF8.GetBytes(MasterKey)))
            Marks.Add($"the API's key for {purpose}", key);
        var line = Encoding.Latin1.GetString(Recorded);
        Marks.Add("a Link's access token", SignatureIn(line, "\"access_token\":\"", 43));
        Marks.Add("a Link's assertion", SignatureIn(line, "assertion=", 86));
    }

    /// <summary>The signature alone: the rest of a token is no secret.</summary>
    static string SignatureIn(string line, string before, int length)
    {
        var found = Regex.Match(line, $@"{before}[\w-]+\.[\w-]+\.([\w-]{{{length}}})");
        Assert.True(found.Success, $"Nothing on the line says {before}.");
        return found.Groups[1].Value;
    }

    IEnumerable<(string, string)> Exporting() =>
    [
        ("TMPDIR", _temporary), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
        ("OTEL_EXPORTER_OTLP_HEADERS", $"authorization={CollectorKey}"),
    ];

    public async ValueTask DisposeAsync()
    {
        await Fixture.DisposeAsync();
        await _line.DisposeAsync();
        Collector.Dispose();
        Directory.Delete(_temporary, recursive: true);
    }
}
