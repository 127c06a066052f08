using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Packages;

/// <summary>The .deb as an IT provider meets it, by dpkg in a Debian of its own, in the order of docs/install.md: installed, configured, queried, upgraded, removed, installed again, purged.</summary>
[Collection(nameof(Alone))]
public sealed class DebianPackageTests
{
    const string Settings = "/etc/halo-link/halo-link.json", Data = "/var/lib/halo-link";

    [Fact]
    public async Task A_practice_is_installed_configured_queried_upgraded_and_removed()
    {
        Assert.SkipWhen(DebianRoot.Missing is not null, DebianRoot.Missing ?? "");
        await using var debian = await DebianRoot.CreateAsync();
        Assert.SkipWhen(debian is null, "This kernel lays no file systems over one another (overlayfs) for this process: run it on the machine itself, not in a container.");
        var packages = Directory.CreateTempSubdirectory("halo-packages-").FullName;
        try
        {
            var (old, again, newer) = (await BuildAsync(Path.Combine(packages, "a"), "26.1130.1"), await BuildAsync(Path.Combine(packages, "b"), "26.1130.1"), await BuildAsync(packages, "26.1201.1"));
            // From the same sources it comes out the same, byte for byte.
            Assert.Equal(await DigestAsync(old), await DigestAsync(again));
            await using var fixture = await HaloFixture.StartAsync(("Halo__Enrolment", "token"));
            await FollowAsync(debian, fixture, old, newer);
        }
        finally
        {
            Directory.Delete(packages, recursive: true);
        }
    }

