using System.CommandLine;
using System.Text.Json.Nodes;
using Halo.Link.Configuring;
using Halo.Link.Settings.Reading;
using Halo.Link.Tests.Work.Async;
using Spectre.Console.Testing;

namespace Halo.Link.Tests.Configuring;

public sealed class ConfigureCommandTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    string File => Path.Combine(_folder.Path, "link", "halo-link.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_new_practice_is_configured_by_options_and_may_only_be_read()
    {
        Assert.Equal(0, await RunAsync(Practice));
        var settings = SettingsReader.Read(File, new Dictionary<string, string>());
        Assert.Equal(("https://halo.example/", "sqlite", "12345"), (settings.Api.ToString(), settings.Sites[0].Engine, settings.Sites[0].PracticeManagementSiteId.Text));
        Assert.True(settings.Sites[0].Policy!.Default.ReadOnly);
        Assert.Equal(["reader", "scalar"], settings.Sites[0].Policy!.Default.Modes!.Order());
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Fact]
    public async Task Whoever_wants_integrators_to_write_says_so()
    {
        Assert.Equal(0, await RunAsync([.. Practice, "--policy", "write"]));
        var rules = SettingsReader.Read(File, new Dictionary<string, string>()).Sites[0].Policy!.Default;
        Assert.Equal((false, null), (rules.ReadOnly, rules.Modes));
        Assert.Equal(0, await RunAsync(["--policy", "read"]));
        Assert.True(SettingsReader.Read(File, new Dictionary<string, string>()).Sites[0].Policy!.Default.ReadOnly);
        Assert.Equal(2, await RunAsync(["--policy", "everything"]));
    }

    [Fact]
    public async Task What_an_option_names_changes_and_all_else_stays()
    {
        await RunAsync(Practice);
        // Written before policies were: it means what it meant.
        await RunAsync(["unset", "sites[0].policy"]);
        var before = await System.IO.File.ReadAllTextAsync(File);
        Assert.Equal(0, await RunAsync(["--practice-name", "New Street Clinic"]));
        Assert.Equal(before.Replace("Main Street Clinic", "New Street Clinic", StringComparison.Ordinal), await System.IO.File.ReadAllTextAsync(File));
    }

    [Theory]
    [InlineData("sites[0]", "{0}")]
    [InlineData("sites", "[{0}]")]
    public async Task A_site_that_is_set_as_a_whole_keeps_its_policy_and_a_new_one_may_only_be_read(string path, string value)
    {
        await RunAsync([.. Practice, "--policy", "write"]);
        const string Site = """{ "engine": "sqlite", "connectionString": "Data Source=/pms/clinic.db", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "12345" }""";
        Assert.Equal(0, await RunAsync(["set", path, value.Replace("{0}", Site, StringComparison.Ordinal)]));
        Assert.False(SettingsReader.Read(File, new Dictionary<string, string>()).Sites[0].Policy!.Default.ReadOnly);
        Assert.Equal(0, await RunAsync(["set", "sites[1]", Site.Replace("12345", "6", StringComparison.Ordinal)]));
        Assert.True(SettingsReader.Read(File, new Dictionary<string, string>()).Sites[1].Policy!.Default.ReadOnly);
    }

    [Theory]
    [InlineData("lanes.async", "4", "4")]
    [InlineData("sites[0].practiceManagementSiteId", "777", "\"777\"")]
    [InlineData("remoteConfiguration", "false", "false")]
    [InlineData("sites[0].policy.default.modes", "[\"reader\"]", "[\"reader\"]")]
    [InlineData("enrolmentToken", "-", "\"from standard input\"")]
    public async Task One_setting_is_changed(string path, string value, string expected)
    {
        await RunAsync(Practice);
        Assert.Equal(0, await RunAsync(["set", path, value], "from standard input\n"));
        var node = JsonNode.Parse(await System.IO.File.ReadAllTextAsync(File));
        foreach (var step in SettingsPath.Parse(path).Steps)
            node = SettingsPath.PlaceOf(step) is { } place ? node![place] : node![step];
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), node), node?.ToJsonString());
    }

    [Theory]
    [InlineData("set", "lanes.async", "400")]
    [InlineData("set", "lanes.asynk", "4")]
    [InlineData("set", "sites[0].engine", "oracle")]
    [InlineData("set", "api", "http://halo.example")]
    [InlineData("set", "sites[0].practiceManagementSiteId", "{\"sqll\":\"SELECT id FROM practice\"}")]
    [InlineData("set", "sites[5].engine", "sqlite")]
    [InlineData("unset", "api")]
    [InlineData("unset", "nothing")]
    [InlineData("--engine", "oracle")]
    public async Task What_a_Link_would_refuse_is_refused_and_the_file_stays(params string[] arguments)
    {
        await RunAsync(Practice);
        var before = await System.IO.File.ReadAllBytesAsync(File);
        Assert.Equal(2, await RunAsync(arguments));
        Assert.Equal(before, await System.IO.File.ReadAllBytesAsync(File));
        Assert.Equal([File], Directory.GetFiles(Path.GetDirectoryName(File)!));
    }

    [Fact]
    public async Task Half_of_a_new_configuration_is_refused_with_all_that_is_missing_and_nothing_is_written()
    {
        Assert.Equal(2, await RunAsync(["--api", "https://halo.example"]));
        Assert.False(System.IO.File.Exists(File));
    }

    /// <summary>A file whose faults are older is still to be mended, one after another.</summary>
    [Fact]
    public async Task A_faulty_file_can_be_mended_step_by_step()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        await System.IO.File.WriteAllTextAsync(File, """{ "api": "nonsense", "lanes": { "async": 99 }, "sites": [{ "engine": "sqlite", "connectionString": "Data Source=a.db", "practiceManagementName": "x", "practiceManagementSiteId": "1" }] }""");
        Assert.Equal(2, await RunAsync(["set", "api", "https://halo.example"]));
        Assert.Contains("https://halo.example", await System.IO.File.ReadAllTextAsync(File), StringComparison.Ordinal);
        Assert.Equal(0, await RunAsync(["set", "lanes.async", "3"]));
    }

    [Fact]
    public async Task Settings_are_laid_over_the_file_from_standard_input()
    {
        await RunAsync(Practice);
        Assert.Equal(0, await RunAsync(["--from", "-"], """{ "enrolmentToken": "t0ken", "lanes": { "immediate": 8 }, "proxy": { "address": "http://proxy:3128" } }"""));
        var settings = SettingsReader.Read(File, new Dictionary<string, string>());
        Assert.Equal(("t0ken", 8, 2, "12345"), (settings.EnrolmentToken, settings.Lanes.Immediate, settings.Lanes.Async, settings.Sites[0].PracticeManagementSiteId.Text));
    }

    [Fact]
    public async Task What_is_shown_holds_no_secret()
    {
        await RunAsync(Practice);
        await RunAsync(["--from", "-"], """{ "enrolmentToken": "s3cret-1", "proxy": { "address": "http://proxy:3128", "user": "u", "password": "s3cret-2" }, "telemetry": { "otlp": "http://u:s3cret-4@collector:4318" } }""");
        await RunAsync(["--engine", "postgres", "--connection-string", "-"], "Host=h;Database=d;Username=u;PSW=s3cret-3");
        var console = new TestConsole();
        Assert.Equal(0, await RunAsync(["show"], console: console));
        Assert.DoesNotContain("s3cret", console.Output, StringComparison.Ordinal);
        Assert.All((string[])["proxy:3128", "12345", "Main Street Clinic"], known => Assert.Contains(known, console.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_person_at_a_terminal_is_asked()
    {
        var console = new TestConsole().Interactive();
        console.Input.PushTextWithEnter("https://halo.example");
        console.Input.PushTextWithEnter("t0ken");
        // The first engine of the list.
        console.Input.PushKey(ConsoleKey.Enter);
        console.Input.PushTextWithEnter("Server=localhost;Database=pms;User Id=halo;Password=x");
        console.Input.PushTextWithEnter("Best Practice");
        console.Input.PushTextWithEnter("12345");
        console.Input.PushTextWithEnter("Main Street Clinic");
        console.Input.PushTextWithEnter("y");
        Assert.Equal(0, await RunAsync([], console: console));
        var settings = SettingsReader.Read(File, new Dictionary<string, string>());
        Assert.Equal(("t0ken", "sqlServer", true), (settings.EnrolmentToken, settings.Sites[0].Engine, settings.Sites[0].Policy!.Default.ReadOnly));
        Assert.DoesNotContain("t0ken", console.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Password", console.Output.Split("Name of the practice's software")[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_may_begin_with_an_at_sign()
    {
        await RunAsync(Practice);
        Assert.Equal(0, await LinkCommands.RunAsync(["configure", "set", "enrolmentToken", "@t0ken", "--no-check", "--config", File]));
        Assert.Equal("@t0ken", SettingsReader.Read(File, new Dictionary<string, string>()).EnrolmentToken);
    }

    [Fact]
    public async Task Nobody_is_asked_where_nobody_is_there() => Assert.Equal(2, await RunAsync([]));

    static string[] Practice =>
    [
        "--api", "https://halo.example", "--engine", "sqlite", "--connection-string", "Data Source=clinic.db",
        "--practice-management-name", "Best Practice", "--practice-management-site-id", "12345", "--practice-name", "Main Street Clinic",
    ];

    /// <summary>Without its checks, which the doctor's own tests and the package's try.</summary>
    async Task<int> RunAsync(string[] arguments, string input = "", TestConsole? console = null)
    {
        var config = new Option<string>("--config") { Recursive = true };
        var root = new RootCommand { config, new ConfigureCommand(config, new StringReader(input), console ?? new TestConsole()).Build() };
        string[] all = ["configure", .. arguments, .. arguments.FirstOrDefault() == "show" ? [] : (string[])["--no-check"], "--config", File];
        return await root.Parse(all).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken);
    }
}
