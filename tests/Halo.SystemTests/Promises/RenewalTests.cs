using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Halo.SystemTests.Disk;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>Certificates that are renewed, and names that come to mean another machine. Alone: who has a mount namespace of his own keeps the disks of other tests mounted.</summary>
[Collection(nameof(Alone))]
public sealed class RenewalTests
{
    [Fact]
    public async Task A_renewed_certificate_serves_new_connections_and_the_open_session_goes_on()
    {
        await using var fixture = HaloFixture.Create();
        var (address, link) = await StartAsync(fixture);
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        var old = await SerialNumberAsync(address);

        var renewed = TlsSettings.Renew(fixture);
        Assert.NotEqual(old, renewed);
        await Eventually.BecomesAsync(() => SerialNumberAsync(address), serial => serial == renewed);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        Assert.DoesNotContain(link.Process.Lines, l => l.Contains("Not connected", StringComparison.Ordinal));

        // One that cannot be read takes nothing away.
        await File.WriteAllTextAsync(Path.Combine(fixture.TemporaryDirectory, "tls.pfx"), "half of it");
        await Eventually.BecomesAsync(async () =>
        {
            Assert.Equal(renewed, await SerialNumberAsync(address));
            return fixture.Api.Process.Output;
        }, said => said.Contains("the one before is used", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_Link_comes_back_when_the_API_has_moved_and_its_name_means_another_address()
    {
        await using var fixture = HaloFixture.Create();
        var (address, link) = await StartAsync(fixture, TlsSettings.Name);
        var hosts = Path.Combine(fixture.TemporaryDirectory, "hosts");
        await File.WriteAllTextAsync(hosts, $"127.0.0.1 {TlsSettings.Name}\n");
        string[] own = ["unshare", "--mount", "sh", "-c", $"mount --bind {hosts} /etc/hosts && exec \"$@\"", "sh"];
        Assert.SkipUnless(OperatingSystem.IsLinux() && SmallDisk.Run(own[0], [.. own[1..], "true"]),
            "A hosts file of its own cannot be given to a process here: run it as root on Linux, in a container with the capability SYS_ADMIN.");
        link.Within = own;
        await link.StartAsync();
        await BecomesConnectedAsync(1);

        await fixture.Api.Process.KillAsync();
        fixture.Api.Settings["Kestrel__Endpoints__Line__Url"] = address.Replace("127.0.0.1", "127.0.0.2", StringComparison.Ordinal);
        await fixture.Api.StartAsync();
        // In place: what is mounted is this file, not its name.
        await File.WriteAllTextAsync(hosts, $"127.0.0.2 {TlsSettings.Name}\n");
        await BecomesConnectedAsync(2);

        Task<int> BecomesConnectedAsync(int times) => Eventually.BecomesAsync(
            () => Task.FromResult(link.Process.Lines.Count(l => l.Contains("Connected: session", StringComparison.Ordinal))), n => n == times);
    }

    /// <param name="host">By which the Link knows the API; its address where null.</param>
    static async Task<(string Address, LinkProgram Link)> StartAsync(HaloFixture fixture, string? host = null)
    {
        var (address, trusted) = TlsSettings.Add(fixture);
        if (host is not null)
            fixture.Api.Settings["Halo__PublicAddress"] = address.Replace("127.0.0.1", host, StringComparison.Ordinal);
        await fixture.Api.StartAsync();
        var settings = BrokenLine.Impatient;
        settings["api"] = host is null ? address : address.Replace("127.0.0.1", host, StringComparison.Ordinal);
        var link = fixture.AddLink(settings, new LinkSite("sqlite", fixture.SqliteFile()));
        link.Environment["SSL_CERT_FILE"] = trusted;
        return (address, link);
    }

    /// <summary>Of the certificate with which a new connection is served.</summary>
    static async Task<string> SerialNumberAsync(string address)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(address).Port);
        // Who it is matters here, not whether one trusts it.
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("127.0.0.1");
        return tls.RemoteCertificate!.GetSerialNumberString();
    }
}
