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

        // While it is connected it is not silent. By the longer time this clock cannot go on here: the line would be given up for dead on the way.
        time.Advance(TimeSpan.FromMilliseconds(Math.Min(silentAfterMs, 1000)));
        Assert.Equal(AttemptState.Updating, attempts.Find(link.LinkId, New)!.State);
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
        // Between the two it has said nothing of an end.
        await Until.TrueAsync(async () => (await LinkAsync(host, link)).TryGetProperty("update", out var update) && update.TryGetProperty("last", out var last)
            && last.GetProperty("outcome").GetString() == "installed");
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
        // Two at once, and the third where the first was back before the second.
        Assert.InRange(fleet.Links.Take(canaries).Count(l => l.Tried.Contains(bad)), 2, 3);
        await fleet.BecomesAsync(New, count);
        Assert.InRange((await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=failed")).GetProperty("links").GetArrayLength(), 2, 3);
    }

    [Fact]
    public async Task What_a_Link_says_of_a_release_that_it_was_never_offered_stops_it_for_nobody()
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var first = LinkWhere(place => place < 50);
        await using var second = LinkWhere(place => place < 50);
        await using var outside = LinkWhere(place => place >= 50);
        foreach (var link in (SimulatedLink[])[first, second, outside])
            await link.StartAsync();
        await host.OfferAsync(bundles, New, "all", 50);
        // It was given it by hand, or makes it up.
        await EndAsync(outside, UpdateOutcome.RolledBack);
        await EndAsync(first, UpdateOutcome.Installed);
        await EndAsync(second, UpdateOutcome.RolledBack);
        await Until.TrueAsync(async () => await host.StatusOfAsync(New) == "stopped");
        var release = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}");
        Assert.StartsWith("1 of the 2 Links of the ring all", release.GetProperty("reason").GetString(), StringComparison.Ordinal);
        // What it said is shown all the same.
        Assert.Equal(2, Failed(release));

        SimulatedLink LinkWhere(Predicate<int> fits)
        {
            var id = Guid.NewGuid();
            while (!fits(RolloutRules.PlaceOf(id)))
                id = Guid.NewGuid();
            return new(host) { LinkId = id, PmsId = id.ToString(), Platform = Linux };
        }

        Task EndAsync(SimulatedLink link, UpdateOutcome outcome) => UpdateAttemptsTests.EndAsync(host, link, outcome, New);
    }

    [Fact]
    public async Task A_resumed_release_has_the_Links_that_are_well_and_its_failures_so_far_do_not_count()
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting, "Halo:Updates:FailurePercent=50");
        List<SimulatedLink> links = [];
        for (var i = 0; i < 5; i++)
        {
            links.Add(new SimulatedLink(host) { PmsId = $"practice {i}", Platform = Linux });
            await links[i].StartAsync();
        }
        await host.OfferAsync(bundles, New);
        await EndAsync(host, links[0], UpdateOutcome.Installed, New);
        await EndAsync(host, links[1], UpdateOutcome.Installed, New);
        await EndAsync(host, links[2], UpdateOutcome.RolledBack, New);
        await host.DecideAsync(New, "resume");
        await EndAsync(host, links[3], UpdateOutcome.RolledBack, New);
        await EndAsync(host, links[4], UpdateOutcome.RolledBack, New);
        await Until.TrueAsync(async () => await host.StatusOfAsync(New) == "stopped");
        Assert.StartsWith("2 of the 4 Links", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}")).GetProperty("reason").GetString(), StringComparison.Ordinal);
        foreach (var link in links)
            await link.DisposeAsync();
    }

    [Fact]
    public async Task A_Link_that_cannot_go_back_does_not_stop_the_older_release_for_those_that_can()
    {
        const string older = "26.1120.1";
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var first = new SimulatedLink(host) { PmsId = "1", Platform = Linux };
        await using var second = new SimulatedLink(host) { PmsId = "2", Platform = Linux };
        await first.StartAsync();
        await second.StartAsync();
        await host.OfferAsync(bundles, older);
        await host.OfferAsync(bundles, Old);
        await host.DecideAsync(Old, "withdraw");
        Assert.Equal(older, (await first.ExpectTargetAsync()).Version);
        await EndAsync(host, first, UpdateOutcome.Refused, older, AttemptState.Failed);
        // Nor is the same one a failure that runs already.
        await EndAsync(host, second, UpdateOutcome.Refused, Old, AttemptState.Failed);
        // Forwards a refusal counts, and so does what was tried.
        await EndAsync(host, second, UpdateOutcome.RolledBack, older);
        await Until.TrueAsync(async () => await host.StatusOfAsync(older) == "stopped");
        Assert.StartsWith("1 of the 1 Links", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{older}")).GetProperty("reason").GetString(), StringComparison.Ordinal);
        await host.OfferAsync(bundles, New);
        await EndAsync(host, first, UpdateOutcome.Refused, New);
        await Until.TrueAsync(async () => await host.StatusOfAsync(New) == "stopped");
    }

    /// <summary>A Link says how a release ended there.</summary>
    static async Task EndAsync(ApiHost host, SimulatedLink link, UpdateOutcome outcome, string version, AttemptState? counted = null)
    {
        await link.BeatAsync(new(UpdateStage.Current) { Last = new(outcome, "It ended.", DateTimeOffset.UtcNow) { From = Old, To = version } });
        var attempts = host.Services.GetRequiredService<UpdateAttempts>();
        await Until.TrueAsync(() => Task.FromResult(attempts.Find(link.LinkId, version)?.State.ToString() == (counted?.ToString() ?? outcome.ToString())));
    }

    static int Failed(JsonElement release) => release.GetProperty("progress").EnumerateArray().Sum(p => p.GetProperty("failed").GetInt32());

    static Task<JsonElement> LinkAsync(ApiHost host, SimulatedLink link) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}");
}
