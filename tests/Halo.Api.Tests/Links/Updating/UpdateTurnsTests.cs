using System.Net;
using Halo.Api.Links.Updating;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Links.Updating;

/// <summary>Links ask for their turn: few go to a release first, so that what is wrong with it shows at few.</summary>
public sealed class UpdateTurnsTests(SharedPostgres postgres)
{
    const string Keep = LinkHttp.KeepTurn, Begin = LinkHttp.BeginTurn, Old = "26.1122.1", New = "26.1201.1";

    [Fact]
    public async Task Two_go_first_and_then_as_many_as_are_well()
    {
        await using var world = await World.StartAsync(5);
        var (a, b, c, d, e) = (world.Links[0], world.Links[1], world.Links[2], world.Links[3], world.Links[4]);
        await YesAsync(a, Keep);
        await YesAsync(b, Keep);
        await NoAsync(c, Keep);
        await NoAsync(c, Begin);
        // Asked again, as after a broken connection, it is the same turn.
        await YesAsync(a, Keep);
        await YesAsync(a, Begin);
        await YesAsync(a, Begin);
        await NoAsync(c, Keep);
        Assert.Equal(AttemptState.Updating, world.StateOf(a));
        Assert.Null(world.StateOf(b));

        // One that is well makes room for one; with the second, and the third, there is room for more.
        await world.InstalledAsync(a);
        await YesAsync(c, Begin);
        await NoAsync(d, Keep);
        await YesAsync(b, Begin);
        await world.InstalledAsync(b);
        await world.InstalledAsync(c);
        await YesAsync(d, Keep);
        await YesAsync(e, Keep);
    }

    [Theory, OnBothStores]
    public async Task Who_has_begun_is_under_way_also_after_a_restart_of_the_service(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        await using var world = await World.StartAsync(3, settings: store.Settings);
        await YesAsync(world.Links[0], Begin);
        await YesAsync(world.Links[1], Begin);
        var release = await world.Host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{New}");
        Assert.Equal(2, release.GetProperty("progress").EnumerateArray().Sum(p => p.GetProperty("updating").GetInt32()));
        foreach (var link in world.Links)
            await link.BreakAsync();
        await world.Host.DisposeAsync();

        await using var again = await ApiHost.StartAsync([.. store.Settings, world.Bundles.Setting]);
        await using var third = world.Links[2].Clone(again);
        await NoAsync(third, Keep);
        await using var first = world.Links[0].Clone(again);
        await YesAsync(first, Begin);
    }

