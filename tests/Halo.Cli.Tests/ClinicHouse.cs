using Halo.Contracts.Sites;
using Halo.Samples.Clinic;
using Halo.Testing.Processes;

namespace Halo.Cli.Tests;

/// <summary>The demonstration practice behind the real programs.</summary>
public sealed class ClinicHouse : IAsyncLifetime
{
    public HaloFixture Fixture { get; private set; } = null!;

    public LinkProgram Link { get; private set; } = null!;

    public Site Site { get; private set; } = null!;

    public IntegratorClient Integrator { get; private set; } = null!;

    /// <summary>Of the practice's database itself.</summary>
    public string ConnectionString { get; private set; } = "";

    internal CommandLine CommandLine(bool isSet = true)
    {
        var line = new CommandLine(Directory.CreateDirectory(Path.Combine(Fixture.TemporaryDirectory, Guid.NewGuid().ToString())).FullName);
        if (!isSet)
            return line;
        line.Environment["HALO_API"] = Fixture.Api.Address.ToString();
        line.Environment["HALO_KEY"] = Integrator.Key;
        line.Environment["HALO_SITE"] = "Best Practice/12345";
        return line;
    }

    public async ValueTask InitializeAsync()
    {
        Fixture = await HaloFixture.StartAsync(("Halo__Limits__PageBytes", "65536"));
        var clinic = Path.Combine(Fixture.TemporaryDirectory, "clinic.db");
        ClinicBuilder.Build(clinic);
        ConnectionString = $"Data Source={clinic}";
        (Link, Site, Integrator) = await Fixture.AddPairedAsync(new LinkSite("sqlite", ConnectionString) { PracticeManagementName = "Best Practice", PracticeManagementSiteId = "12345" });
    }

    public ValueTask DisposeAsync() => Fixture.DisposeAsync();
}
