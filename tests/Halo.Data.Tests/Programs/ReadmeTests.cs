using Halo.Samples.Clinic;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.Data.Tests.Programs;

/// <summary>The five lines of the README are the sample, and run.</summary>
public sealed class ReadmeTests
{
    [Fact]
    public async Task The_first_program_by_Dapper_is_the_sample_and_gives_its_rows()
    {
        var sample = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "samples", "FirstDapper", "Program.cs"));
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        Assert.Contains($"```csharp\n{sample}```", readme, StringComparison.Ordinal);

        await using var fixture = await HaloFixture.StartAsync();
        var clinic = Path.Combine(fixture.TemporaryDirectory, "clinic.db");
        ClinicBuilder.Build(clinic);
        var (_, _, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", $"Data Source={clinic}") { PracticeManagementName = "Best Practice", PracticeManagementSiteId = "12345" });
        await using var program = HaloProcess.Start(Repository.SampleProgram("FirstDapper"), [], new Dictionary<string, string>
        {
            ["HALO_API"] = fixture.Api.Address.ToString(),
            ["HALO_KEY"] = integrator.Key,
        });
        Assert.True(await program.Exited == 0, program.Output);
        Assert.Equal(["Smith, born on 1969-06-08"], program.Lines);
    }
}
