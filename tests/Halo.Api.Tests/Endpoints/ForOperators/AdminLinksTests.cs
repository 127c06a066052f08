using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Endpoints.ForOperators;

public class AdminLinksTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Deployments_are_followed_by_the_versions_of_the_Links(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        Guid oldId, newId;
        DateTimeOffset since;
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var old = new SimulatedLink(host);
            await using var updated = new SimulatedLink(host) { PmsId = "2" };
            (oldId, newId) = (old.LinkId, updated.LinkId);
            await old.StartAsync();
            await updated.StartAsync();
            var first = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{newId}");
            Assert.True(first.GetProperty("connected").GetBoolean());
            Assert.True(first.GetProperty("connectedSince").GetDateTimeOffset() >= first.GetProperty("createdAt").GetDateTimeOffset());
            Assert.Equal("server", first.GetProperty("host").GetString());
            await updated.ConnectAsync(updated.Hello() with { LinkVersion = "26.1201.7" });
            await Until.TrueAsync(async () =>
                (await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?version=26.1201.7")).GetProperty("links").GetArrayLength() == 1);
            var list = await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?version=26.1201.7");
            var link = Assert.Single(list.GetProperty("links").EnumerateArray());
            Assert.Equal(newId, link.GetProperty("id").GetGuid());
            since = link.GetProperty("versionSince").GetDateTimeOffset();
            Assert.True(since > first.GetProperty("versionSince").GetDateTimeOffset());
            Assert.Equal(["26.1201.7 1 1", "26.1122.1 1 1"], list.GetProperty("versions").EnumerateArray()
                .Select(v => $"{v.GetProperty("version")} {v.GetProperty("links")} {v.GetProperty("connected")}"));
        }
        await using var again = await ApiHost.StartAsync(store.Settings);
        var read = await again.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{newId}");
        Assert.Equal((since, "26.1201.7", false),
            (read.GetProperty("versionSince").GetDateTimeOffset(), read.GetProperty("version").GetString(), read.GetProperty("connected").GetBoolean()));
        Assert.Equal("26.1122.1", (await again.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{oldId}")).GetProperty("version").GetString());
        using var nobody = await again.SendAsync(HttpMethod.Get, $"/admin/v1/links/{Guid.NewGuid()}", adminKey: ApiHost.AdminKey);
        await nobody.ErrorAsync(404);
    }

    [Fact]
    public async Task What_a_Link_last_reported_of_itself_is_shown()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty, new Heartbeat(DateTimeOffset.UtcNow, "26.1122.1", 99, new(1, 2, 3, 4),
            [new SiteDatabase(link.SiteId, new DatabaseHealth(DatabaseStatus.Healthy))], 5_000_000_000, 77), ProtocolJson.Default.Heartbeat);
        await Until.TrueAsync(async () => (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}")) is var shown
            && shown.TryGetProperty("queues", out var queues)
            && queues.GetProperty("immediateWaiting").GetInt32() == 1 && queues.GetProperty("uploading").GetInt32() == 4
            && shown.GetProperty("freeDiskBytes").GetInt64() == 5_000_000_000 && shown.GetProperty("spoolBytes").GetInt64() == 77
            && shown.GetProperty("uptimeSeconds").GetInt64() == 99 && shown.GetProperty("sites")[0].GetGuid() == link.SiteId);
    }

    [Theory, OnBothStores]
    public async Task Usage_counts_queries_rows_and_bytes_of_each_integrator_at_each_site(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var one = await PairedSite.CreateAsync(host);
        await using var two = await PairedSite.CreateAsync(host);
        for (var i = 0; i < 2; i++)
        {
            var asking = one.AskAsync();
            var (id, _) = await one.Link.ExpectExecuteAsync();
            await one.Link.AnswerAsync(id, """[{"n":1},{"n":2}]""", 2);
            using var answer = await asking;
            Assert.Equal(QueryStatus.Successful, (await answer.QueryAsync()).Status);
        }
        await two.QueueAsync();
        var first = await host.AdminAsync(HttpMethod.Get, "/admin/v1/usage?limit=1");
        var rest = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/usage?limit=1&after={first.GetProperty("next").GetString()}");
        Assert.False(rest.TryGetProperty("next", out _));
        var lines = first.GetProperty("usage").EnumerateArray().Concat(rest.GetProperty("usage").EnumerateArray())
            .ToDictionary(u => u.GetProperty("siteId").GetGuid(), u => (u.GetProperty("queries").GetInt64(), u.GetProperty("successful").GetInt64(),
                u.GetProperty("rows").GetInt64(), u.GetProperty("bytes").GetInt64()));
        Assert.Equal((2, 2, 4, 34), lines[one.Link.SiteId]);
        Assert.Equal((1, 0, 0, 0), lines[two.Link.SiteId]);
        Assert.Equal(0, (await host.AdminAsync(HttpMethod.Get, "/admin/v1/usage?to=2020-01-01T00:00:00Z")).GetProperty("usage").GetArrayLength());
        using var backwards = await host.SendAsync(HttpMethod.Get, "/admin/v1/usage?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", adminKey: ApiHost.AdminKey);
        await backwards.ErrorAsync(400);
    }
}
