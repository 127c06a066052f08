using System.Net.Sockets;
using System.Text.Json.Nodes;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>Scripts can rely on the exit code of <c>halo-link doctor</c>, and on its JSON.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-doctor-").FullName;

    [Fact]
    public async Task Nothing_is_wrong_exit_code_0()
    {
        await using var halo = await HaloFixture.StartAsync();
        var link = halo.AddLink(new LinkSite("sqlite", halo.SqliteFile()));
        var (code, output) = await ExamineAsync(link.ConfigurationFile);
        Assert.True(code == 0, output);
        Assert.DoesNotContain("problem", output, StringComparison.Ordinal);
        // It has changed nothing: the Link starts on what it left.
        await link.StartAsync();
        Assert.Equal(0, (await ExamineAsync(link.ConfigurationFile)).Code);
    }

    [Fact]
    public async Task A_problem_exit_code_1_with_the_place_and_what_to_do()
    {
        var file = await SettingsAsync("sqlite");
        var (code, output) = await ExamineAsync(file);
        Assert.Equal(1, code);
        Assert.Contains("missing.db", output, StringComparison.Ordinal);
        var (sameCode, json) = await ExamineAsync(file, "--json");
        Assert.Equal(1, sameCode);
        var checks = JsonNode.Parse(json)!["checks"]!.AsArray();
        Assert.Contains(checks, c => (string?)c!["state"] == "problem" && ((string?)c["message"])!.Contains("missing.db", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_faulty_file_exit_code_2_with_every_fault()
    {
        var (code, output) = await ExamineAsync(await SettingsAsync("oracle"));
        Assert.Equal(2, code);
        Assert.Contains("sites[0].engine", output, StringComparison.Ordinal);
        Assert.Equal(2, (await ExamineAsync(Path.Combine(_directory, "nowhere.json"), "--json")).Code);
    }

    [Fact]
    public async Task An_option_that_it_does_not_have_exit_code_1()
    {
        var (code, output) = await ExamineAsync(await SettingsAsync("sqlite"), "--yaml");
        Assert.Equal(1, code);
        Assert.Contains("--yaml", output, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>Settings of a site whose file is not there, and of an API that nobody runs.</summary>
    async Task<string> SettingsAsync(string engine)
    {
        using var closed = new TcpListener(System.Net.IPAddress.Loopback, 0);
        closed.Start();
        var api = $"http://{closed.LocalEndpoint}";
        closed.Stop();
        var file = Path.Combine(_directory, "halo-link.json");
        await File.WriteAllTextAsync(file, $$"""
            { "api": "{{api}}", "dataDirectory": "data", "sites": [ { "engine": "{{engine}}", "connectionString": "Data Source={{_directory}}/missing.db", "practiceManagementName": "X", "practiceManagementSiteId": "1" } ] }
            """);
        return file;
    }

    async Task<(int Code, string Output)> ExamineAsync(string file, params string[] options)
    {
        await using var doctor = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["doctor", "--config", file, .. options], workingDirectory: _directory);
        return (await doctor.Exited.WaitAsync(Eventually.Limit), doctor.Output);
    }
}
