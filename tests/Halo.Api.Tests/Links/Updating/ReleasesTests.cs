using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Links.Updating;

/// <summary>What operators do with releases, and what Links are told of it.</summary>
public class ReleasesTests(SharedPostgres postgres)
{
    const string Old = "26.1122.1", New = "26.1201.1", Newer = "26.1201.2";
    static readonly LinkPlatform Linux = new("linux", "x64");

    [Theory, OnBothStores]
    public async Task A_release_its_rings_and_what_became_of_it_outlast_the_service(StoreKind kind)
    {
        using var bundles = new TestBundle();
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        Guid linkId;
        await using (var host = await ApiHost.StartAsync([.. store.Settings, bundles.Setting]))
        {
            await host.OfferAsync(bundles, New, "early", 100);
            await using var link = new SimulatedLink(host) { Platform = Linux };
            linkId = link.LinkId;
            Assert.Null((await link.StartAsync()).Update!.Version);
            await host.AdminAsync(HttpMethod.Put, $"/admin/v1/links/{linkId}/update", """{"ring":"early"}""");
            Assert.Equal(New, (await link.ExpectTargetAsync()).Version);
            await link.BeatAsync(new(UpdateStage.Failed) { Version = New, Last = new(UpdateOutcome.RolledBack, "It was no good.", DateTimeOffset.UtcNow) { From = Old, To = New } });
            await Until.TrueAsync(async () => await host.StatusOfAsync(New) == "stopped");
            await host.DecideAsync(New, "pause");
        }
        await using var again = await ApiHost.StartAsync([.. store.Settings, bundles.Setting]);
        var release = await again.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}");
        Assert.Equal(("paused", "a test", 100), (release.GetProperty("status").GetString(), release.GetProperty("reason").GetString(), release.GetProperty("rings").GetProperty("early").GetInt32()));
        Assert.False(release.GetProperty("bundles")[0].TryGetProperty("missing", out _));
        Assert.Equal(["canary 0", "early 1", "all 0"], release.GetProperty("progress").EnumerateArray().Select(p => $"{p.GetProperty("ring")} {p.GetProperty("failed")}"));
        var shown = (await again.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=failed")).GetProperty("links").EnumerateArray().Single();
        Assert.Equal((linkId, "early", "failed", "rolledBack", New), (shown.GetProperty("id").GetGuid(), shown.GetProperty("update").GetProperty("ring").GetString(),
            shown.GetProperty("update").GetProperty("phase").GetString(), shown.GetProperty("update").GetProperty("last").GetProperty("outcome").GetString(),
            shown.GetProperty("update").GetProperty("last").GetProperty("to").GetString()));
        // Resumed, it is offered again, and its failure so far does not count any more.
        await again.DecideAsync(New, "resume");
        Assert.Equal(linkId, (await again.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=pending")).GetProperty("links").EnumerateArray().Single().GetProperty("id").GetGuid());
        var entries = (await again.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray().ToList();
        var audit = entries.Select(a => $"{a.GetProperty("actor")} {a.GetProperty("action")}").ToList();
        Assert.Equal(["active", "active", "stopped", "paused"],
            entries.Where(a => a.TryGetProperty("detail", out var d) && d.ValueKind == JsonValueKind.Object && d.TryGetProperty("before", out var b) && b.ValueKind == JsonValueKind.Object && b.TryGetProperty("canary", out _))
                .Select(a => a.GetProperty("detail").GetProperty("before").GetProperty("status").GetString()));
        Assert.Equal(["operator release.uploaded", "operator release.ring-set", "operator link.update-set", "service release.stopped", "operator release.paused", "operator release.resumed"],
            audit.Where(a => a.Contains("release", StringComparison.Ordinal) || a.Contains("update", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Only_a_bundle_that_an_updater_would_take_is_taken()
    {
        using var bundles = new TestBundle();
        using var stranger = RSA.Create(2048);
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        var good = bundles.Make(New);
        await RefusedAsync([], "damaged");
        await RefusedAsync("no bundle"u8.ToArray(), "no bundle");
        await RefusedAsync(good[..(good.Length / 2)], "damaged");
        await RefusedAsync([.. good[..^2000], .. new byte[2000]], "damaged");
        await RefusedAsync(bundles.Make(New, key: stranger), "somebody else made it");
        await RefusedAsync(bundles.Make(New, r => r with { Expires = DateTimeOffset.UtcNow.AddMinutes(-1) }), "expired at");
        await RefusedAsync(bundles.Make(New, r => r with { Product = "other" }), "another program");
        await RefusedAsync(bundles.Make(New, r => r with { System = "beos" }), "no Halo Link has");
        Assert.Empty(Directory.GetFiles(Path.Combine(host.DataDirectory, "releases")));
        Assert.Empty((await host.AdminAsync(HttpMethod.Get, "/admin/v1/releases")).GetProperty("releases").EnumerateArray());

        using var added = await host.PostBundleAsync(good);
        Assert.Equal(HttpStatusCode.Created, added.StatusCode);
        using var repeated = await host.PostBundleAsync(good);
        Assert.Equal(HttpStatusCode.OK, repeated.StatusCode);
        // Signed again, it has other bytes.
        using var other = await host.PostBundleAsync(bundles.Make(New));
        await other.ErrorAsync(409);
        using var windows = await host.PostBundleAsync(bundles.Make(New, r => r with { System = "windows" }));
        Assert.Equal(HttpStatusCode.Created, windows.StatusCode);
        Assert.Equal(2, Directory.GetFiles(Path.Combine(host.DataDirectory, "releases")).Length);
        Assert.Equal(["linux", "windows"], (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}")).GetProperty("bundles").EnumerateArray().Select(b => b.GetProperty("system").GetString()!));

        async Task RefusedAsync(byte[] bundle, string why)
        {
            using var answer = await host.PostBundleAsync(bundle);
            Assert.Contains(why, (await answer.ErrorAsync(400)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_connected_Link_is_told_at_once_of_everything_that_changes_for_it()
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var link = new SimulatedLink(host) { Platform = Linux };
        await using var older = new SimulatedLink(host) { PmsId = "2" };
        var welcome = await link.StartAsync();
        Assert.NotNull(welcome.Update!.Now);
        Assert.Null((await older.StartAsync()).Update);

        await host.OfferAsync(bundles, New);
        var target = await link.ExpectTargetAsync();
        Assert.Equal(New, target.Version);
        await host.DecideAsync(New, "pause");
        Assert.Null((await link.ExpectTargetAsync()).Version);
        await host.DecideAsync(New, "resume");
        Assert.True(target.IsSame(await link.ExpectTargetAsync()));
        await host.OfferAsync(bundles, Newer);
        Assert.Equal(Newer, (await link.ExpectTargetAsync()).Version);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/links/{link.LinkId}/update", $$"""{"version":"{{New}}"}""");
        Assert.Equal(New, (await link.ExpectTargetAsync()).Version);

        // There, it is told nothing more.
        link.Version = New;
        Assert.Null((await link.ConnectAsync()).Update!.Version);
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/links/{link.LinkId}/update", "{}");
        Assert.Equal(Newer, (await link.ExpectTargetAsync()).Version);

        // Withdrawn, what runs is gone back from.
        link.Version = Newer;
        Assert.Null((await link.ConnectAsync()).Update!.Version);
        await host.DecideAsync(Newer, "withdraw");
        Assert.Equal(New, (await link.ExpectTargetAsync()).Version);
        using var resumed = await host.SendAsync(HttpMethod.Post, $"/admin/v1/releases/{Newer}/resume", adminKey: ApiHost.AdminKey);
        await resumed.ErrorAsync(409);
        using var kept = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/releases/{New}", adminKey: ApiHost.AdminKey);
        await kept.ErrorAsync(409);
        using var removed = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/releases/{Newer}", adminKey: ApiHost.AdminKey);
        Assert.Equal(HttpStatusCode.NoContent, removed.StatusCode);
        Assert.Single(Directory.GetFiles(Path.Combine(host.DataDirectory, "releases")));
    }

    [Theory]
    [InlineData("PUT", "releases/26.1201.1/rings/all", """{"percentage":101}""", 400)]
    [InlineData("PUT", "releases/26.1201.1/rings/all", """{"percentage":-1}""", 400)]
    [InlineData("PUT", "releases/26.1201.1/rings/all", "{}", 400)]
    [InlineData("PUT", "releases/26.1201.1/rings/some", """{"percentage":1}""", 404)]
    [InlineData("PUT", "releases/26.1201.9/rings/all", """{"percentage":1}""", 404)]
    [InlineData("PUT", "links/{link}/update", """{"ring":"some"}""", 400)]
    [InlineData("PUT", "links/{link}/update", """{"version":"26.1201.9"}""", 400)]
    [InlineData("PUT", "links/none/update", "{}", 404)]
    [InlineData("GET", "links?update=late", null, 400)]
    public async Task What_there_is_not_is_refused(string method, string path, string? body, int status)
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await host.OfferAsync(bundles, New);
        using var answer = await host.SendAsync(new(method), $"/admin/v1/{path.Replace("{link}", link.LinkId.ToString(), StringComparison.Ordinal)}", body, adminKey: ApiHost.AdminKey);
        await answer.ErrorAsync(status);
    }
}
