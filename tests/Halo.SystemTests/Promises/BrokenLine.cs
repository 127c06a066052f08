using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Sites;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.SystemTests.Promises;

/// <summary>API and Link with a proxy between them that can be broken; every period is short.</summary>
public sealed class BrokenLine : IAsyncDisposable
{
    BrokenLine(HaloFixture fixture, SocketProxy line, LinkProgram link, Site site, IntegratorClient integrator) =>
        (Fixture, Line, Link, Site, Integrator) = (fixture, line, link, site, integrator);

    public HaloFixture Fixture { get; }
    public SocketProxy Line { get; }
    public LinkProgram Link { get; }
    public Site Site { get; }
    public IntegratorClient Integrator { get; }

    /// <summary>A line whose both ends find a dead one within two seconds, and try again soon.</summary>
    public static JsonObject Impatient => new()
    {
        ["connection"] = new JsonObject { ["pingAfterMs"] = 1000, ["deadAfterPingMs"] = 1000, ["firstWaitMs"] = 50, ["longestWaitMs"] = 500, ["callWithinMs"] = 3000 },
        ["upload"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500, ["stallMs"] = 1500 },
    };

    public static (string, string)[] ImpatientApi =>
    [
        ("Halo__Links__PingAfterMs", "1000"), ("Halo__Links__DeadAfterPingMs", "1000"), ("Halo__Limits__PageBytes", "65536"),
    ];

    /// <param name="settings">Of the Link; <see cref="Impatient"/> where null.</param>
    /// <param name="api">Of the API; <see cref="ImpatientApi"/> where null.</param>
    /// <param name="practice">The practice's database; an empty SQLite file where null.</param>
    public static async Task<BrokenLine> StartAsync(JsonObject? settings = null, (string, string)[]? api = null, LinkSite? practice = null)
    {
        var fixture = await HaloFixture.StartAsync(api ?? ImpatientApi);
        SocketProxy? line = null;
        try
        {
            line = new SocketProxy(new IPEndPoint(IPAddress.Loopback, fixture.Api.Address.Port));
            settings ??= Impatient;
            settings["api"] = $"http://127.0.0.1:{line.Port}";
            var (link, site, integrator) = await fixture.AddPairedAsync(practice ?? new LinkSite("sqlite", fixture.SqliteFile()), settings);
            return new(fixture, line, link, site, integrator);
        }
        catch
        {
            await fixture.DisposeAsync();
            if (line is not null)
                await line.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Fixture.DisposeAsync();
        await Line.DisposeAsync();
    }
}
