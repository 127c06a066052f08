using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Console.Tests.Browser;

/// <summary>A running service with practices, of which some have trouble, a month of history, and an operator of each role.</summary>
public sealed class ConsoleWorld : IAsyncLifetime
{
    /// <summary>What a practice or a Link may call itself.</summary>
    public const string Hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

    static readonly (string Practice, string Pms, string Host)[] Practices =
    [
        ("Harbour Street Medical Centre", "Best Practice", "HARBOUR-SRV01"), ("Northside Family Practice", "Zedmed", "NFP-DB"), ("Riverbank Dental", "D4w", "riverbank-server"),
        ("St Kilda Road Clinic", "Best Practice", "SKR-2019"), ("Mount Eliza Medical", "Best Practice", "ELIZA"), ("Coastal Health Group", "Zedmed", "coastal-db-1"),
        ("Parkside General Practice", "Best Practice", "PARKSIDE"), ("Lakeview Dental Care", "D4w", "LAKEVIEW01"), ("Old Mill Surgery", "Zedmed", "oldmill"), (Hostile, "<b>Zedmed</b>", "\"><script>alert(3)</script>"),
    ];

    readonly List<SimulatedLink> _links = [];
    readonly Dictionary<OperatorRole, string> _keys = [];

    internal ApiHost Host { get; private set; } = null!;

    /// <summary>A page's address, with ids of this world.</summary>
    public string Fill(string path) => path.Replace("{siteId}", _links[0].SiteId.ToString(), StringComparison.Ordinal).Replace("{hostileSite}", _links[^1].SiteId.ToString(), StringComparison.Ordinal)
        .Replace("{copy}", Copy.SiteId.ToString(), StringComparison.Ordinal).Replace("{linkId}", _links[0].LinkId.ToString(), StringComparison.Ordinal)
        .Replace("{hostileLink}", _links[^1].LinkId.ToString(), StringComparison.Ordinal).Replace("{revoked}", Revoked.LinkId.ToString(), StringComparison.Ordinal)
        .Replace("{id}", Integrator.ToString(), StringComparison.Ordinal).Replace("{operatorId}", Ann.ToString(), StringComparison.Ordinal);

    public Guid Integrator { get; private set; }

    public Guid Ann { get; private set; }

    /// <summary>Another site of the first practice.</summary>
    SimulatedLink Copy => _links[1];

    SimulatedLink Revoked => _links[2];

    internal string KeyOf(OperatorRole role) => _keys[role];