    static async Task FollowAsync(DebianRoot debian, HaloFixture fixture, string package, string newer)
    {
        await debian.CopyInAsync(package, "/old.deb");
        await debian.CopyInAsync(newer, "/new.deb");

        // Nothing is asked, nothing runs, and only the service's account can read what will be in these directories.
        await OkAsync(debian, "DEBIAN_FRONTEND=noninteractive dpkg -i /old.deb");
        Assert.Equal("26.1130.1", await OkAsync(debian, "halo-link --version"));
        Assert.Equal("root:halo-link 2750", await OkAsync(debian, "stat -c '%U:%G %a' /etc/halo-link"));
        Assert.Equal("halo-link:halo-link 700", await OkAsync(debian, $"stat -c '%U:%G %a' {Data}"));
        Assert.Equal("halo-link-updater.path halo-link-updater.service halo-link.path halo-link.service", (await OkAsync(debian, "cd /etc/systemd/system/multi-user.target.wants && LC_ALL=C ls -d halo-link*")).Replace('\n', ' '));
        Assert.Contains("does not exist", (await debian.RunAsync("halo-link doctor")).Output, StringComparison.Ordinal);
        if ((await debian.RunAsync("command -v systemd-analyze")).ExitCode == 0)
            await OkAsync(debian, "systemd-analyze verify /lib/systemd/system/halo-link.service /lib/systemd/system/halo-link.path /lib/systemd/system/halo-link-updater.service /lib/systemd/system/halo-link-updater.path");

        // Configured by a script; a new practice may only be read.
        await OkAsync(debian, "install -d -o halo-link /srv/pms && runuser -u halo-link -- sh -c ': > /srv/pms/clinic.db'");
        var token = JsonNode.Parse(await (await fixture.Api.Admin.PostAsync("admin/v1/enrolment-tokens",
            new StringContent("""{"practiceManagementName":"Best Practice","practiceManagementSiteId":"12345"}""", System.Text.Encoding.UTF8, "application/json"))).Content.ReadAsStringAsync())!["token"]!.GetValue<string>();
        var configured = await debian.RunAsync(
            $"halo-link configure --api {fixture.Api.Address} --enrolment-token - --engine sqlite --connection-string 'Data Source=/srv/pms/clinic.db'"
            + " --practice-management-name 'Best Practice' --practice-management-site-id 12345 --practice-name 'Main Street Clinic'", token);
        Assert.True(configured.ExitCode == 0, configured.Output);
        Assert.Contains("The service may write /srv/pms", configured.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(token, configured.Output, StringComparison.Ordinal);
        Assert.Equal("root:halo-link 640", await OkAsync(debian, $"stat -c '%U:%G %a' {Settings}"));
        Assert.Contains("ReadWritePaths=\"-/srv/pms\"", await OkAsync(debian, "cat /etc/systemd/system/halo-link.service.d/sqlite.conf"), StringComparison.Ordinal);

        // No systemd runs here: the service's own command, as its own account.
        using (var service = Service(debian))
        {
            await ConnectedAsync(debian);
            var site = await SiteAsync(fixture);
            var integrator = await fixture.MakeIntegratorAsync();
            await fixture.Api.PairAsync(integrator, site.Id);
            var answer = await integrator.ImmediateAsync(site.Id, "SELECT 42 AS answer");
            Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
            var refused = await integrator.ImmediateAsync(site.Id, "CREATE TABLE t (n INTEGER)", "nonQuery");
            Assert.Equal(HttpStatusCode.Forbidden, refused.Status);
            // In its own words, it is healthy.
            Assert.Contains("is connected to", await OkAsync(debian, "halo-link doctor"), StringComparison.Ordinal);
            await StopAsync(debian, service);
        }

        // An upgrade keeps identity and settings.
        var before = await OkAsync(debian, $"sha256sum {Settings} {Data}/*.json {Data}/*.key | sort");
        await OkAsync(debian, "dpkg -i /new.deb");
        Assert.Equal("26.1201.1", await OkAsync(debian, "halo-link --version"));
        Assert.Equal(before, await OkAsync(debian, $"sha256sum {Settings} {Data}/*.json {Data}/*.key | sort"));
        Assert.Equal("26.1201.1", await OkAsync(debian, "cat /opt/halo-link/current && ls /opt/halo-link/versions | grep -v 26.1201.1 || true"));
        Assert.Equal("26.1201.1", await OkAsync(debian, "/opt/halo-link/halo-link-updater --version"));

        // What has updated itself to a newer version stays newer when a package comes, and goes with the package.
        await OkAsync(debian, "cp -R /opt/halo-link/versions/26.1201.1 /opt/halo-link/versions/26.1205.1 && echo 26.1205.1 > /opt/halo-link/current");
        await OkAsync(debian, "dpkg -i /new.deb");
        Assert.Equal("26.1205.1", await OkAsync(debian, "cat /opt/halo-link/current"));
        await OkAsync(debian, "rm -r /opt/halo-link/versions/26.1205.1 && halo-link --version && dpkg -i /new.deb");
        Assert.Equal("26.1201.1", await OkAsync(debian, "cat /opt/halo-link/current"));
        using (var service = Service(debian))
        {
            await ConnectedAsync(debian);
            // Removing it tells the API, and stops what runs.
            await OkAsync(debian, "dpkg -r halo-link");
            await service.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        }
        await Eventually.BecomesAsync(() => SiteAsync(fixture), s => s.Availability == SiteAvailability.Offline);
        await OkAsync(debian, $"test -f {Settings} && test -d {Data} && ! test -e /opt/halo-link && ! test -e /usr/bin/halo-link");

        // Installed again it is the same practice.
        await OkAsync(debian, "dpkg -i /new.deb");
        var known = (await SiteAsync(fixture)).Id;
        using (var service = Service(debian))
        {
            await ConnectedAsync(debian);
            Assert.Equal(known, (await SiteAsync(fixture)).Id);
            await StopAsync(debian, service);
        }

        // Purged, nothing of it is left, and the practice's database is.
        await OkAsync(debian, "dpkg -P halo-link");
        await OkAsync(debian, $"! test -e /etc/halo-link && ! test -e {Data} && ! test -e {Data}-updater && ! test -e /etc/systemd/system/halo-link.service.d && ! getent passwd halo-link && test -f /srv/pms/clinic.db");
        Assert.Equal("", await OkAsync(debian, "find /etc/systemd /lib/systemd /usr/lib/systemd -name '*halo*' 2>/dev/null || true"));
    }

    static async Task<string> BuildAsync(string directory, string version)
    {
        using var package = Process.Start(new ProcessStartInfo(Path.Combine(Repository.Root, "package"), ["--quick", "--only", "deb", "--version", version, "--out", directory])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = await Task.WhenAll(package.StandardOutput.ReadToEndAsync(), package.StandardError.ReadToEndAsync());
        await package.WaitForExitAsync();
        Assert.True(package.ExitCode == 0, string.Concat(output));
        return output[0].Trim();
    }

    static Process Service(DebianRoot debian) => debian.Start("runuser -u halo-link -- /opt/halo-link/halo-link run >>/tmp/link.log 2>&1");

    static async Task ConnectedAsync(DebianRoot debian) => await Eventually.BecomesAsync(() => debian.RunAsync("halo-link status"), s => s.ExitCode == 0);

    static async Task StopAsync(DebianRoot debian, Process service)
    {
        await OkAsync(debian, "pkill -TERM -u halo-link -x halo-link");
        await service.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
    }

    static async Task<string> DigestAsync(string file)
    {
        await using var content = File.OpenRead(file);
        return Convert.ToHexString(await SHA256.HashDataAsync(content, TestContext.Current.CancellationToken));
    }

    static async Task<Site> SiteAsync(HaloFixture fixture) =>
        JsonSerializer.Deserialize<JsonElement>(await fixture.Api.Admin.GetStringAsync("admin/v1/sites")).GetProperty("sites").EnumerateArray()
            .Select(s => s.Deserialize(HaloJson.Default.Site)!).Single();

    static async Task<string> OkAsync(DebianRoot debian, string command)
    {
        var (exitCode, output) = await debian.RunAsync(command);
        Assert.True(exitCode == 0, $"{command}: {exitCode}\n{output}");
        return output.Trim();
    }
}
