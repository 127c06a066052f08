using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary><c>halo-link uninstall</c> beside the running program, and alone.</summary>
public sealed class UninstallTests
{
    [Fact]
    public async Task It_ends_the_running_Link_and_the_API_knows_and_a_start_brings_it_back()
    {
        await using var halo = await HaloFixture.StartAsync();
        var (link, site, integrator) = await halo.AddPairedAsync(new("sqlite", halo.SqliteFile()));
        var (code, said) = await UninstallAsync(link);
        Assert.True(code == 0, said);
        Assert.Contains("knows that this Halo Link is uninstalled", said, StringComparison.Ordinal);
        Assert.Equal(0, await link.Process.Exited);
        Assert.Equal(SiteStatus.Uninstalled, Assert.Single(await link.FindSitesAsync()).Status);
        Assert.Equal(403, (int)(await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);

        // Once more, with nothing running.
        (code, said) = await UninstallAsync(link);
        Assert.True(code == 0, said);
        Assert.DoesNotContain("The running Halo Link ends", said, StringComparison.Ordinal);

        var back = Assert.Single(await link.StartAsync());
        Assert.Equal((site.Id, SiteStatus.Active, true), (back.Id, back.Status, back.Authoritative));
        Assert.Equal(200, (int)(await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
    }

    [Fact]
    public async Task Where_the_API_is_away_the_Link_ends_and_the_exit_code_says_that_nobody_was_told()
    {
        await using var halo = await HaloFixture.StartAsync();
        var (link, _, _) = await halo.AddPairedAsync(new("sqlite", halo.SqliteFile()));
        await halo.Api.Process.KillAsync();
        var (code, said) = await UninstallAsync(link);
        Assert.True(code == 4, said);
        Assert.Contains("could not be told", said, StringComparison.Ordinal);
        Assert.Equal(0, await link.Process.Exited);

        await halo.Api.StartAsync();
        Assert.Equal(SiteStatus.Active, Assert.Single(await link.FindSitesAsync()).Status);
        (code, said) = await UninstallAsync(link);
        Assert.True(code == 0, said);
        await Eventually.BecomesAsync(link.FindSitesAsync, s => s is [{ Status: SiteStatus.Uninstalled }]);
    }

    static async Task<(int Code, string Said)> UninstallAsync(LinkProgram link)
    {
        await using var process = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["uninstall", "--config", link.ConfigurationFile], link.Environment);
        return (await process.Exited, process.Output);
    }
}
