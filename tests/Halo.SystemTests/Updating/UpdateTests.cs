using System.Net;
using System.Text.Json.Nodes;
using Halo.Releases.Handover;
using Halo.Testing;

namespace Halo.SystemTests.Updating;

/// <summary>Halo Link updates itself: good releases stay, bad ones go back by themselves, and queries go on.</summary>
[Collection(nameof(Updating))]
public sealed class UpdateTests
{
    /// <summary>For releases that cannot be as good as the one before, whatever time they have.</summary>
    const int ShortGate = 12;

    static readonly string A = TestReleases.Version(0), B = TestReleases.Version(1), C = TestReleases.Version(2), D = TestReleases.Version(3), E = TestReleases.Version(4), F = TestReleases.Version(5);

    [Fact]
    public async Task A_good_release_stays_bad_ones_go_back_by_themselves_and_no_query_is_lost_or_runs_twice()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        using var enough = new CancellationTokenSource();
        var queries = world.Practice.AskAsync(world.Integrator, world.Site.Id, enough.Token);

        var updated = await world.HaloLinkAsync("update", "--from", world.Releases.Bundle(B));
        Assert.True(updated.ExitCode == 0, $"{updated.Output}\n{world.Log("updater.log")}\n{world.Log("log")}");
        Assert.Contains($"Version {B} runs in place of {A}.", updated.Output, StringComparison.Ordinal);
        Assert.Equal((B, B), (world.Current, await world.RunningAsync()));

        // It crashes when it starts.
        var crashed = await world.EndAsync(world.HandOver(world.Releases.Bundle(C, "[ \"$1\" != run ] || exit 3")));
        Assert.Contains("ended by itself", BackTo(B, C, crashed, world), StringComparison.Ordinal);

        // It is there, and cannot connect, while the version before can.
        world.Gate = ShortGate;
        var unconnected = await world.EndAsync(world.HandOver(world.Releases.Bundle(D, "export HALOLINK__api=http://127.0.0.1:1")));
        Assert.Contains("had no session with the API", BackTo(B, D, unconnected, world), StringComparison.Ordinal);

        // It connects, and cannot reach the database that the version before reaches.
        var missing = Path.Combine(world.Fixture.TemporaryDirectory, "missing.db");
        var blind = await world.EndAsync(world.HandOver(world.Releases.Bundle(E, $"export HALOLINK__sites__0__connectionString='Data Source={missing}'")));
        Assert.Contains("could not reach 1 of the 1 database(s)", BackTo(B, E, blind, world), StringComparison.Ordinal);
        world.Gate = 120;

        // Its updater does not start, and could never be replaced.
        var stuck = await world.EndAsync(world.HandOver(world.Releases.Bundle(F, updater: "exit 1")));
        Assert.Contains("updater", BackTo(B, F, stuck, world), StringComparison.Ordinal);

        // What was no good is not tried again by itself.
        var again = await world.EndAsync(world.HandOver(world.Releases.Bundle(C)));
        Assert.Equal(UpdateOutcome.Refused, again.Outcome);
        Assert.Contains("was tried here", again.Message, StringComparison.Ordinal);

        // A person goes back, and sees it.
        var back = await world.HaloLinkAsync("rollback");
        Assert.True(back.ExitCode == 0, back.Output);
        Assert.Equal((A, A), (world.Current, await world.RunningAsync()));
        Assert.Contains($"Version {A} runs in place of {B}.", (await world.HaloLinkAsync("status")).Output, StringComparison.Ordinal);
        Assert.Contains($"Version {A} runs in place of {B}.", (await world.HaloLinkAsync("doctor")).Output, StringComparison.Ordinal);
        Assert.Contains(world.Stands.Refused, r => r.Version == B);

        // Two good versions are kept at the most, and nothing of the bad ones.
        Assert.Empty(Directory.GetDirectories(Path.Combine(world.Programs, "versions")).Select(d => Path.GetFileName(d)).Except([A, B]));

        await enough.CancelAsync();
        await queries;
        var (asked, done) = world.Practice.Verify();
        Assert.InRange(done, 1, asked);
        Assert.Equal(HttpStatusCode.OK, (await world.Integrator.ImmediateAsync(world.Site.Id, "SELECT 1")).Status);
    }

    [Fact]
    public async Task An_outage_of_the_API_is_no_fault_of_a_release()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        world.Gate = 8;
        await world.Fixture.Api.Process.KillAsync();
        var id = world.HandOver(world.Releases.Bundle(B));
        // Neither version has a session: there is no verdict, and the one that was good runs.
        await Eventually.BecomesAsync(() => Task.FromResult(world.Stands.Pending), p => p is { Phase: UpdatePhase.Waiting });
        world.Gate = 120;
        await world.Fixture.Api.StartAsync();
        world.KillUpdater();
        Assert.Equal(UpdateOutcome.Installed, (await world.EndAsync(id)).Outcome);
        Assert.Equal(B, await world.RunningAsync());
    }

    static string BackTo(string good, string bad, UpdateResult result, UpdateWorld world)
    {
        Assert.True(result.Outcome == UpdateOutcome.RolledBack, $"{result.Message}\n{world.Log("updater.log")}");
        Assert.Equal((good, bad), (result.From, result.To));
        Assert.Equal(good, world.Current);
        Assert.Contains(world.Stands.Refused, r => r.Version == bad);
        return result.Message;
    }
}
