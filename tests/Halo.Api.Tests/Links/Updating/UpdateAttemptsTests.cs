using System.Text.Json;
using Halo.Api.Links;
using Halo.Api.Links.Updating;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Links.Updating;

/// <summary>How a release goes at many Links, and when it goes no further.</summary>
public class UpdateAttemptsTests
{
    const string Old = "26.1122.1", New = "26.1201.1";
    static readonly LinkPlatform Linux = new("linux", "x64");

    [Theory]
    [InlineData(1000)]
    [InlineData(1_800_000)]
    public async Task A_Link_that_is_silent_after_its_switch_counts_as_failed_when_its_time_is_over_and_not_before(int silentAfterMs)
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(time, bundles.Setting, $"Halo:Updates:SilentAfterMs={silentAfterMs}");
        await using var link = new SimulatedLink(host) { Platform = Linux };
        await link.StartAsync();
        await host.OfferAsync(bundles, New);
        await link.BeatAsync(new(UpdateStage.Installing) { Version = New });
        var attempts = host.Services.GetRequiredService<UpdateAttempts>();
        await Until.TrueAsync(() => Task.FromResult(attempts.Find(link.LinkId, New) is { State: AttemptState.Updating }));

        // While it is connected it is not silent. For longer this clock cannot go on at once: the line would be given up for dead on the way.
        if (silentAfterMs == 1000)
        {
            time.Advance(TimeSpan.FromMilliseconds(silentAfterMs));
            Assert.Equal(AttemptState.Updating, attempts.Find(link.LinkId, New)!.State);
        }
        await link.BreakAsync();
        var links = host.Services.GetRequiredService<LinkDirectory>();
        await Until.TrueAsync(async () => !(await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}")).GetProperty("connected").GetBoolean()
            && links.Find(link.LinkId)?.LastHeardAt == time.GetUtcNow());
        time.Advance(TimeSpan.FromMilliseconds(silentAfterMs - 1));
        Assert.Equal(AttemptState.Updating, attempts.Find(link.LinkId, New)!.State);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(AttemptState.Silent, attempts.Find(link.LinkId, New)!.State);
        await Until.TrueAsync(async () => await host.StatusOfAsync(New) == "stopped");
        Assert.Equal("silent", (await LinkAsync(host, link)).GetProperty("update").GetProperty("last").GetProperty("outcome").GetString());

        // Heard of again, it says itself how it ended.
        link.Version = New;
        await link.ConnectAsync();
        await link.BeatAsync(new(UpdateStage.Current) { Last = new(UpdateOutcome.Installed, "It runs.", time.GetUtcNow()) { From = Old, To = New } });
        await Until.TrueAsync(async () => (await LinkAsync(host, link)).GetProperty("update").GetProperty("last").GetProperty("outcome").GetString() == "installed");
        Assert.Equal(0, Failed(await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}")));
    }

    [Fact]
    public async Task A_thousand_Links_are_updated_ring_by_ring_and_a_bad_release_goes_no_further_than_the_canaries()
    {
        const string bad = "26.1201.2";
        const int count = 1000, canaries = 20, early = 100;
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var fleet = await Fleet.StartAsync(host, count);
        await Parallel.ForEachAsync(fleet.Links.Take(canaries + early).Select((link, i) => (link.Id, Ring: i < canaries ? "canary" : "early")), new ParallelOptions { MaxDegreeOfParallelism = 4 },
            async (link, _) => await host.AdminAsync(HttpMethod.Put, $"/admin/v1/links/{link.Id}/update", $$"""{"ring":"{{link.Ring}}"}"""));

        // A good one goes from ring to ring.
        await host.OfferAsync(bundles, New, "canary");
        await fleet.BecomesAsync(New, canaries);
        await host.SetRingAsync(New, "early", 100);
        await fleet.BecomesAsync(New, canaries + early);
        await host.SetRingAsync(New, "all", 30);
        var share = fleet.Links.Skip(canaries + early).Count(l => RolloutRules.PlaceOf(l.Id) < 30);
        await fleet.BecomesAsync(New, canaries + early + share);
        await host.SetRingAsync(New, "all", 100);
        await fleet.BecomesAsync(New, count);
        Assert.Equal("active", await host.StatusOfAsync(New));
        var progress = (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}")).GetProperty("progress").EnumerateArray().Select(p => p.GetProperty("installed").GetInt32());
        Assert.Equal([canaries, early, count - canaries - early], progress);

        // A bad one stops by itself where it was offered first; nobody else has ever heard of it, and those who had begun have gone back.
        fleet.Bad = bad;
        await host.OfferAsync(bundles, bad, "canary");
        await Until.TrueAsync(async () => await host.StatusOfAsync(bad) == "stopped");
        await host.SetRingAsync(bad, "all", 100);
        Assert.Empty((await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=pending")).GetProperty("links").EnumerateArray());
        Assert.DoesNotContain(fleet.Links.Skip(canaries), l => l.Tried.Contains(bad));
        Assert.InRange(fleet.Links.Take(canaries).Count(l => l.Tried.Contains(bad)), 2, canaries);
        await fleet.BecomesAsync(New, count);
        Assert.InRange((await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=failed")).GetProperty("links").GetArrayLength(), 2, canaries);
    }

    static int Failed(JsonElement release) => release.GetProperty("progress").EnumerateArray().Sum(p => p.GetProperty("failed").GetInt32());

    static Task<JsonElement> LinkAsync(ApiHost host, SimulatedLink link) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}");
}
