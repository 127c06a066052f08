using System.Net;
using System.Net.Http.Headers;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;

namespace Halo.Api.Tests.Sites.State;

public class UninstallTests(SharedPostgres postgres)
{
    const string Ask = """{ "sqlQuery": "SELECT 1" }""";

    [Theory, OnBothStores]
    public async Task An_uninstalled_Link_settles_what_waits_is_told_from_a_removed_site_and_may_come_back(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var key = await host.CreatePairedAsync(link.SiteId);
        using var queued = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", Ask, key);
        var waiting = await queued.QueryAsync();

        await link.LeaveAsync(LineCloseReason.LinkUninstalled);

        await StatusIsAsync(host, link.SiteId, "uninstalled");
        using var ended = await host.SendAsync(HttpMethod.Get, $"/integrator/sites/{link.SiteId}/queries/{waiting.Id}?wait=30000", key: key);
        var query = await ended.QueryAsync();
        Assert.Equal((QueryStatus.Cancelled, FailureCodes.SiteUninstalled, Executed.No), (query.Status, query.ErrorDetails!.Code, query.Executed));
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", Ask, key);
        Assert.Equal(ErrorCodes.SiteUninstalled, (await refused.ErrorAsync(403)).Code);
        Assert.Equal("offline", (await SiteAsync(host, link.SiteId)).GetProperty("availability").GetString());

        Assert.True(Assert.Single((await link.ConnectAsync()).Sites).Authoritative);
        await StatusIsAsync(host, link.SiteId, "active");
        using var again = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", Ask, key);
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);

        await host.AdminAsync(HttpMethod.Delete, $"/admin/v1/sites/{link.SiteId}");
        using var removed = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", Ask, key);
        Assert.Equal(ErrorCodes.SiteRemoved, (await removed.ErrorAsync(403)).Code);
        await link.LeaveAsync(LineCloseReason.LinkUninstalled);
        await StatusIsAsync(host, link.SiteId, "removed");
    }

    [Theory, OnBothStores]
    public async Task A_Link_without_a_line_says_so_by_a_signed_call(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.LeaveAsync();
        using var stranger = await UninstallAsync(host, "not-a-token");
        await stranger.ErrorAsync(401);
        await StatusIsAsync(host, link.SiteId, "active");
        for (var i = 0; i < 2; i++)
        {
            using var told = await UninstallAsync(host, await link.TokenAsync());
            Assert.Equal(HttpStatusCode.NoContent, told.StatusCode);
            Assert.Equal("uninstalled", (await SiteAsync(host, link.SiteId)).GetProperty("status").GetString());
        }
    }

    [Theory, OnBothStores]
    public async Task A_site_that_was_taken_out_of_the_settings_is_uninstalled_and_the_others_stay(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        var second = Guid.NewGuid();
        await using var link = new SimulatedLink(host) { SecondSiteId = second };
        await link.StartAsync();
        await StatusIsAsync(host, second, "active");

        // Not described, but configured: its database did not answer yet.
        await link.ConnectAsync(link.Hello() with { Sites = [link.Site] });
        Assert.Empty(await link.ClaimAsync());
        await StatusIsAsync(host, second, "active");
        // An older Link does not say what it has.
        await link.ConnectAsync(link.Hello() with { Sites = [link.Site], ConfiguredSites = null });
        Assert.Empty(await link.ClaimAsync());
        await StatusIsAsync(host, second, "active");

        link.SecondSiteId = null;
        await link.ConnectAsync();
        await StatusIsAsync(host, second, "uninstalled");
        Assert.Equal("offline", (await SiteAsync(host, second)).GetProperty("availability").GetString());
        Assert.Equal("online", (await SiteAsync(host, link.SiteId)).GetProperty("availability").GetString());
        link.SecondSiteId = second;
        await link.ConnectAsync();
        await StatusIsAsync(host, second, "active");
    }

    [Theory, OnBothStores]
    public async Task A_site_that_is_taken_out_of_a_running_Links_settings_is_uninstalled_and_back_with_its_id_active(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        var second = Guid.NewGuid();
        await using var link = new SimulatedLink(host) { SecondSiteId = second };
        await link.StartAsync();
        var key = await host.CreatePairedAsync(second);
        using var queued = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{second}/queries/async", Ask, key);
        var waiting = await queued.QueryAsync();

        // Its database does not answer at the moment: it cannot be described, and is configured all the same.
        await link.ChangeAsync(new(Guid.NewGuid(), [link.Site]) { ConfiguredSites = [link.SiteId, second] });
        Assert.Equal("active", (await SiteAsync(host, second)).GetProperty("status").GetString());

        Assert.Equal(link.SiteId, Assert.Single((await link.ChangeAsync(new(Guid.NewGuid(), [link.Site]) { ConfiguredSites = [link.SiteId] })).Sites).SiteId);
        Assert.Equal("uninstalled", (await SiteAsync(host, second)).GetProperty("status").GetString());
        Assert.Equal("offline", (await SiteAsync(host, second)).GetProperty("availability").GetString());
        Assert.Equal("online", (await SiteAsync(host, link.SiteId)).GetProperty("availability").GetString());
        using var ended = await host.SendAsync(HttpMethod.Get, $"/integrator/sites/{second}/queries/{waiting.Id}?wait=30000", key: key);
        Assert.Equal(FailureCodes.SiteUninstalled, (await ended.QueryAsync()).ErrorDetails!.Code);
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{second}/queries/immediate", Ask, key);
        Assert.Equal(ErrorCodes.SiteUninstalled, (await refused.ErrorAsync(403)).Code);

        var back = await link.ChangeAsync(new(Guid.NewGuid(), link.Hello().Sites) { ConfiguredSites = [link.SiteId, second] });
        Assert.True(back.Sites.Single(s => s.SiteId == second).Authoritative);
        var site = await SiteAsync(host, second);
        Assert.Equal(("active", "online"), (site.GetProperty("status").GetString(), site.GetProperty("availability").GetString()));
        await Until.TrueAsync(async () => (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{second}/availability")).GetProperty("intervals")
            .EnumerateArray().Last().GetProperty("availability").GetString() == "online");
        var asking = host.SendAsync(HttpMethod.Post, $"/integrator/sites/{second}/queries/immediate", Ask, key);
        await link.AnswerAsync((await link.ExpectExecuteAsync()).QueryId, "[]", 0);
        using var answer = await asking;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    static async Task<HttpResponseMessage> UninstallAsync(ApiHost host, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, LinkHttp.UninstallPath);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await host.Client.SendAsync(request);
    }

    static Task<System.Text.Json.JsonElement> SiteAsync(ApiHost host, Guid id) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{id}");

    static Task StatusIsAsync(ApiHost host, Guid id, string status) =>
        Until.TrueAsync(async () => (await SiteAsync(host, id)).GetProperty("status").GetString() == status);
}
