using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Soak;

/// <summary>A minute of what <c>./soak</c> does for as long as it is asked to.</summary>
[Collection(nameof(Alone))]
public sealed class SoakTests
{
    [Fact]
    public async Task Nothing_is_lost_and_nothing_runs_twice_while_everything_is_killed_frozen_and_cut()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Freezing processes needs Linux: run ./soak there.");
        var seed = Environment.GetEnvironmentVariable("HALO_SOAK_SEED") ?? "1";
        await using var soak = HaloProcess.Start(Repository.TestProgram("Halo.Soak"), ["--minutes", "1", "--seed", seed]);
        var code = await soak.Exited.WaitAsync(TimeSpan.FromMinutes(6));
        TestContext.Current.TestOutputHelper?.WriteLine(soak.Output);
        Assert.True(code == 0, $"Again with ./soak --minutes 1 --seed {seed}. It wrote:\n{soak.Output}");
    }
}
