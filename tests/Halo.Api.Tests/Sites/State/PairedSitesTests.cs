using System.Net.Http.Json;
using Halo.Api.Integrators;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Sites.State;

public class PairedSitesTests(SharedPostgres postgres)
{
    const string BothParameters = "practiceManagementSiteId=1&practiceManagementName=Zedmed";

    [Theory, OnBothStores]
    public async Task All_paired_sites_are_listed_in_pages_whatever_became_of_them(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var first = await StartAsync(host, "1");
        await using var second = await StartAsync(host, "1");
        await using var gone = await StartAsync(host, "2");
        await using var left = await StartAsync(host, "3");
        await using var strangers = await StartAsync(host, "4");
        var (id, key, _) = await host.CreateIntegratorAsync();
        foreach (var link in (SimulatedLink[])[first, second, gone, left])
            await PairAsync(host, id, link);
        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{gone.SiteId}");
        await left.LeaveAsync(LineCloseReason.LinkUninstalled);
        await Until.TrueAsync(async () => (await ListAsync(host, key, "?status=uninstalled")).Sites.Count == 1);

        var all = await ListAsync(host, key);
        Assert.Null(all.Next);
        Assert.Equal(new[] { first.SiteId, second.SiteId, gone.SiteId, left.SiteId }.Order(), all.Sites.Select(s => s.Id));
        Assert.Equal([first.SiteId, left.SiteId], all.Sites.Where(s => s.Authoritative).Select(s => s.Id).OrderBy(s => s != first.SiteId));
        Assert.Equal(gone.SiteId, Assert.Single((await ListAsync(host, key, "?status=removed")).Sites).Id);
        Assert.Equal(left.SiteId, Assert.Single((await ListAsync(host, key, "?availability=offline")).Sites).Id);
        Assert.Equal(new[] { first.SiteId, second.SiteId }.Order(), (await ListAsync(host, key, "?availability=online&status=active")).Sites.Select(s => s.Id));
        Assert.Empty((await ListAsync(host, key, "?availability=unreachable")).Sites);

        var read = new List<Guid>();
        for (var next = ""; next is not null;)
        {
            var page = await ListAsync(host, key, $"?limit=3{next}");
            Assert.InRange(page.Sites.Count, 1, 3);
            read.AddRange(page.Sites.Select(s => s.Id));
            next = page.Next is null ? null : $"&after={page.Next}";
        }
        Assert.Equal(all.Sites.Select(s => s.Id), read);
        Assert.Null((await ListAsync(host, key, "?limit=4")).Next);
        Assert.Empty((await ListAsync(host, (await host.CreateIntegratorAsync()).Primary)).Sites);
    }

    [Theory, OnBothStores]
    public async Task What_changed_since_is_listed_and_nothing_else(StoreKind kind)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await StoreHost.StartAsync(kind, postgres, time);
        await using var quiet = await StartAsync(host, "1");
        await using var link = await StartAsync(host, "2");
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PairAsync(host, id, quiet);
        await PairAsync(host, id, link);
        Assert.Equal(2, (await ChangedAsync(time.GetUtcNow())).Count);
        await LeaveAsync(quiet, inOrder: true);

        // A heartbeat is no change; what it says of the database is one.
        await ChangesAsync(() => BeatAsync(DatabaseStatus.Healthy), []);
        await ChangesAsync(() => BeatAsync(DatabaseStatus.Failing), [link.SiteId]);
        await ChangesAsync(() => BeatAsync(DatabaseStatus.Failing), []);

        // In order, then back, then lost: while it counts as online nothing is different.
        await ChangesAsync(() => LeaveAsync(link, inOrder: true), [link.SiteId]);
        await ChangesAsync(() => link.ConnectAsync(), [link.SiteId]);
        await LeaveAsync(link, inOrder: false);
        await ChangesAsync(() => Task.CompletedTask, []);
        await ChangesAsync(() =>
        {
            time.Advance(TimeSpan.FromMinutes(3));
            return Task.CompletedTask;
        }, [link.SiteId]);
        Assert.Equal(link.SiteId, Assert.Single((await ListAsync(host, key, "?availability=unreachable")).Sites).Id);
        await ChangesAsync(() => link.ConnectAsync(), [link.SiteId]);

        await ChangesAsync(() => host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{id}/pairings/{quiet.SiteId}", adminKey: ApiHost.AdminKey), []);
        Assert.Equal(link.SiteId, Assert.Single((await ListAsync(host, key)).Sites).Id);
        await ChangesAsync(() => PairAsync(host, id, quiet), [quiet.SiteId]);
        await ChangesAsync(() => host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{quiet.SiteId}"), [quiet.SiteId]);

        async Task ChangesAsync(Func<Task> change, Guid[] expected)
        {
            // Both sides of it are a moment away.
            time.Advance(TimeSpan.FromSeconds(1));
            var before = time.GetUtcNow();
            await change();
            Assert.Equal(expected, await ChangedAsync(before));
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.Empty(await ChangedAsync(time.GetUtcNow()));
        }

        async Task<IReadOnlyList<Guid>> ChangedAsync(DateTimeOffset since) =>
            [.. (await ListAsync(host, key, $"?changedSince={Uri.EscapeDataString(since.ToString("O"))}")).Sites.Select(s => s.Id)];

        async Task BeatAsync(DatabaseStatus status)
        {
            var heartbeat = new Heartbeat(time.GetUtcNow(), link.Version, 1, new(0, 0, 0, 0), [new(link.SiteId, new(status))], null, 0);
            await link.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty, heartbeat, ProtocolJson.Default.Heartbeat);
            await Until.TrueAsync(async () => (await ListAsync(host, key)).Sites.Single(s => s.Id == link.SiteId) is var seen
                && seen.ClientTimestamp == DateTimeOffset.FromUnixTimeMilliseconds(heartbeat.ClockUtc.ToUnixTimeMilliseconds()) && seen.Database!.Status == status);
        }

        async Task LeaveAsync(SimulatedLink who, bool inOrder)
        {
            await (inOrder ? who.LeaveAsync() : who.BreakAsync());
            var sessions = host.Services.GetRequiredService<Api.Links.Sessions.ILinkGateway>();
            await Until.TrueAsync(() => Task.FromResult(sessions.Find(who.LinkId) is null));
            // Said behind the session's end, of this moment.
            var links = host.Services.GetRequiredService<Api.Links.LinkDirectory>();
            await Until.TrueAsync(() => Task.FromResult(links.Find(who.LinkId)!.LastHeardAt == time.GetUtcNow()));
            if (inOrder)
                await Until.TrueAsync(async () => (await ListAsync(host, key, "?availability=offline")).Sites.Any(s => s.Id == who.SiteId));
        }
    }

