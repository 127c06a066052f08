using Halo.Bench.IdleLinks;
using Halo.Bench.Measuring;
using Halo.Bench.Stands;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.Bench.References;

/// <summary>An ASP.NET program that holds WebSockets and does nothing else, and a client that opens them: what the server alone costs.</summary>
sealed class BareSockets : IAsyncDisposable
{
    public const string Name = "bare WebSockets";
    readonly string _directory = Directory.CreateTempSubdirectory("halo-bare-").FullName;
    readonly Child _server;
    readonly OrderedChild<FleetOrder, FleetState> _client;
    readonly Uri _dialled;

    BareSockets(bool tls)
    {
        var plain = new Uri($"http://127.0.0.1:{PostgresServer.FreePort()}/");
        var settings = new Dictionary<string, string> { ["Database"] = "Host=127.0.0.1", ["Urls"] = plain.ToString() };
        _dialled = tls ? TlsEndpoint.Add(settings, _directory, plain) : plain;
        _server = Child.OfDotnet(Programs.Of("Halo.Bench.DirectApi"), [], settings);
        _client = new OrderedChild<FleetOrder, FleetState>("Halo.Bench.IdleLinks", _dialled.ToString());
    }

    public static async Task<BareSockets> StartAsync(bool tls)
    {
        var sockets = new BareSockets(tls);
        var server = sockets._server;
        // A certificate that nobody signed.
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator };
        using var http = new HttpClient(handler) { BaseAddress = sockets._dialled };
        await Eventually.BecomesAsync(() => http.AnswersAsync(), answers => answers || server.HasExited);
        if (!server.HasExited)
            return sockets;
        await sockets.DisposeAsync();
        throw new InvalidOperationException($"The server of the bare WebSockets ended: {server.Errors}");
    }

    /// <summary>Opens so many.</summary>
    public Task GrowAsync(int count) => _client.AskAsync(new FleetOrder("hold") { Count = count });

    public long ResidentBytes => ProcessUsage.Of(_server.Id).ResidentBytes;

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
