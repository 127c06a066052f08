using System.Text.Json.Nodes;
using Halo.Contracts.Sites;

namespace Halo.Testing.Processes;

/// <summary>API, Links and integrators in a temporary directory of their own; all gone when disposed.</summary>
public sealed class HaloFixture : IAsyncDisposable
{
    readonly List<LinkProgram> _links = [];
    readonly List<IntegratorClient> _integrators = [];

    HaloFixture(string directory, IReadOnlyDictionary<string, string> settings)
    {
        TemporaryDirectory = directory;
        Api = new ApiProgram(directory, settings);
    }

    public string TemporaryDirectory { get; }

    public ApiProgram Api { get; }

    /// <summary>Starts the API; <paramref name="settings"/> as environment variables (<c>Halo__…</c>).</summary>
    public static async Task<HaloFixture> StartAsync(params (string Name, string Value)[] settings)
    {
        var fixture = Create(settings);
        try
        {
            await fixture.Api.StartAsync();
            return fixture;
        }
        catch
        {
            await fixture.DisposeAsync();
            throw;
        }
    }

    /// <summary>Prepares everything, starts nothing.</summary>
    public static HaloFixture Create(params (string Name, string Value)[] settings) =>
        new(Directory.CreateTempSubdirectory("halo-test-").FullName, settings.ToDictionary(s => s.Name, s => s.Value));

    /// <summary>A Link beside the API, not started yet.</summary>
    public LinkProgram AddLink(params LinkSite[] sites) => AddLink(null, sites);

    /// <param name="settings">Further settings of its file.</param>
    /// <param name="sites">Its sites.</param>
    public LinkProgram AddLink(JsonObject? settings, params LinkSite[] sites)
    {
        var link = new LinkProgram(Api, Path.Combine(TemporaryDirectory, $"link{_links.Count + 1}"), sites, settings);
        _links.Add(link);
        return link;
    }

    public async Task<IntegratorClient> MakeIntegratorAsync(string name = "Tester")
    {
        var integrator = await Api.MakeIntegratorAsync(name);
        _integrators.Add(integrator);
        return integrator;
    }

    /// <summary>A started Link with one site, and an integrator who is paired with it.</summary>
    public async Task<(LinkProgram Link, Site Site, IntegratorClient Integrator)> AddPairedAsync(LinkSite description, JsonObject? settings = null)
    {
        var link = AddLink(settings, description);
        var site = (await link.StartAsync())[0];
        var integrator = await MakeIntegratorAsync();
        await Api.PairAsync(integrator, site.Id);
        return (link, site, integrator);
    }

    /// <summary>The connection string of a new, empty SQLite file: a Link makes no database of its own.</summary>
    public string SqliteFile(string name = "practice.db")
    {
        var path = Path.Combine(TemporaryDirectory, name);
        File.WriteAllBytes(path, []);
        return $"Data Source={path}";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var integrator in _integrators)
            integrator.Dispose();
        foreach (var link in _links)
            await link.DisposeAsync();
        await Api.DisposeAsync();
        Directory.Delete(TemporaryDirectory, recursive: true);
    }
}
