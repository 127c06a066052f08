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

    /// <param name="settings">Further settings of the file, taking the place of those that are made here.</param>
    public LinkProgram(ApiProgram api, string directory, IReadOnlyList<LinkSite> sites, JsonObject? settings = null)
    {
        (_api, _directory, _sites) = (api, directory, sites);
        Directory.CreateDirectory(directory);
        ConfigurationFile = Path.Combine(directory, "halo-link.json");
        var file = new JsonObject
        {
            ["api"] = api.Address.ToString().TrimEnd('/'),
            ["dataDirectory"] = DataDirectory,
            ["sites"] = new JsonArray([.. sites.Select(s => s.ToJson())]),
        };
        if (!Repository.TakesPublished)
            file["warmUpMs"] = 0;
        foreach (var (name, value) in settings ?? [])
            file[name] = value?.DeepClone();
        File.WriteAllText(ConfigurationFile, file.ToJsonString());
    }

    public string ConfigurationFile { get; }

    /// <summary>Environment variables of its process.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>A program and its arguments that start it in its own place; none: it is started itself.</summary>
    public string[] Within { get; set; } = [];

    /// <summary>Gets each line that it writes.</summary>
    public Action<string>? Heard { get; set; }

    public string DataDirectory => Path.Combine(_directory, "data");

    public HaloProcess Process => _process ?? throw new InvalidOperationException("The Link was not started.");

    /// <summary>Starts it, or again after its end, and waits for nothing.</summary>
    public async Task LaunchAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _process = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["run", "--config", ConfigurationFile], Environment, _directory, Heard, Within);
    }

    /// <summary>Starts it and waits until each of its sites is online; they come in the order of the configuration.</summary>
    public async Task<IReadOnlyList<Site>> StartAsync()
    {
        await LaunchAsync();
        return await WhenOnlineAsync();
    }

    /// <summary>What <c>halo-link status --json</c> says of the running one.</summary>
    public async Task<JsonObject> StatusAsync()
    {
        await using var asking = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["status", "--json", "--config", ConfigurationFile]);
        return await asking.Exited is 0 or 3 ? JsonNode.Parse(asking.Output)!.AsObject() : throw new InvalidOperationException(asking.Output);
    }

    /// <summary>Waits until so many async queries are begun. That the API calls one executing says only that this Link has claimed it: a stop would still hand it back.</summary>
    public Task WhenAsyncRunAsync(int queries) =>
        Eventually.BecomesAsync(StatusAsync, s => s["work"]!["asyncRunning"]!.GetValue<int>() == queries);

    public async Task<IReadOnlyList<Site>> WhenOnlineAsync()
    {
        try
        {
            return await Process.UntilAsync(FindSitesAsync, found => found.Count == _sites.Count && found.All(s => s.Availability == SiteAvailability.Online));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}{System.Environment.NewLine}The API wrote:{System.Environment.NewLine}{_api.Process.Output}");
        }
    }

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
