using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Halo.Testing.Processes;

/// <summary>Halo API as a process on a port and data directory that survive its restarts.</summary>
public sealed class ApiProgram(string directory, IReadOnlyDictionary<string, string> settings) : IAsyncDisposable
{
    public const string AdminKey = "tests-0123456789abcdef0123456789abcdef";
    HaloProcess? _process;

    public Uri Address { get; } = new($"http://127.0.0.1:{PostgresServer.FreePort()}/");

    /// <summary>Its settings as environment variables; what is changed holds from the next start.</summary>
    public Dictionary<string, string> Settings { get; } = new(settings);

    /// <summary>A program and its arguments that start it in its own place; none: it is started itself.</summary>
    public string[] Within { get; set; } = [];

    /// <summary>Gets each line that it writes.</summary>
    public Action<string>? Heard { get; set; }

    public string DataDirectory { get; } = Path.Combine(directory, "api");

    public HaloProcess Process => _process ?? throw new InvalidOperationException("The API was not started.");

    /// <summary>Calls as the operator.</summary>
    public HttpClient Admin => field ??= new HttpClient(PatientHandler()) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(30), DefaultRequestHeaders = { { "Halo-Admin-Key", AdminKey } } };

    /// <remarks>The ports of hundreds of programs come again soon: a connection that the system still holds against the one before costs a minute of tries.</remarks>
    static SocketsHttpHandler PatientHandler() => new() { ConnectTimeout = TimeSpan.FromSeconds(5) };

    /// <summary>Starts it, or again after its end, and waits until it says that it is ready.</summary>
    public async Task StartAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        _process = Launch();
        await _process.UntilAsync(IsReadyAsync, ready => ready);
    }

    /// <summary>Starts it and waits for nothing: for settings with which it must not come up.</summary>
    public HaloProcess Launch(params (string Name, string Value)[] more)
    {
        var environment = new Dictionary<string, string>
        {
            ["Halo__AdminKey"] = AdminKey,
            ["Halo__Enrolment"] = "open",
            ["Halo__DataDirectory"] = DataDirectory,
            ["DOTNET_gcServer"] = "0",
        };
        // It would compile everything: seconds of each start.
        if (!Repository.TakesPublished)
            environment["Halo__WarmUpMs"] = "0";
        foreach (var (name, value) in Settings)
            environment[name] = value;
        foreach (var (name, value) in more)
            environment[name] = value;
        return HaloProcess.Start(Repository.Program("Halo.Api", "halo-api"), ["--urls", Address.ToString().TrimEnd('/')], environment, directory, Heard, Within);
    }

    /// <summary>Makes an integrator; its client calls with the primary key.</summary>
    public async Task<IntegratorClient> MakeIntegratorAsync(string name = "Tester")
    {
        using var response = await Admin.PostAsJsonAsync("admin/v1/integrators", new { name });
        response.EnsureSuccessStatusCode();
        var made = (await response.Content.ReadFromJsonAsync<JsonObject>())!;
        return new IntegratorClient(Address, Guid.Parse(made["id"]!.GetValue<string>()), made["keys"]!["primary"]!.GetValue<string>());
    }

    /// <summary>The operator's pairing, without a code.</summary>
    public async Task PairAsync(IntegratorClient integrator, Guid siteId)
    {
        using var response = await Admin.PutAsync(new Uri($"admin/v1/integrators/{integrator.Id}/pairings/{siteId}", UriKind.Relative), null);
        response.EnsureSuccessStatusCode();
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        if (_process is not null)
            await _process.DisposeAsync();
    }

    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var response = await Admin.GetAsync(new Uri("health/ready", UriKind.Relative));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
