using System.Net.Http.Json;
using System.Text.Json;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints.ForOperators;

public class SiteDecisionsTests(SharedPostgres postgres)
{
    static readonly string SelectOne = """{ "sqlQuery": "SELECT 1" }""";

    [Theory, OnBothStores]
    public async Task Moving_authority_cancels_what_waits_tells_both_Links_and_takes_pairings_along(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var old = new SimulatedLink(host);
        await using var next = new SimulatedLink(host);
        await old.StartAsync();
        Assert.False(Assert.Single((await next.StartAsync()).Sites).Authoritative);
        var key = await host.CreatePairedAsync(old.SiteId);
        var waiting = await AskAsync(host, old.SiteId, key);
        var running = await AskAsync(host, old.SiteId, key);
        var claimed = Assert.Single(await old.ClaimAsync());

        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{next.SiteId}/authority", """{ "copyPairings": true, "reason": "new server" }""");

        Assert.False((await NoticeAsync(old)).Authoritative);
        Assert.True((await NoticeAsync(next)).Authoritative);
        var (stays, goes) = claimed.QueryId == waiting.Id ? (waiting, running) : (running, waiting);
        var cancelled = await FindAsync(host, old.SiteId, goes.Id, key);
        Assert.Equal((QueryStatus.Cancelled, FailureCodes.CancelledByOperator), (cancelled.Status, cancelled.ErrorDetails!.Code));
        Assert.Equal(QueryStatus.Executing, (await FindAsync(host, old.SiteId, stays.Id, key)).Status);
        Assert.True((await old.ReportAsync(claimed.QueryId, new Report(claimed.ClaimId, ReportKind.Complete) { Executed = Executed.Yes, RowsAffected = 1 })).Accepted);
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{old.SiteId}/queries/async", SelectOne, key);
        Assert.Equal(ErrorCodes.NotAuthoritative, (await refused.ErrorAsync(403)).Code);
        await AskAsync(host, next.SiteId, key);
        Assert.Single(await next.ClaimAsync());

        var line = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray()
            .Single(a => a.GetProperty("action").GetString() == "site.authority-moved");
        Assert.Equal(next.SiteId.ToString(), line.GetProperty("subject").GetString());
        Assert.Equal("new server", line.GetProperty("detail").GetProperty("reason").GetString());
        Assert.Equal(1, line.GetProperty("detail").GetProperty("cancelled").GetInt32());
    }

    [Theory, OnBothStores]
    public async Task A_removed_site_is_told_so_refuses_clearly_and_never_comes_back(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        var waiting = await AskAsync(host, link.SiteId, key);

        var removed = await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{link.SiteId}");

        Assert.Equal("removed", removed.GetProperty("status").GetString());
        Assert.Contains("removed", (await NoticeAsync(link)).Message, StringComparison.Ordinal);
        Assert.Equal(QueryStatus.Cancelled, (await FindAsync(host, link.SiteId, waiting.Id, key)).Status);
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", SelectOne, key);
        Assert.Equal(ErrorCodes.SiteRemoved, (await refused.ErrorAsync(403)).Code);
        using var search = await host.SendAsync(HttpMethod.Get, "/integrator/sites?practiceManagementSiteId=12345&practiceManagementName=Best%20Practice", key: key);
        Assert.Equal(0, (await search.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("sites").GetArrayLength());
        using var again = await host.SendAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/authority", adminKey: ApiHost.AdminKey);
        Assert.Equal(ErrorCodes.Conflict, (await again.ErrorAsync(409)).Code);
        await link.BreakAsync();
        Assert.False(Assert.Single((await link.ConnectAsync()).Sites).Authoritative);
        Assert.Equal("removed", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("status").GetString());
    }

    [Theory, OnBothStores]
    public async Task A_site_that_does_not_count_is_told_which_one_serves_its_practice_or_that_none_does(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var first = new SimulatedLink(host);
        await using var spare = new SimulatedLink(host);
        await first.StartAsync();
        var told = Assert.Single((await spare.StartAsync()).Sites).Message;
        Assert.Contains($"served by another site, {first.SiteId};", told, StringComparison.Ordinal);
        Assert.Contains($"move authority to site {spare.SiteId}", told, StringComparison.Ordinal);

        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{first.SiteId}");
        told = (await NoticeAsync(spare)).Message;
        Assert.Contains("No site serves practice", told, StringComparison.Ordinal);
        Assert.Contains($"give authority to site {spare.SiteId}", told, StringComparison.Ordinal);

        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{spare.SiteId}/authority");
        Assert.StartsWith("This site serves practice", (await NoticeAsync(spare)).Message, StringComparison.Ordinal);
    }

    [Theory, OnBothStores]
    public async Task Confirming_takes_over_the_machine_and_database_that_were_reported_and_lets_waiting_work_go(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        var waiting = await AskAsync(host, link.SiteId, key);
        await link.BreakAsync();
        var moved = link.Hello() with { MachineId = "machine-2", Sites = [link.Site with { DatabaseIdentity = "db-2" }] };
        var notice = Assert.Single((await link.ConnectAsync(moved)).Sites);
        Assert.False(notice.Confirmed);
        Assert.Contains("another database, another machine", notice.Message, StringComparison.Ordinal);
        Assert.Empty(await link.ClaimAsync());
        var shown = (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("reported");
        Assert.Equal("machine-2", shown.GetProperty("machineId").GetString());

        var confirmed = await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/confirm");

        Assert.True(confirmed.GetProperty("confirmed").GetBoolean());
        Assert.True(confirmed.GetProperty("authoritative").GetBoolean());
        Assert.True((await NoticeAsync(link)).Confirmed);
        Assert.Equal(waiting.Id, Assert.Single(await link.ClaimAsync()).QueryId);
        await link.BreakAsync();
        Assert.True(Assert.Single((await link.ConnectAsync(moved)).Sites).Confirmed);
        await link.BreakAsync();
        Assert.False(Assert.Single((await link.ConnectAsync()).Sites).Confirmed);
    }

    [Theory, OnBothStores]
    public async Task Confirming_another_practice_moves_the_site_there_without_its_authority(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        var waiting = await AskAsync(host, link.SiteId, key);
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { Sites = [link.Site with { PracticeManagementSiteId = "777" }] });

        var confirmed = await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{link.SiteId}/confirm");

        Assert.Equal("777", confirmed.GetProperty("practiceManagementSiteId").GetString());
        Assert.False(confirmed.GetProperty("authoritative").GetBoolean());
        Assert.Equal(QueryStatus.Cancelled, (await FindAsync(host, link.SiteId, waiting.Id, key)).Status);
        await using var other = new SimulatedLink(host);
        Assert.True(Assert.Single((await other.StartAsync()).Sites).Authoritative);
    }

    [Theory, OnBothStores]
    public async Task Every_site_of_a_shared_practice_is_authoritative(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var one = new SimulatedLink(host) { PmsId = "0" };
        await using var two = new SimulatedLink(host) { PmsId = "0" };
        Assert.True(Assert.Single((await one.StartAsync()).Sites).Authoritative);
        Assert.True(Assert.Single((await two.StartAsync()).Sites).Authoritative);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{two.SiteId}/authority");
        var sites = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/sites?practiceManagementSiteId=0")).GetProperty("sites").EnumerateArray();
        Assert.All(sites, s => Assert.True(s.GetProperty("authoritative").GetBoolean()));
    }

    [Theory, OnBothStores]
    public async Task A_practice_that_joins_or_leaves_the_shared_ones_is_put_right_at_start(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var one = new SimulatedLink(host) { PmsId = "0" };
        await using var two = new SimulatedLink(host);
        await using var three = new SimulatedLink(host);
        await one.StartAsync();
        await two.StartAsync();
        await three.StartAsync();
        var database = host.Services.GetRequiredService<Database>();
        // As if the setting had been the other way round before.
        await database.WriteAsync(t => t.RunAsync(
            "UPDATE sites SET authority_shared = (pms_id <> '0'), authoritative = (pms_id <> '0')"));
        await host.Services.GetRequiredService<SiteAuthority>().ApplySharedAsync();
        var authoritative = await database.ReadAsync(r => r.GetGuid(0), "SELECT id FROM sites WHERE authoritative ORDER BY created_at, id");
        Assert.Equal([one.SiteId, two.SiteId], authoritative);
    }

    [Theory, OnBothStores]
    public async Task Many_moves_at_once_leave_one_authoritative_site(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        var links = new List<SimulatedLink>();
        try
        {
            for (var i = 0; i < 5; i++)
            {
                links.Add(new SimulatedLink(host));
                await links[^1].StartAsync();
            }
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{links[i % 5].SiteId}/authority")));
            var stored = await host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetGuid(0), "SELECT id FROM sites WHERE authoritative");
            var shown = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/sites")).GetProperty("sites").EnumerateArray()
                .Where(s => s.GetProperty("authoritative").GetBoolean()).Select(s => s.GetProperty("id").GetGuid());
            Assert.Equal([Assert.Single(stored)], shown);
        }
        finally
        {
            foreach (var link in links)
                await link.DisposeAsync();
        }
    }

    [Theory, OnBothStores]
    public async Task A_disabled_integrators_queue_is_cancelled(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
        var waiting = await AskAsync(host, link.SiteId, key);
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "enabled": false }""");
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "enabled": true }""");
        Assert.Equal(FailureCodes.CancelledByOperator, (await FindAsync(host, link.SiteId, waiting.Id, key)).ErrorDetails!.Code);
    }

    [Theory, OnBothStores]
    public async Task The_audit_log_is_paged_from_a_time_on(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        for (var i = 0; i < 3; i++)
            await host.CreateIntegratorAsync();
        var first = await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit?limit=2&from=2020-01-01T00:00:00Z");
        Assert.Equal(2, first.GetProperty("audit").GetArrayLength());
        var last = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/audit?limit=2&after={first.GetProperty("next").GetString()}");
        Assert.Equal(1, last.GetProperty("audit").GetArrayLength());
        Assert.False(last.TryGetProperty("next", out _));
        Assert.Equal(0, (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit?from=2999-01-01")).GetProperty("audit").GetArrayLength());
        using var wrong = await host.SendAsync(HttpMethod.Get, "/admin/v1/audit?from=yesterday", adminKey: ApiHost.AdminKey);
        Assert.Equal("from", Assert.Single((await wrong.ErrorAsync(400)).Errors!).Field);
    }

    static async Task<SiteNotice> NoticeAsync(SimulatedLink link) => Assert.Single(
        JsonSerializer.Deserialize((await link.ExpectAsync(FrameKind.SiteNotices)).Payload, ProtocolJson.Default.SiteNotices)!.Sites);

    static async Task<Query> AskAsync(ApiHost host, Guid siteId, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{siteId}/queries/async", SelectOne, key);
        Assert.Equal(201, (int)response.StatusCode);
        return await response.QueryAsync();
    }

    static async Task<Query> FindAsync(ApiHost host, Guid siteId, Guid queryId, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Get, $"/integrator/sites/{siteId}/queries/{queryId}", key: key);
        return await response.QueryAsync();
    }
}
