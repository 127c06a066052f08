using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>The command line of <c>halo-api</c>: what is no command never starts the service.</summary>
public sealed class ApiCommandLineTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-cli-").FullName;

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("backup --help")]
    [InlineData("rewrap --help")]
    [InlineData("run --help")]
    public async Task Help_is_given_and_nothing_is_started(string line)
    {
        var output = await EndsAsync(0, line.Split(' '));

        Assert.Contains("Usage:", output, StringComparison.Ordinal);
        Assert.Contains("halo-api", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_names_every_command()
    {
        var output = await EndsAsync(0, "--help");

        foreach (var command in (string[])["run", "backup", "restore", "rewrap", "--version"])
            Assert.Contains(command, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bakup x", "backup")]
    [InlineData("restor --settle", "restore")]
    [InlineData("rnu", "run")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("backup", "FILE")]
    [InlineData("backup one two", "two")]
    [InlineData("restore", "--settle")]
    [InlineData("restore file --settle", "--settle")]
    [InlineData("run away", "away")]
    [InlineData("rewrap now", "now")]
    [InlineData("rewrap --signing-keys", "--signing-key")]
    [InlineData("--hlep", "--help")]
    public async Task What_is_no_command_is_an_error_that_says_what_was_meant(string line, string expected) =>
        Assert.Contains(expected, await EndsAsync(1, line.Split(' ')), StringComparison.Ordinal);

    [Theory]
    [InlineData("--Halo:Enrollment=open", "did you mean Halo:Enrolment?")]
    [InlineData("run --Halo:Limits:Foo 5", "Halo:Limits:Foo is no setting")]
    [InlineData("--url=http://127.0.0.1:0", "did you mean --urls?")]
    [InlineData("backup file --Halo:DataDir=x", "did you mean Halo:DataDirectory?")]
    public async Task A_misspelt_setting_on_the_command_line_is_refused(string line, string expected) =>
        Assert.Contains(expected, await EndsAsync(2, line.Split(' ')), StringComparison.Ordinal);

    [Fact]
    public async Task A_misspelt_setting_in_the_environment_is_refused()
    {
        await using var fixture = HaloFixture.Create();
        await using var api = fixture.Api.Launch(("Halo__Enrollment", "open"), ("Halo__Limits__Foo", "1"));

        Assert.Equal(2, await api.Exited.WaitAsync(Eventually.Limit));
        Assert.Contains("did you mean Halo:Enrolment?", api.Output, StringComparison.Ordinal);
        Assert.Contains("Halo:Limits:Foo", api.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_misspelt_setting_in_the_settings_file_is_refused()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "appsettings.json"), """{ "Halo": { "Enrolment": "open", "Limits": { "PageByte": 4096 } } }""");

        Assert.Contains("did you mean Halo:Limits:PageBytes?", await EndsAsync(2), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_version_is_told() => Assert.Matches(@"^\d+\.\d+\.\d+", (await EndsAsync(0, "--version")).Trim());

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    async Task<string> EndsAsync(int code, params string[] arguments)
    {
        await using var api = HaloProcess.Start(Repository.Program("Halo.Api", "halo-api"), arguments, workingDirectory: _directory);
        var ended = await api.Exited.WaitAsync(Eventually.Limit);
        Assert.True(ended == code, $"Exit code {ended}. It wrote:\n{api.Output}");
        // Nothing was begun: no store, no key.
        Assert.False(Directory.Exists(Path.Combine(_directory, "data")), "A data directory was made.");
        return api.Output;
    }
}
