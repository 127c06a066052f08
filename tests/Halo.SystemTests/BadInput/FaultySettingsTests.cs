using System.Runtime.Versioning;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>A settings file that holds what no program can read: a start says so and ends with 2, a running Link goes on.</summary>
public sealed class FaultySettingsTests : IDisposable
{
    const string Text = """
        { "api": "http://127.0.0.1:9", "dataDirectory": "data",
          "sites": [ { "engine": "sqlite", "connectionString": "Data Source=x.db", "practiceManagementName": "Clínica", "practiceManagementSiteId": "1" } ] }
        """;

    readonly string _directory = Directory.CreateTempSubdirectory("halo-settings-").FullName;

    public static TheoryData<byte[], string> Faulty => new()
    {
        { Encoding.Latin1.GetBytes(Text), ": this is not UTF-8" },
        { Encoding.UTF8.GetBytes(Text.Replace("Clínica", "\\ud800", StringComparison.Ordinal)), "half of a surrogate pair" },
        { Encoding.UTF8.GetBytes(Text.Replace("\"data\"", "\"da\\u0000ta\"", StringComparison.Ordinal)), ": a zero character" },
        { Encoding.UTF8.GetBytes(Text.Replace("x.db", "x\\u0000.db", StringComparison.Ordinal)), "a zero character" },
        { Encoding.Unicode.GetBytes(Text), "a zero byte" },
        { Encoding.UTF8.GetBytes(Text.Replace("\"sites\"", "\"api\": \"https://x\", \"sites\"", StringComparison.Ordinal)), "line 2, column 3: this name stands already" },
        { Encoding.UTF8.GetBytes(new string('[', 5000)), "more than 64 deep" },
    };

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [MemberData(nameof(Faulty))]
    public async Task A_start_with_it_ends_with_2_and_says_where_the_fault_is(byte[] content, string words)
    {
        var file = Path.Combine(_directory, "halo-link.json");
        await File.WriteAllBytesAsync(file, content);
        await using var link = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["run", "--config", file], workingDirectory: _directory);
        Assert.Equal(2, await link.Exited.WaitAsync(Eventually.Limit));
        Assert.Contains(words, link.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", link.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_Link_goes_on_says_so_in_log_and_status_and_takes_up_the_mended_file()
    {
        await using var halo = await HaloFixture.StartAsync();
        var (link, site, integrator) = await halo.AddPairedAsync(new("sqlite", halo.SqliteFile()));
        var good = await File.ReadAllTextAsync(link.ConfigurationFile);
        // The data directory stays readable by eye, so that status finds the Link.
        string Changed(string by) => good.Replace("\"sites\":[{", by + "\"sites\":[{", StringComparison.Ordinal);
        (byte[] Content, string Words)[] faulty =
        [
            (Encoding.Latin1.GetBytes(Changed("\"x\":\"é\",")), "this is not UTF-8"),
            (Encoding.UTF8.GetBytes(Changed("\"x\":\"\\ud800\",")), "half of a surrogate pair"),
            (Encoding.UTF8.GetBytes(Changed("\"x\":\"\\u0000\",")), "a zero character"),
            (Encoding.UTF8.GetBytes(Changed("\"api\":\"https://x\",")), "this name stands already"),
            (Encoding.UTF8.GetBytes(Changed("\"x\":" + new string('[', 5000))), "more than 64 deep"),
            ([0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Changed("\"unheard\":1,"))], "unheard"),
            (Encoding.UTF8.GetBytes(good)[..^2], "is not valid JSON"),
        ];
        foreach (var (content, words) in faulty)
        {
            await File.WriteAllBytesAsync(link.ConfigurationFile, content);
            await link.Process.UntilAsync(
                () => AskAsync(link),
                s => s.Code == 0 && s.Output.Contains("configuration file is faulty, the one before is in force", StringComparison.Ordinal)
                    && s.Output.Contains(words, StringComparison.Ordinal));
        }
        Assert.Equal(200, (int)(await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        var mended = JsonNode.Parse(good)!;
        mended["sites"]![0]!["practiceName"] = "Mended";
        await File.WriteAllTextAsync(link.ConfigurationFile, mended.ToJsonString());
        await link.Process.UntilAsync(link.FindSitesAsync, s => s is [{ PracticeMetadata.PracticeName: "Mended" }]);
        var (code, output) = await AskAsync(link);
        Assert.Equal(0, code);
        Assert.DoesNotContain("faulty", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_says_by_its_exit_code_whether_the_Link_is_connected_and_why_it_is_not()
    {
        await using var halo = HaloFixture.Create();
        var link = halo.AddLink(new LinkSite("sqlite", halo.SqliteFile()));
        Assert.Equal(1, (await AskAsync(link)).Code);
        await link.LaunchAsync();
        var (_, away) = await link.Process.UntilAsync(() => AskAsync(link), s => s.Code == 3 && s.Output.Contains("last error", StringComparison.Ordinal));
        Assert.Contains("NOT connected", away, StringComparison.Ordinal);
        await halo.Api.StartAsync();
        await link.Process.UntilAsync(() => AskAsync(link), s => s.Code == 0);
        link.Process.Terminate();
        await link.Process.Exited;
        Assert.Equal(1, (await AskAsync(link)).Code);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Files_that_others_can_read_are_named_with_the_command_that_mends_them()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Reads the rights of Linux files; make it run on Linux.");
        await using var halo = await HaloFixture.StartAsync();
        var link = halo.AddLink(new LinkSite("sqlite", halo.SqliteFile()));
        const UnixFileMode forAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        File.SetUnixFileMode(link.ConfigurationFile, forAll);
        await link.StartAsync();
        var command = $"chmod 600 '{link.ConfigurationFile}'";
        Assert.Contains(command, link.Process.Output, StringComparison.Ordinal);
        Assert.Contains(command, (await AskAsync(link)).Output, StringComparison.Ordinal);
        // The command, as it is told.
        await using (var mending = HaloProcess.Start("", [], within: ["sh", "-c", command]))
            Assert.Equal(0, await mending.Exited);
        Assert.DoesNotContain("chmod", (await AskAsync(link)).Output, StringComparison.Ordinal);

        var key = Path.Combine(link.DataDirectory, "link.key");
        File.SetUnixFileMode(key, forAll);
        Assert.Contains($"chmod 600 '{key}'", (await AskAsync(link)).Output, StringComparison.Ordinal);
    }

    static async Task<(int Code, string Output)> AskAsync(LinkProgram link)
    {
        await using var asking = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["status", "--config", link.ConfigurationFile]);
        return (await asking.Exited, asking.Output);
    }
}
