using Halo.Testing.Processes;

namespace Halo.Cli.Tests;

/// <summary>Exit codes where something is away.</summary>
public sealed class AwayTests
{
    [Fact]
    public async Task What_cannot_be_asked_now_is_told_apart_from_what_was_refused()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var halo = new CommandLine(fixture.TemporaryDirectory);
        halo.Environment["HALO_API"] = fixture.Api.Address.ToString();
        halo.Environment["HALO_KEY"] = integrator.Key;
        halo.Environment["HALO_SITE"] = site.Id.ToString();
        halo.Environment["HALO_RETRY_SECONDS"] = "0";

        link.Process.Terminate();
        await link.Process.Exited;
        var away = await halo.RunAsync(["query", "SELECT 1"]);
        Assert.True(away.ExitCode == 4, away.ToString());
        await fixture.Api.Process.KillAsync();
        var unreachable = await halo.RunAsync(["query", "SELECT 1"]);
        Assert.True(unreachable.ExitCode == 4, unreachable.ToString());
        Assert.Contains("HALO_API", unreachable.Errors, StringComparison.Ordinal);
    }
}
