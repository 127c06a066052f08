using System.Net;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.SystemTests.Promises;

/// <summary>Clinics whose only way out is an HTTP proxy that asks who is there.</summary>
public sealed class ProxyTests
{
    const string Password = "p@ss:wörd-2f6b8a4c";

    [Fact]
    public async Task The_Link_works_through_a_proxy_with_credentials_and_comes_back_when_the_proxy_does()
    {
        await using var proxy = new ConnectProxy("clinic", Password);
        await using var fixture = HaloFixture.Create();
        var (api, certificate) = TlsSettings.Add(fixture);
        await fixture.Api.StartAsync();
        var link = fixture.AddLink(Settings(api, proxy, Password), new LinkSite("sqlite", fixture.SqliteFile()));
        link.Environment["SSL_CERT_FILE"] = certificate;
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        var tunnels = proxy.Tunnels;
        Assert.True(tunnels >= 1);

        proxy.Line.Cut();
        await Eventually.BecomesAsync(() => Task.FromResult(proxy.Tunnels), t => t > tunnels);
        await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
        var queued = await integrator.QueueAsync(site.Id, "SELECT 2 AS two");
        Assert.NotNull((await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).Result);
        Assert.DoesNotContain(link.Process.Lines, l => l.Contains(Password, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_proxy_that_refuses_the_credentials_is_told_in_the_log_without_them()
    {
        await using var proxy = new ConnectProxy("clinic", "another");
        await using var fixture = HaloFixture.Create();
        var (api, certificate) = TlsSettings.Add(fixture);
        await fixture.Api.StartAsync();
        var link = fixture.AddLink(Settings(api, proxy, Password), new LinkSite("sqlite", fixture.SqliteFile()));
        link.Environment["SSL_CERT_FILE"] = certificate;
        await link.LaunchAsync();
        await link.Process.WaitForLineAsync(l => l.Contains("Not connected.", StringComparison.Ordinal) && l.Contains("407", StringComparison.Ordinal));
        Assert.True(proxy.Refused > 0);
        Assert.Equal(0, proxy.Tunnels);
        Assert.DoesNotContain(link.Process.Lines, l => l.Contains(Password, StringComparison.Ordinal));
    }

    static JsonObject Settings(string api, ConnectProxy proxy, string password) => new()
    {
        ["api"] = api,
        ["proxy"] = new JsonObject { ["address"] = proxy.Address, ["user"] = "clinic", ["password"] = password },
        ["connection"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 },
    };
}
