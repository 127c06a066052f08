using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Testing.Processes;

/// <summary>Halo Link as a process with a configuration and data directory that survive its restarts.</summary>
public sealed class LinkProgram : IAsyncDisposable
{
    readonly ApiProgram _api;
    readonly string _directory;
    readonly IReadOnlyList<LinkSite> _sites;
    HaloProcess? _process;

    /// <param name="dialled">Where the Link finds the API, if not at its own address.</param>
    public LinkProgram(ApiProgram api, string directory, IReadOnlyList<LinkSite> sites, Uri? dialled = null)
    {
        (_api, _directory, _sites) = (api, directory, sites);
        Directory.CreateDirectory(directory);
        ConfigurationFile = Path.Combine(directory, "halo-link.json");
        File.WriteAllText(ConfigurationFile, new JsonObject
        {
            ["api"] = (dialled ?? api.Address).ToString().TrimEnd('/'),
            ["dataDirectory"] = DataDirectory,
            ["sites"] = new JsonArray([.. sites.Select(s => s.ToJson())]),
        }.ToJsonString());
    }

    public string ConfigurationFile { get; }

    public string DataDirectory => Path.Combine(_directory, "data");

    public HaloProcess Process => _process ?? throw new InvalidOperationException("The Link was not started.");

    /// <summary>Starts it, or again after its end, and waits for nothing.</summary>
    public async Task LaunchAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _process = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["run", "--config", ConfigurationFile], workingDirectory: _directory);
    }

    /// <summary>Starts it and waits until each of its sites is online; they come in the order of the configuration.</summary>
    public async Task<IReadOnlyList<Site>> StartAsync()
    {
        await LaunchAsync();
        return await WhenOnlineAsync();
    }

    public async Task<IReadOnlyList<Site>> WhenOnlineAsync() =>
        await Process.UntilAsync(FindSitesAsync, found => found.Count == _sites.Count && found.All(s => s.Availability == SiteAvailability.Online));

    /// <summary>Its sites as the operator sees them.</summary>
    public async Task<IReadOnlyList<Site>> FindSitesAsync()
    {
        var all = (await _api.Admin.GetFromJsonAsync("admin/v1/sites", HaloJson.Default.SiteList))!.Sites;
        return [.. _sites.SelectMany(mine => all.Where(s =>
            s.PracticeManagementSiteId == mine.PracticeManagementSiteId && s.PracticeManagementName == mine.PracticeManagementName))];
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
    }
}