    public async ValueTask InitializeAsync()
    {
        Host = await ConsoleHost.StartAsync();
        foreach (var (practice, pms, server) in Practices.Take(1).Append((Practices[0].Practice, Practices[0].Pms, "HARBOUR-SRV02")).Concat(Practices.Skip(1)))
            _links.Add(await StartAsync(practice, pms, server));
        await HistoryAsync();
        var now = TimeProvider.System.GetUtcNow();
        await BeatAsync(_links[3], now, new(DatabaseStatus.Failing) { ErrorCode = "Timeout" });
        await BeatAsync(_links[4], now.AddMinutes(11), new(DatabaseStatus.Healthy) { LatencyMs = 3 });
        await BeatAsync(_links[5], now, new(DatabaseStatus.Healthy) { LatencyMs = 4 }, free: 300L << 20);
        foreach (var link in _links.Except(_links[3..6]))
            await BeatAsync(link, now.AddMilliseconds(-340), new(DatabaseStatus.Healthy) { LatencyMs = 2 });
        await _links[6].LeaveAsync();
        await Host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{Revoked.LinkId}/revoke");
        await MakeIntegratorsAsync();
        foreach (var role in Enum.GetValues<OperatorRole>())
        {
            var (id, key) = await Host.MakeOperatorAsync(role switch { OperatorRole.Viewer => "Wall screen", OperatorRole.Support => "Sam Lee", OperatorRole.Operator => "Ann Fischer", _ => "Olivia Brown" }, role);
            _keys[role] = key;
            Ann = role == OperatorRole.Operator ? id : Ann;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
            await link.DisposeAsync();
        await Host.DisposeAsync();
    }

    async Task<SimulatedLink> StartAsync(string practice, string pms, string server)
    {
        var link = new SimulatedLink(Host) { PracticeName = practice, PmsName = pms, PmsId = $"{10_000 + Array.FindIndex(Practices, p => p.Practice == practice) * 731}", HostName = server };
        await link.StartAsync();
        return link;
    }

    async Task MakeIntegratorsAsync()
    {
        foreach (var name in (string[])["Recalls Ltd", "Booking Now", Hostile])
        {
            var made = await Host.AdminAsync(HttpMethod.Post, "/admin/v1/integrators", System.Text.Json.JsonSerializer.Serialize(new CreateIntegratorRequest(name), AdminJson.Default.CreateIntegratorRequest));
            var id = made.GetProperty("id").GetGuid();
            foreach (var link in _links.Where((_, i) => i is 0 or 3 or 4 or 7 or 10))
                await Host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
            if (name != "Recalls Ltd")
                continue;
            Integrator = id;
            await Host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "rateLimit": 50, "quota": 100000 }""");
            await PastQueriesAsync(id);
            await AskAsync(made.GetProperty("keys").GetProperty("primary").GetString()!);
        }
    }

    /// <summary>Some queries: one that succeeds, one that the database refuses with words of its own, one that waits.</summary>
    async Task AskAsync(string key)
    {
        var site = new PairedSite(Host, _links[0], key);
        foreach (var isFine in (bool[])[true, true, false, true])
        {
            var asked = site.AskAsync();
            var (id, _) = await _links[0].ExpectExecuteAsync();
            if (isFine)
                await _links[0].AnswerAsync(id, """[{"n":1},{"n":2}]""", 2);
            else
                await _links[0].TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails("SqlServer", 208, $"Invalid object name {Hostile} of patient Smith") });
            (await asked).Dispose();
            await site.IsThereAsync(id);
        }
        await site.QueueAsync();
    }

    /// <summary>Sites that were enrolled a month ago and were away at times, and their queries.</summary>
    async Task HistoryAsync()
    {
        var (database, now) = (Host.Services.GetRequiredService<Database>(), TimeProvider.System.GetUtcNow());
        await database.WriteAsync(async t =>
        {
            await t.RunAsync("UPDATE sites SET created_at = @then", ("then", now.AddDays(-41).Ms()));
            await t.RunAsync("INSERT INTO api_uptimes (id, node_address, from_at, until_at) VALUES (@id, 'before', @from, @until)",
                ("id", Guid.NewGuid()), ("from", now.AddDays(-41).Ms()), ("until", now.AddSeconds(-20).Ms()));
            foreach (var link in _links)
            {
                foreach (var (hours, contact) in ((double, string)[])[(-950, "online"), (-103.5, "lost"), (-99, "online"), (-61, "offline"), (-57.2, "online"), (-22, "lost"), (-21.4, "online")])
                    await t.RunAsync("INSERT INTO site_contacts (site_id, at, contact) VALUES (@site, @at, @what)", ("site", link.SiteId), ("at", now.AddHours(hours).Ms()), ("what", contact));
            }
            return 0;
        });
        await Host.Services.GetRequiredService<SiteDirectory>().RefreshAsync(_links.Select(l => l.SiteId));
    }

    /// <summary>More on weekdays.</summary>
    async Task PastQueriesAsync(Guid integrator) => await Host.Services.GetRequiredService<Database>().WriteAsync(async t =>
    {
        var today = TimeProvider.System.GetUtcNow().UtcDateTime.Date;
        for (var day = 1; day < 30; day++)
        {
            var at = new DateTimeOffset(today.AddDays(-day), TimeSpan.Zero);
            for (var i = 0; i < (at.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? 6 : 21 + day * 7 % 13); i++)
            {
                await t.RunAsync(
                    """
                    INSERT INTO queries (id, integrator_id, site_id, mode, status, result_set, max_time_in_queue, execution_limit, command_size, request_size, sql_size, created_at, updated_at, completed_at)
                    VALUES (@id, @integrator, @site, 'async', 'successful', 1, 1000, 1000, 1, 1, 1, @at, @at, @at)
                    """, ("id", Guid.CreateVersion7(at.AddMinutes(i))), ("integrator", integrator), ("site", _links[0].SiteId), ("at", at.AddMinutes(i).Ms()));
            }
        }
        return 0;
    });

    static async Task BeatAsync(SimulatedLink link, DateTimeOffset clock, DatabaseHealth health, long free = 84L << 30) => await link.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty,
        new Heartbeat(clock, link.Version, 3600 * 31, new(0, 1, 0, 0), [new(link.SiteId, health)], free, 0), ProtocolJson.Default.Heartbeat);
}
