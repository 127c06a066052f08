using System.Net;
using System.Security.Cryptography;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Secrets;

/// <summary><c>halo-api rewrap</c> as an operator runs it, by docs/operations.md.</summary>
public sealed class RewrapCommandTests
{
    [Theory]
    [InlineData()]
    [InlineData("--signing-key")]
    public async Task After_the_command_the_service_needs_the_new_key_alone_and_its_Links_come_back(params string[] options)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var stored = (await integrator.QueueAsync(site.Id, "SELECT 7 AS n")).Query.Id;
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, stored)).Status);
        await StopAsync(link.Process);
        var waiting = (await integrator.QueueAsync(site.Id, "SELECT 8 AS n")).Query.Id;

        // While the service runs it would read what is being changed.
        var (code, output) = await RewrapAsync(fixture, null, options);
        Assert.True(code == 2, $"{code}: {output}");
        await StopAsync(fixture.Api.Process);
        var old = ChangeKey(fixture);
        (code, output) = await RewrapAsync(fixture, null, options);
        Assert.True(code == 2, $"Without the old key nothing can be opened. {code}: {output}");
        (code, output) = await RewrapAsync(fixture, old, options);
        Assert.True(code == 0, $"{code}: {output}");
        Assert.Contains("no longer needed", output, StringComparison.Ordinal);
        Assert.Equal(options.Length > 0, output.Contains("The key that signs Links' access was replaced", StringComparison.Ordinal));
        Assert.DoesNotContain(old, output, StringComparison.Ordinal);
        Assert.DoesNotContain(await File.ReadAllTextAsync(KeyFile(fixture)), output, StringComparison.Ordinal);

        await fixture.Api.StartAsync();
        await link.StartAsync();
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, waiting)).Status);
        foreach (var (query, n) in new[] { (stored, 7), (waiting, 8) })
        {
            using var page = await integrator.PageAsync(site.Id, query, 1);
            Assert.Equal(n, page.RootElement[0].GetProperty("n").GetInt32());
        }
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
    }

    static string KeyFile(HaloFixture fixture) => Path.Combine(fixture.Api.DataDirectory, "master.key");

    /// <returns>The key that was.</returns>
    static string ChangeKey(HaloFixture fixture)
    {
        var old = File.ReadAllText(KeyFile(fixture)).Trim();
        File.WriteAllText(KeyFile(fixture), Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        return old;
    }

    static async Task StopAsync(HaloProcess process)
    {
        process.Terminate();
        Assert.Equal(0, await process.Exited);
    }

    static async Task<(int Code, string Output)> RewrapAsync(HaloFixture fixture, string? old, string[] options)
    {
        Dictionary<string, string> environment = old is null ? [] : new() { ["Halo__Encryption__OldKeys__0"] = old };
        await using var command = HaloProcess.Start(
            Repository.Program("Halo.Api", "halo-api"), ["rewrap", .. options, $"--Halo:DataDirectory={fixture.Api.DataDirectory}"], environment);
        return (await command.Exited, command.Output);
    }
}