    [Fact]
    public async Task A_kept_turn_ends_after_15_minutes_unless_it_is_asked_for_again()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var world = await World.StartAsync(4, time);
        await world.BreakAsync();
        var (a, b, c, d) = (world.Links[0], world.Links[1], world.Links[2], world.Links[3]);
        await YesAsync(a, Keep);
        await YesAsync(b, Keep);
        time.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromMilliseconds(1));
        await NoAsync(c, Keep);
        await YesAsync(b, Keep);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await YesAsync(c, Keep);
        await NoAsync(d, Keep);
        // The first has lost its turn.
        await NoAsync(a, Begin);
        Assert.Null(world.StateOf(a));
        await YesAsync(b, Begin);
    }

    [Fact]
    public async Task Who_is_told_no_gives_its_place_back()
    {
        await using var world = await World.StartAsync(4);
        var (a, b, c, d) = (world.Links[0], world.Links[1], world.Links[2], world.Links[3]);
        await YesAsync(a, Begin);
        await YesAsync(b, Begin);
        await world.SetAsync(c, $$"""{"version":"{{New}}"}""");
        await YesAsync(c, Keep);
        await world.SetAsync(c, "{}");
        await NoAsync(c, Begin);
        await world.InstalledAsync(a);
        await YesAsync(d, Begin);
    }

    [Fact]
    public async Task Who_waits_with_a_turn_goes_no_further_once_the_release_has_stopped()
    {
        await using var world = await World.StartAsync(2);
        var (a, b) = (world.Links[0], world.Links[1]);
        await YesAsync(a, Keep);
        await world.SetAsync(b, """{"ring":"canary"}""");
        await world.EndedAsync(b, UpdateOutcome.RolledBack);
        await Until.TrueAsync(async () => await world.Host.StatusOfAsync(New) == "stopped");
        Assert.Null((await a.AskUpdateAsync(Begin, New)).Version);
        Assert.Null(world.StateOf(a));
        await world.Host.DecideAsync(New, "resume");
        await YesAsync(a, Begin);
    }

    [Fact]
    public async Task Who_was_let_go_and_is_about_something_else_is_no_failure_of_the_release()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var world = await World.StartAsync(3, time);
        var (a, b, c) = (world.Links[0], world.Links[1], world.Links[2]);
        await YesAsync(a, Begin);
        await YesAsync(b, Begin);
        // What was on its way when it was let go says nothing yet.
        await a.BeatAsync(new(UpdateStage.Waiting) { Version = New });
        await a.BeatAsync(new(UpdateStage.Waiting) { Version = New });
        Assert.Equal(AttemptState.Updating, world.StateOf(a));
        await NoAsync(c, Keep);
        await world.BreakAsync();
        time.Advance(TimeSpan.FromMinutes(2));
        await a.ConnectAsync();
        await a.BeatAsync(new(UpdateStage.Waiting) { Version = New });
        await Until.TrueAsync(() => Task.FromResult(world.StateOf(a) is AttemptState.Failed));
        await YesAsync(c, Keep);
        Assert.Equal("active", await world.Host.StatusOfAsync(New));
        await b.ConnectAsync();
        await world.InstalledAsync(b);
        await YesAsync(a, Begin);
        Assert.Equal(AttemptState.Updating, world.StateOf(a));
    }

    [Fact]
    public async Task Who_goes_back_waits_for_nobody()
    {
        const string bad = "26.1205.1";
        await using var world = await World.StartAsync(3);
        await world.Host.OfferAsync(world.Bundles, bad);
        foreach (var link in world.Links)
        {
            await link.BreakAsync();
            link.Version = bad;
            await link.ConnectAsync();
        }
        await world.Host.DecideAsync(bad, "withdraw");
        foreach (var link in world.Links)
            await YesAsync(link, Begin);
    }

    [Fact]
    public async Task Who_is_undecided_keeps_nobody_back_for_longer_than_an_hour()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var world = await World.StartAsync(3, time, settings: "Halo:Updates:SilentAfterMs=86400000");
        await world.BreakAsync();
        await YesAsync(world.Links[0], Begin);
        await YesAsync(world.Links[1], Begin);
        time.Advance(TimeSpan.FromHours(1) - TimeSpan.FromMilliseconds(1));
        // Nor does it begin anew by asking again.
        await YesAsync(world.Links[0], Begin);
        await NoAsync(world.Links[2], Begin);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await YesAsync(world.Links[2], Begin);
        // After that it does: both are under way again.
        await YesAsync(world.Links[0], Begin);
        await NoAsync(world.Links[1], Begin);
    }

    [Fact]
    public async Task Each_ring_has_turns_of_its_own_and_who_has_a_version_of_its_own_waits_for_nobody()
    {
        await using var world = await World.StartAsync(6);
        await YesAsync(world.Links[0], Keep);
        await YesAsync(world.Links[1], Begin);
        await NoAsync(world.Links[2], Keep);
        foreach (var link in world.Links[3..])
            await world.SetAsync(link, """{"ring":"early"}""");
        await YesAsync(world.Links[3], Keep);
        await YesAsync(world.Links[4], Begin);
        await NoAsync(world.Links[5], Begin);
        await world.SetAsync(world.Links[2], $$"""{"version":"{{New}}"}""");
        await YesAsync(world.Links[2], Keep);
        await YesAsync(world.Links[2], Begin);
        Assert.Equal(AttemptState.Updating, world.StateOf(world.Links[2]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("?turn")]
    [InlineData("?turn=")]
    [InlineData("?turn=later")]
    [InlineData("?turn=KEEP")]
    [InlineData("?turn=keep&turn=begin&version=26.1201.1")]
    [InlineData("?turn=keep")]
    [InlineData("?turn=begin&version=")]
    [InlineData("?turn=begin&version=26.1130.1")]
    [InlineData("?turns=keep")]
    public async Task Anything_else_is_answered_as_without_a_turn(string query)
    {
        await using var world = await World.StartAsync(3);
        for (var i = 0; i < 2; i++)
        {
            foreach (var link in world.Links)
            {
                using var answer = await link.GetAsync(LinkHttp.UpdatePath + query);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
                var body = await answer.Content.ReadAsStringAsync();
                Assert.Contains(New, body, StringComparison.Ordinal);
                Assert.DoesNotContain("notYet", body, StringComparison.Ordinal);
            }
        }
        Assert.All(world.Links, l => Assert.Null(world.StateOf(l)));
        await YesAsync(world.Links[1], Keep);
        await YesAsync(world.Links[2], Begin);
    }

    [Fact]
    public async Task Who_is_offered_nothing_has_no_turn()
    {
        await using var world = await World.StartAsync(1);
        await world.Host.DecideAsync(New, "pause");
        foreach (var step in (string[])[Keep, Begin])
        {
            var target = await world.Links[0].AskUpdateAsync(step, New);
            Assert.Equal((null, false), (target.Version, target.NotYet));
        }
        using var untrusted = await world.Host.Client.GetAsync($"{LinkHttp.UpdatePath}?turn={Begin}");
        await untrusted.ErrorAsync(401);
        Assert.Null(world.StateOf(world.Links[0]));
    }

    static async Task YesAsync(SimulatedLink link, string step)
    {
        var target = await link.AskUpdateAsync(step, New);
        Assert.Equal((New, false), (target.Version, target.NotYet));
    }

    static async Task NoAsync(SimulatedLink link, string step)
    {
        var target = await link.AskUpdateAsync(step, New);
        Assert.Equal((New, true), (target.Version, target.NotYet));
        Assert.True(target.IsSound);
    }

    /// <summary>Links that are offered a release, each in the ring <c>all</c>.</summary>
    sealed class World(ApiHost host, TestBundle bundles) : IAsyncDisposable
    {
        public ApiHost Host => host;

        public TestBundle Bundles => bundles;

        public List<SimulatedLink> Links { get; } = [];

        public static async Task<World> StartAsync(int count, TimeProvider? time = null, params string[] settings)
        {
            var bundles = new TestBundle();
            var world = new World(await ApiHost.StartAsync(time ?? TimeProvider.System, [bundles.Setting, .. settings]), bundles);
            for (var i = 0; i < count; i++)
            {
                var link = new SimulatedLink(world.Host) { PmsId = $"practice {i}", Platform = new("linux", "x64") };
                world.Links.Add(link);
                await link.StartAsync();
            }
            await world.Host.OfferAsync(bundles, New);
            return world;
        }

        public AttemptState? StateOf(SimulatedLink link) => host.Services.GetRequiredService<UpdateAttempts>().Find(link.LinkId, New)?.State;

        public async Task InstalledAsync(SimulatedLink link)
        {
            link.Version = New;
            await EndedAsync(link, UpdateOutcome.Installed);
        }

        public async Task EndedAsync(SimulatedLink link, UpdateOutcome outcome)
        {
            await link.BeatAsync(new(UpdateStage.Current) { Last = new(outcome, "It ended.", DateTimeOffset.UtcNow) { From = Old, To = New } });
            await Until.TrueAsync(() => Task.FromResult(StateOf(link)?.ToString() == outcome.ToString()));
        }

        public async Task SetAsync(SimulatedLink link, string update) => await host.AdminAsync(HttpMethod.Put, $"/admin/v1/links/{link.LinkId}/update", update);

        /// <summary>So that the clock may go on for long: a line that hears nothing is given up.</summary>
        public async Task BreakAsync()
        {
            foreach (var link in Links)
            {
                await link.BreakAsync();
                await Until.TrueAsync(async () => !(await host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{link.LinkId}")).GetProperty("connected").GetBoolean());
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var link in Links)
                await link.DisposeAsync();
            await host.DisposeAsync();
            bundles.Dispose();
        }
    }
}
