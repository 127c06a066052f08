using Halo.Samples.Clinic;
using Halo.Testing.Processes;

namespace Halo.Testing;

/// <summary>A program that a developer copies from the README: it is the sample, and runs.</summary>
static class FirstProgram
{
    /// <summary>Compares it with the README and runs it against a clinic of invented patients.</summary>
    public static async Task VerifyAsync(string name)
    {
        var sample = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "samples", name, "Program.cs"));
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        Assert.Contains($"```csharp\n{sample}```", readme, StringComparison.Ordinal);

        await using var fixture = await HaloFixture.StartAsync();
        var clinic = Path.Combine(fixture.TemporaryDirectory, "clinic.db");
        ClinicBuilder.Build(clinic);
        var (_, _, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", $"Data Source={clinic}") { PracticeManagementName = "Best Practice", PracticeManagementSiteId = "12345" });
        await using var program = HaloProcess.Start(Repository.SampleProgram(name), [], new Dictionary<string, string>
        {
            ["HALO_API"] = fixture.Api.Address.ToString(),
            ["HALO_KEY"] = integrator.Key,
        });
        Assert.True(await program.Exited == 0, program.Output);
        Assert.Equal(["Smith, born on 1969-06-08"], program.Lines);
    }
}