    [Theory, OnBothStores]
    public async Task Ten_thousand_are_listed_from_memory(StoreKind kind)
    {
        const int Many = 10_000;
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        string key;
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var link = await StartAsync(host, "1");
            (var id, key, _) = await host.CreateIntegratorAsync();
            await PairAsync(host, id, link);
            await SiteCopies.AddAsync(host, id, link.SiteId, Many - 1);
        }
        await using var again = await ApiHost.StartAsync(store.Settings);
        var database = again.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync("ALTER TABLE pairings RENAME TO taken_away"));
        var read = new List<Guid>();
        for (string? next = ""; next is not null;)
        {
            var page = await ListAsync(again, key, $"?limit=1000{next}");
            read.AddRange(page.Sites.Select(s => s.Id));
            next = page.Next is null ? null : $"&after={page.Next}";
        }
        Assert.Equal(Many, read.Count);
        Assert.Equal(read.Order(), read);
        Assert.Equal(Many, read.Distinct().Count());
        await database.WriteAsync(t => t.RunAsync("ALTER TABLE taken_away RENAME TO pairings"));

        // With a time, one connection is opened for one statement.
        var directory = again.Services.GetRequiredService<SiteDirectory>();
        var counted = new HookedDatabase(database);
        var paired = new PairedSites(directory, again.Services.GetRequiredService<Availability>(), again.Services.GetRequiredService<SiteView>(), counted);
        var integrator = Assert.Single(again.Services.GetRequiredService<IntegratorDirectory>().All);
        Assert.Equal(Many, integrator.Sites.Count);
        var changed = await paired.ListAsync(integrator, new(1000) { ChangedSince = DateTimeOffset.UnixEpoch.AddDays(1), Status = SiteStatus.Active });
        Assert.Equal((1000, 1), (changed.Sites.Count, counted.Opened));
    }

    [Theory]
    [InlineData("availability=away", "availability")]
    [InlineData("status=gone", "status")]
    [InlineData("changedSince=yesterday", "changedSince")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("after=1", "after")]
    [InlineData("availability=away&limit=x&after=1&changedSince=&status=", "limit", "availability", "status", "changedSince", "after")]
    [InlineData(BothParameters + "&limit=5", "limit")]
    [InlineData(BothParameters + "&status=active&changedSince=2026-03-05T00:00:00Z", "status", "changedSince")]
    [InlineData("practiceManagementSiteId=1", "practiceManagementName")]
    [InlineData("practiceManagementName=Zedmed&availability=online", "practiceManagementSiteId", "availability")]
    public async Task What_cannot_be_meant_is_refused_all_at_once(string query, params string[] fields)
    {
        await using var host = await ApiHost.StartAsync();
        var (_, key, _) = await host.CreateIntegratorAsync();
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/sites?" + query, key: key);
        Assert.Equal(fields, (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
    }

    [Fact]
    public async Task A_program_of_the_old_release_gets_the_list_in_its_own_words()
    {
        await using var host = await ApiHost.StartAsync();
        await using var one = await StartAsync(host, "1");
        await using var two = await StartAsync(host, "2");
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PairAsync(host, id, one);
        await PairAsync(host, id, two);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/integrator/sites?limit=1");
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        request.Headers.Add("Halo-Version", "22.1219");
        using var response = await host.Client.SendAsync(request);
        var list = await response.Content.ReadFromJsonAsync<System.Text.Json.JsonElement>();
        var site = Assert.Single(list.GetProperty("sites").EnumerateArray());
        Assert.True(site.TryGetProperty("HaloLinkVersion", out _));
        Assert.Equal(site.GetProperty("id").GetString(), list.GetProperty("next").GetString());
    }

    static async Task<SimulatedLink> StartAsync(ApiHost host, string practice)
    {
        var link = new SimulatedLink(host) { PmsId = practice };
        await link.StartAsync();
        return link;
    }

    static Task<System.Text.Json.JsonElement> PairAsync(ApiHost host, Guid integrator, SimulatedLink link) => host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{integrator}/pairings/{link.SiteId}");

    static async Task<SiteList> ListAsync(ApiHost host, string key, string query = "")
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/sites" + query, key: key);
        Assert.Equal(200, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(HaloJson.Default.SiteList))!;
    }
}
