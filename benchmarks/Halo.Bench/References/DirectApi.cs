using Halo.Bench.Load;
using Halo.Bench.Stands;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.Bench.References;

/// <summary>The minimal API straight on the database, as a process.</summary>
sealed class DirectApi : IAsyncDisposable
{
    public const string Name = "direct API";
    readonly Child _process;
    readonly int _port;

    DirectApi(Child process, int port) => (_process, _port) = (process, port);

    public int ProcessId => _process.Id;

    public static async Task<DirectApi> StartAsync(string connectionString)
    {
        var port = PostgresServer.FreePort();
        var process = Child.OfDotnet(Programs.Of("Halo.Bench.DirectApi"), ["--urls", $"http://127.0.0.1:{port}"],
            new Dictionary<string, string> { ["Database"] = connectionString });
        var api = new DirectApi(process, port);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        await Eventually.BecomesAsync(() => http.AnswersAsync(), answers => answers || process.HasExited);
        return process.HasExited ? throw new InvalidOperationException($"The direct API ended: {process.Errors}") : api;
    }

    public LoadOrder Query(string sql, int callers) => new(callers)
    {
        Port = _port,
        Requests = [HttpText.Post(_port, "/query", IntegratorClient.Body(sql))],
    };

    /// <summary>What it answers, to compare with Halo's.</summary>
    public async Task<string> AskAsync(string sql)
    {
        using var http = new HttpClient();
        using var body = new StringContent(IntegratorClient.Body(sql), System.Text.Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(new Uri($"http://127.0.0.1:{_port}/query"), body);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStringAsync();
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
