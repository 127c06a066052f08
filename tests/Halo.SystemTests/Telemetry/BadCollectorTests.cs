using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Telemetry;

/// <summary>A collector that fails keeps neither program from starting, working or stopping.</summary>
[Collection(nameof(Alone))]
public sealed class BadCollectorTests
{
    /// <summary>The promise itself is a time.</summary>
    static readonly TimeSpan Promise = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("takes everything and never answers")]
    [InlineData("answers 500")]
    public async Task Both_programs_start_work_and_stop_while_the_collector(string state)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://{listener.LocalEndpoint}";
        _ = AnswerAsync(listener, state == "answers 500" ? "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"u8.ToArray() : null);
        await using var fixture = await HaloFixture.StartAsync(
            ("Halo__Telemetry__Otlp", address), ("OTEL_BSP_SCHEDULE_DELAY", "50"), ("OTEL_METRIC_EXPORT_INTERVAL", "100"));
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()),
            new() { ["telemetry"] = new JsonObject { ["otlp"] = address } });
        for (var i = 0; i < 20; i++)
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        await StopsAsync(link.Process);
        await StopsAsync(fixture.Api.Process);
    }

    static async Task StopsAsync(HaloProcess process)
    {
        process.Terminate();
        Assert.True(await Task.WhenAny(process.Exited, Task.Delay(Promise)) == process.Exited, $"Still there after five seconds. It wrote:\n{process.Output}");
        Assert.Equal(0, await process.Exited);
    }

    /// <param name="answer">To whatever comes; null: none, ever.</param>
    static async Task AnswerAsync(TcpListener listener, byte[]? answer)
    {
        try
        {
            while (true)
                _ = AnswerAsync(await listener.AcceptSocketAsync(), answer);
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    static async Task AnswerAsync(Socket caller, byte[]? answer)
    {
        using var stream = new NetworkStream(caller, ownsSocket: true);
        var buffer = new byte[64 * 1024];
        try
        {
            while (await stream.ReadAsync(buffer) is > 0 and var read)
            {
                if (answer is not null && buffer.AsSpan(0, read).IndexOf(Encoding.ASCII.GetBytes("POST ")) >= 0)
                    await stream.WriteAsync(answer);
            }
        }
        catch (IOException)
        {
            // Gone.
        }
    }
}
