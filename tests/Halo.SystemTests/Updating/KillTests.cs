using System.Globalization;
using System.Net;
using Halo.Releases.Handover;
using Halo.Testing;

namespace Halo.SystemTests.Updating;

/// <summary>Kills at random moments of updates. <c>HALO_UPDATE_KILLS</c> says how many (default 8).</summary>
[Collection(nameof(Updating))]
public sealed class KillTests
{
    static int Kills => int.TryParse(Environment.GetEnvironmentVariable("HALO_UPDATE_KILLS"), CultureInfo.InvariantCulture, out var kills) ? kills : 8;

    [Fact]
    public async Task Whatever_is_killed_at_whatever_moment_of_an_update_a_Link_serves()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        using var enough = new CancellationTokenSource();
        var queries = world.Practice.AskAsync(world.Integrator, world.Site.Id, enough.Token);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 1; round <= Kills; round++)
        {
            var (from, to) = (world.Current, TestReleases.Version(round));
            var id = world.HandOver(world.Releases.Bundle(to));
            await Task.Delay(random.Next(6000));
            var what = random.Next(3);
            if (what is 0 or 2)
                world.KillUpdater();
            if (what is 1)
                world.KillAgent();
            if (what is 2)
            {
                world.KillService();
                world.Boot();
            }
            var said = $"seed {seed}, round {round}, killed {what}";
            await Eventually.BecomesAsync(() => Task.FromResult(world.IsIdle), idle => idle, TimeSpan.FromMinutes(3));
            // The request itself may have gone with the updater that had just taken it.
            var current = world.Current;
            Assert.True(current == to || current == from, $"{said}: {current} is current, neither {from} nor {to}.");
            Assert.True(current == to || world.Stands.Last?.Id != id || world.Stands.Last.Outcome != UpdateOutcome.Installed, said);
            await Eventually.BecomesAsync(() => world.Integrator.ImmediateAsync(world.Site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
            await Eventually.BecomesAsync(world.RunningAsync, v => v == world.Current);
        }
        await enough.CancelAsync();
        await queries;
        var (asked, done) = world.Practice.Verify();
        Assert.InRange(done, 1, asked);
        Assert.Empty(Directory.GetDirectories(Path.Combine(world.Programs, "versions"), ".*"));
    }

    [Fact]
    public async Task A_state_file_that_is_damaged_is_set_aside_and_the_current_version_goes_on()
    {
        Assert.SkipWhen(UpdateWorld.Missing is not null, UpdateWorld.Missing ?? "");
        await using var world = await UpdateWorld.StartAsync();
        Directory.CreateDirectory(world.State);
        await File.WriteAllTextAsync(Path.Combine(world.State, UpdateState.FileName), "{\"pending\":{\"to\":\"../../etc\"");
        var end = await world.EndAsync(world.HandOver(world.Releases.Bundle(TestReleases.Version(1))));
        Assert.Equal(UpdateOutcome.Installed, end.Outcome);
        Assert.True(File.Exists(Path.Combine(world.State, UpdateState.FileName + ".damaged")));

        // Nor does a lost pointer keep the Link from starting.
        world.KillService();
        await File.WriteAllTextAsync(Path.Combine(world.Programs, "current"), "\0\0\0\0");
        world.Boot();
        await Eventually.BecomesAsync(world.RunningAsync, v => v == TestReleases.Version(1));
    }
}
