using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Halo.Testing;

namespace Halo.SystemTests.Packages;

/// <summary>
/// The MSI as a deployment tool meets it, under wine, in the order of docs/install.md: installed, configured by properties, upgraded, repaired, removed. Wine has no keys of the
/// kind that Links sign with, so the service cannot run there.
/// </summary>
[Collection(nameof(Alone))]
public sealed class WindowsPackageTests
{
    const string Old = "26.1130.1", New = "26.1201.1";
    const string Folder = @"C:\ProgramData\Halo Link", Settings = Folder + @"\halo-link.json", Versions = @"C:\Program Files\Halo Link\versions";
    const string Service = @"HKLM\SYSTEM\CurrentControlSet\Services\HaloLink", Detection = @"HKLM\SOFTWARE\Halo Link";
    const string Token = "marked-token-3141", Password = "marked-password-2718";

    [Theory]
    [InlineData("26.101.0", "26.1.2048")]
    [InlineData("26.101.2047", "26.1.4095")]
    [InlineData("26.102.0", "26.1.4096")]
    [InlineData("26.131.2047", "26.1.65535")]
    [InlineData("26.201.0", "26.2.2048")]
    [InlineData("26.1201.7", "26.12.2055")]
    [InlineData("26.1231.2047", "26.12.65535")]
    [InlineData("99.1231.2047", "99.12.65535")]
    public async Task A_version_is_one_that_Windows_Installer_takes(string version, string expected)
    {
        Assert.Equal((0, expected), await PackageAsync("--version", version, "--product-version"));
        var parts = expected.Split('.').Select(int.Parse).ToArray();
        Assert.True(parts[0] <= 255 && parts[1] <= 255 && parts[2] <= 65535);
    }

    [Fact]
    public async Task Versions_grow_for_Windows_Installer_too()
    {
        var known = new Version();
        foreach (var version in (string[])["26.101.0", "26.101.2047", "26.102.0", "26.131.2047", "26.201.0", "26.1130.1", "26.1130.2", "26.1201.0", "26.1231.2047", "27.101.0"])
        {
            var next = Version.Parse((await PackageAsync("--version", version, "--product-version")).Output);
            Assert.True(next > known, version);
            known = next;
        }
    }

