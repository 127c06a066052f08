using Halo.Bench.IdleLinks;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.Bench.Stands;

/// <summary>An API and a fleet of idle Links, plain or over TLS.</summary>
sealed class Fleet : IAsyncDisposable
{
    readonly string _directory;
    readonly OrderedChild<FleetOrder, FleetState> _links;

    Fleet(string directory, ApiProgram api, Uri dialled)
    {
        (_directory, Api) = (directory, api);
        _links = new OrderedChild<FleetOrder, FleetState>("Halo.Bench.IdleLinks", dialled.ToString());
    }

    public ApiProgram Api { get; }

    public static async Task<Fleet> StartAsync(bool tls)
    {
        var directory = Directory.CreateTempSubdirectory("halo-fleet-").FullName;
        var api = new ApiProgram(directory, new Dictionary<string, string> { ["Logging__LogLevel__Default"] = "Warning" });
        var fleet = new Fleet(directory, api, tls ? TlsEndpoint.Add(api.Settings, directory, api.Address) : api.Address);
        try
        {
            await api.StartAsync();
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
        return fleet;
    }

    public Task<FleetState> AskAsync(string what, int count = 0, double seconds = 0) =>
        _links.AskAsync(new FleetOrder(what) { Count = count, Seconds = seconds });

    /// <summary>Brings the fleet to so many connected Links.</summary>
    public async Task GrowAsync(int count)
    {
        await AskAsync("enrol", count);
        await AskAsync("connect");
        var state = await AskAsync("wait", seconds: 180);
        if (state.Connected < count)
            throw new InvalidOperationException($"{state.Connected} of {count} Links are connected: {state.LastError}");
    }

    /// <summary>Ends the API, in order or at once, and starts it again.</summary>
    public async Task RestartAsync(bool inOrder, int? heartbeatSeconds = null)
    {
        if (heartbeatSeconds is { } seconds)
            Api.Settings["Halo__HeartbeatSeconds"] = $"{seconds}";
        if (inOrder)
        {
            Api.Process.Terminate();
            await Api.Process.Exited.WaitAsync(TimeSpan.FromSeconds(60));
        }
        await Api.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _links.DisposeAsync();
        await Api.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
