using System.Text.Json.Nodes;
using Halo.Testing;

namespace Halo.SystemTests.Updating;

/// <summary>From the operator's upload to a Link that runs it, or has gone back and says why, with nobody at the practice.</summary>
[Collection(nameof(Updating))]
public sealed class OfferedReleaseTests
{
    static readonly string A = TestReleases.Version(0), B = TestReleases.Version(1), C = TestReleases.Version(2);
    static readonly TimeSpan Long = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task A_Link_installs_what_it_is_offered_and_comes_back_from_what_is_bad_while_queries_run()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        var @operator = new ReleaseOperator(world.Fixture.Api.Admin);
        using var enough = new CancellationTokenSource();
        var queries = world.Practice.AskAsync(world.Integrator, world.Site.Id, enough.Token);

        // Uploaded, it is offered to nobody.
        await @operator.UploadAsync(world.Releases.Bundle(B));
        Assert.Null((await @operator.LinkAsync()).Target);
        await @operator.OfferAsync(B, "all", 100);
        await world.SeenAsync(@operator.LinkAsync, l => l is { Version: var v, Outcome: "installed", Phase: "current", Target: null } && v == B, Long);
        Assert.Equal((B, B), (world.Current, await world.RunningAsync()));
        Assert.Equal(1, Installed(await @operator.ReleaseAsync(B)));
        Assert.Equal(0, await @operator.CountAsync("failed"));

        // It ends when it starts: the old one comes back, the operator hears why, and the release goes no further.
        await @operator.UploadAsync(world.Releases.Bundle(C, "[ \"$1\" != run ] || exit 3"));
        await @operator.OfferAsync(C, "canary", 100);
        Assert.Null((await @operator.LinkAsync()).Target);
        await @operator.OfferAsync(C, "all", 100);
        var seen = await world.SeenAsync(@operator.LinkAsync, l => l.Outcome == "rolledBack", Long);
        Assert.Equal((B, C), (seen.Version, seen.To));
        Assert.Contains("ended by itself", seen.Message, StringComparison.Ordinal);
        var release = await Eventually.BecomesAsync(() => @operator.ReleaseAsync(C), r => r["status"]!.GetValue<string>() == "stopped");
        Assert.Contains("1 of the 1 Links of the ring all", release["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(1, await @operator.CountAsync("failed"));
        Assert.Contains("release.stopped", await @operator.AuditAsync());

        // Offered again all the same, it is not tried again by itself.
        await @operator.DecideAsync(C, "resume");
        await world.SeenAsync(@operator.LinkAsync, l => l is { Phase: "failed" } && l.Target == C, Long);
        Assert.Equal(B, await world.RunningAsync());

        await enough.CancelAsync();
        await queries;
        var (asked, done) = world.Practice.Verify();
        Assert.InRange(done, 1, asked);
        Assert.Empty(Directory.GetFiles(Path.Combine(world.Data, "update")));
    }

    [Fact]
    public async Task The_practices_hours_and_settings_and_the_operators_pause_are_kept_and_a_person_at_the_practice_goes_before_them()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        var hour = TimeProvider.System.GetLocalNow().Hour;
        await using var world = await UpdateWorld.StartAsync(hours: $"{(hour + 3) % 24}-{(hour + 4) % 24}");
        var @operator = new ReleaseOperator(world.Fixture.Api.Admin);
        await @operator.UploadAsync(world.Releases.Bundle(B));
        await @operator.OfferAsync(B, "all", 100);
        var waiting = await world.SeenAsync(@operator.LinkAsync, l => l.Phase == "waiting", Long);
        Assert.Contains("update hours", waiting.Reason, StringComparison.Ordinal);
        Assert.Equal((A, B, 1), (waiting.Version, waiting.Target, await @operator.CountAsync("pending")));
        Assert.Contains($"version {B} is offered: waiting", (await world.HaloLinkAsync("status")).Output, StringComparison.Ordinal);

        await @operator.DecideAsync(B, "pause");
        await world.SeenAsync(@operator.LinkAsync, l => l is { Phase: "current", Target: null }, Long);
        Assert.Contains("offers no other", (await world.HaloLinkAsync("update", "--check")).Output, StringComparison.Ordinal);
        await @operator.DecideAsync(B, "resume");
        await world.SeenAsync(@operator.LinkAsync, l => l.Phase == "waiting", Long);

        world.Configure(f => f["updates"]!["automatic"] = false);
        await world.SeenAsync(@operator.LinkAsync, l => l.Phase == "off", Long);
        var check = await world.HaloLinkAsync("update", "--check");
        Assert.Equal(0, check.ExitCode);
        Assert.Contains($"offers {B}", check.Output, StringComparison.Ordinal);
        Assert.Contains("--now", check.Output, StringComparison.Ordinal);
        Assert.Equal(A, await world.RunningAsync());

        var now = await world.HaloLinkAsync("update", "--now");
        Assert.True(now.ExitCode == 0, now.Output);
        Assert.Contains($"Version {B}: ", now.Output, StringComparison.Ordinal);
        Assert.Contains($"Version {B} runs in place of {A}.", now.Output, StringComparison.Ordinal);
        Assert.Equal(B, await world.RunningAsync());
        await world.SeenAsync(@operator.LinkAsync, l => l is { Phase: "current", Outcome: "installed" }, Long);
    }

    static int Installed(JsonNode release) => release["progress"]!.AsArray().Sum(p => p!["installed"]!.GetValue<int>());
}