    [Theory]
    [InlineData("26.1231.2048")]
    [InlineData("26.1301.1")]
    [InlineData("26.1232.1")]
    [InlineData("26.1200.1")]
    [InlineData("26.001.1")]
    public async Task A_version_that_it_would_not_take_is_refused(string version)
    {
        var (exitCode, output) = await PackageAsync("--version", version, "--product-version");
        Assert.Equal(1, exitCode);
        Assert.Contains("a build of at most 2047", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_practice_is_installed_configured_upgraded_and_removed()
    {
        Assert.SkipWhen(WinePrefix.Missing is not null, WinePrefix.Missing ?? "");
        var packages = Directory.CreateTempSubdirectory("halo-packages-").FullName;
        try
        {
            var (certificate, key) = await CertificateAsync(packages);
            var programs = Path.Combine(packages, "programs");
            var building = Task.WhenAll(BuildAsync(Path.Combine(packages, "a"), Old, "--programs", programs), BuildAsync(packages, New, "--certificate", certificate, "--certificate-key", key));
            await using var windows = await WinePrefix.CreateAsync();
            var (old, newer) = ((await building)[0], (await building)[1]);
            // From the same programs it comes out the same, byte for byte; that programs do, DebianPackageTests shows.
            Assert.Equal(await DigestAsync(old), await DigestAsync(await BuildAsync(Path.Combine(packages, "b"), Old, "--programs", programs)));
            Assert.Contains("Signature verification: ok", (await RunAsync("osslsigncode", "verify", "-CAfile", certificate, "-in", newer)).Output, StringComparison.Ordinal);
            await FollowAsync(windows, old, newer, certificate);
        }
        finally
        {
            Directory.Delete(packages, recursive: true);
        }
    }

    static async Task FollowAsync(WinePrefix windows, string old, string newer, string certificate)
    {
        // Windows before 10 has no such value.
        Assert.NotEqual(0, (await windows.RunAsync("msiexec", "/i", old, "/qn")).ExitCode);
        await windows.OkAsync("reg", "add", @"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "/v", "CurrentMajorVersionNumber", "/t", "REG_DWORD", "/d", "10", "/f");

        // Nothing is asked, and nothing runs until it is configured.
        await windows.OkAsync("msiexec", "/i", old, "/qn");
        Assert.Equal(Old, (await windows.OkAsync($@"{Versions}\{Old}\halo-link.exe", "--version")).Trim());
        await IsInstalledAsync(windows, Old);
        Assert.Equal(@"NT SERVICE\HaloLink", await windows.RegistryAsync(Service, "ObjectName"));
        Assert.Equal("Halo Link Service", await windows.RegistryAsync(Service, "DisplayName"));
        Assert.Equal("0x3", await windows.RegistryAsync(Service, "Start"));
        Assert.Contains($@"{Versions}\{Old}", await windows.RegistryAsync(@"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Environment", "PATH"), StringComparison.Ordinal);
        Assert.Equal(@"%SystemRoot%\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll",
            await windows.RegistryAsync(@"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\Halo Link", "EventMessageFile"));
        Assert.False(File.Exists(windows.PathOf(Settings)));

        // A service that an administrator has switched off stays so: here, where it could not run.
        await windows.OkAsync("reg", "add", Service, "/v", "Start", "/t", "REG_DWORD", "/d", "4", "/f");
        await windows.RestartAsync();

        // A property that is refused, with the package that is installed: Windows Installer has setup undo nothing.
        Assert.NotEqual(0, (await windows.RunAsync("msiexec", "/i", old, "/qn", "POLICY=anything")).ExitCode);
        await RunsAsync(windows, Old);

        // The same package again, with settings: they are what halo-link configure would write, a new practice may only be read, and the log has no secret.
        await windows.OkAsync("msiexec", "/i", old, "/qn", "/l*v", @"C:\install.log", "API=https://halo.invalid", $"ENROLMENTTOKEN={Token}", "DBENGINE=sqlServer", @"DBSERVER=.\PMS", "DBNAME=pms",
            "DBUSER=halo", $"DBPASSWORD={Password}", "PMSNAME=Best Practice", "PMSID=12345", "PRACTICENAME=Main Street Clinic", "AUTOUPDATE=0", "UPDATEHOURS=22-5");
        var settings = Read(windows);
        Assert.Equal("https://halo.invalid", (string?)settings["api"]);
        Assert.Equal(Token, (string?)settings["enrolmentToken"]);
        var site = settings["sites"]![0]!;
        Assert.Equal(("sqlServer", "Best Practice", "12345", "Main Street Clinic"),
            ((string?)site["engine"], (string?)site["practiceManagementName"], (string?)site["practiceManagementSiteId"], (string?)site["practiceName"]));
        Assert.Equal(@"Data Source=.\PMS;Initial Catalog=pms;Integrated Security=False;User ID=halo;Password=" + Password, (string?)site["connectionString"]);
        Assert.Equal("""{"modes":["reader","scalar"],"readOnly":true}""", site["policy"]!["default"]!.ToJsonString());
        Assert.Equal("""{"automatic":false,"hours":"22-5"}""", settings["updates"]!.ToJsonString());
        Assert.Equal("0x4", await windows.RegistryAsync(Service, "Start"));
        // What Windows Installer never writes down; wine lists the properties all the same.
        var hidden = (await RunAsync("msiinfo", "export", old, "Property")).Output.Split('\n').Single(l => l.StartsWith("MsiHiddenProperties", StringComparison.Ordinal)).Trim().Split('\t')[1].Split(';');
        var log = string.Join('\n', (await File.ReadAllLinesAsync(windows.PathOf(@"C:\install.log"))).Where(l => !hidden.Any(h => l.StartsWith($"Property(S): {h} = ", StringComparison.Ordinal))));
        Assert.Contains("SetApply", log, StringComparison.Ordinal);
        Assert.DoesNotContain(Token, log, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, log, StringComparison.Ordinal);

        // One property changes one setting.
        await windows.OkAsync("msiexec", "/i", old, "/qn", "DBNAME=pms2");
        Assert.Equal(settings.ToJsonString().Replace("=pms;", "=pms2;", StringComparison.Ordinal), Read(windows).ToJsonString());

        // An upgrade that fails leaves the version and its settings.
        var before = await File.ReadAllTextAsync(windows.PathOf(Settings));
        Assert.NotEqual(0, (await windows.RunAsync("msiexec", "/i", newer, "/qn", "POLICY=anything", "DBNAME=pms3")).ExitCode);
        // So does an account that there is not. By the program itself: wine undoes a change of what is installed by forgetting it.
        Assert.Equal(1, (await windows.RunAsync($@"{Versions}\{Old}\halo-link.exe", "setup", "apply", "\u001FSERVICEACCOUNT=NOWHERE\\nobody\u001FDBNAME=pms3")).ExitCode);
        Assert.Contains("SERVICEACCOUNT: is no account that this machine knows", await File.ReadAllTextAsync(windows.PathOf(Folder + @"\setup.log")), StringComparison.Ordinal);
        Assert.Equal(@"NT SERVICE\HaloLink", await windows.RegistryAsync(Service, "ObjectName"));
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        // Undoing it, wine forgets that the old version is one of ours; Windows does not. Repairing that teaches it.
        await windows.OkAsync("msiexec", "/i", old, "/qn", "REINSTALL=ALL");
        await IsInstalledAsync(windows, Old);
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        Assert.Contains("POLICY: must be read or write.", await File.ReadAllTextAsync(windows.PathOf(Folder + @"\setup.log")), StringComparison.Ordinal);

        // One that succeeds keeps settings and identity, and takes the old version away. Its settings may come by a file.
        await File.WriteAllTextAsync(windows.PathOf(@"C:\more.json"), $$"""{ "enrolmentToken": "{{Token}}", "lanes": { "async": 2 } }""");
        // What only a running Link makes.
        var identity = windows.PathOf(Folder + @"\data\identity.json");
        await File.WriteAllTextAsync(identity, "kept");
        await windows.OkAsync("msiexec", "/i", newer, "/qn", "/l*v", @"C:\upgrade.log", @"CONFIGFILE=C:\more.json");
        Assert.DoesNotContain(Token, await File.ReadAllTextAsync(windows.PathOf(@"C:\upgrade.log")), StringComparison.Ordinal);
        await IsInstalledAsync(windows, New);
        Assert.Equal("kept", await File.ReadAllTextAsync(identity));
        var upgraded = Read(windows);
        Assert.Equal(2, (int?)upgraded["lanes"]!["async"]);
        upgraded.Remove("lanes");
        Assert.Equal(JsonNode.Parse(before)!.ToJsonString(), upgraded.ToJsonString());
        Assert.Contains("Signature verification: ok",
            (await RunAsync("osslsigncode", "verify", "-CAfile", certificate, "-in", windows.PathOf($@"{Versions}\{New}\halo-link.exe"))).Output, StringComparison.Ordinal);

        // Repair brings back what is missing, and keeps the settings.
        var program = windows.PathOf($@"{Versions}\{New}\Npgsql.dll");
        File.Delete(program);
        before = await File.ReadAllTextAsync(windows.PathOf(Settings));
        await windows.OkAsync("msiexec", "/i", newer, "/qn", "REINSTALL=ALL");
        Assert.True(File.Exists(program));
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        await IsInstalledAsync(windows, New);

        // Refused after an upgrade, with the package that is installed, it leaves the same. wine forgets the product then, and learns it again by an installation.
        Assert.NotEqual(0, (await windows.RunAsync("msiexec", "/i", newer, "/qn", "POLICY=anything", "DBNAME=pms3")).ExitCode);
        await RunsAsync(windows, New);
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        Assert.False(File.Exists(windows.PathOf(Settings + ".before")));
        await windows.OkAsync("msiexec", "/i", newer, "/qn", "REINSTALL=ALL");
        await IsInstalledAsync(windows, New);

        // An older package is no error, and the newer version goes on.
        await windows.OkAsync("msiexec", "/i", old, "/qn", "DBNAME=pms4");
        await RunsAsync(windows, New);
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        // wine, which forgets at an upgrade that the newer version is one of ours, has put the older one's files beside it.
        await windows.RunAsync("msiexec", "/x", old, "/qn");
        await IsInstalledAsync(windows, New);

        // Removed, its settings and data stay; purged, nothing does.
        await windows.OkAsync("msiexec", "/x", newer, "/qn");
        await IsGoneAsync(windows);
        Assert.Equal(before, await File.ReadAllTextAsync(windows.PathOf(Settings)));
        Assert.True(File.Exists(identity));
        // Installed again, it has them back. The settings go first: a service that is configured would be started.
        File.Delete(windows.PathOf(Settings));
        await windows.OkAsync("msiexec", "/i", newer, "/qn");
        await IsInstalledAsync(windows, New);
        Assert.True(File.Exists(identity));
        await windows.OkAsync("msiexec", "/x", newer, "/qn", "PURGE=1");
        await IsGoneAsync(windows);
        Assert.False(Directory.Exists(windows.PathOf(Folder)));
    }

    static async Task RunsAsync(WinePrefix windows, string version)
    {
        Assert.Equal($"\"{Versions}\\{version}\\halo-link.exe\" run", await windows.RegistryAsync(Service, "ImagePath"));
        Assert.Equal(version, await windows.RegistryAsync(Detection, "Version"));
    }

    static async Task IsInstalledAsync(WinePrefix windows, string version)
    {
        await RunsAsync(windows, version);
        Assert.Equal([version], Directory.GetDirectories(windows.PathOf(Versions)).Select(d => Path.GetFileName(d)));
        // As Programs and Features shows it.
        var programs = (await windows.OkAsync("reg", "query", @"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall", "/s")).Split("HKEY_LOCAL_MACHINE").Where(p => p.Contains("Halo Link", StringComparison.Ordinal));
        Assert.Matches($@"DisplayVersion\s+REG_SZ\s+{System.Text.RegularExpressions.Regex.Escape(version)}\s", Assert.Single(programs));
    }

    static async Task IsGoneAsync(WinePrefix windows)
    {
        Assert.Null(await windows.RegistryAsync(Service, "ImagePath"));
        Assert.Null(await windows.RegistryAsync(Detection, "Version"));
        // wine leaves an empty folder now and then.
        var programs = new DirectoryInfo(windows.PathOf(@"C:\Program Files\Halo Link"));
        Assert.Empty(programs.Exists ? programs.GetFiles("*", SearchOption.AllDirectories) : []);
    }

    static JsonObject Read(WinePrefix windows) => JsonNode.Parse(File.ReadAllText(windows.PathOf(Settings)))!.AsObject();

    static async Task<(string Certificate, string Key)> CertificateAsync(string directory)
    {
        var (certificate, key) = (Path.Combine(directory, "code.pem"), Path.Combine(directory, "code.key"));
        var (exitCode, output) = await RunAsync("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=The makers of Halo", "-addext", "extendedKeyUsage=codeSigning",
            "-keyout", key, "-out", certificate);
        Assert.True(exitCode == 0, output);
        return (certificate, key);
    }

    static async Task<string> BuildAsync(string directory, string version, params string[] options)
    {
        var (exitCode, output) = await PackageAsync(["--quick", "--only", "msi", "--version", version, "--out", directory, .. options]);
        Assert.True(exitCode == 0, output);
        return output.Split('\n')[^1];
    }

    static async Task<(int ExitCode, string Output)> PackageAsync(params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(Path.Combine(Repository.Root, "package"), arguments);
        return (exitCode, output.Trim());
    }

    static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = await Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(output));
    }

    static async Task<string> DigestAsync(string file)
    {
        await using var content = File.OpenRead(file);
        return Convert.ToHexString(await SHA256.HashDataAsync(content, TestContext.Current.CancellationToken));
    }
}
