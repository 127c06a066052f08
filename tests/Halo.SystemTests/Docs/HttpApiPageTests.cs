using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Halo.Samples.Clinic;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Docs;

/// <summary>docs/http-api.md says what is true: its examples are run, in order, in one shell, against the real programs.</summary>
public class HttpApiPageTests
{
    [Fact]
    public async Task Every_example_of_the_page_runs_and_answers_what_the_page_says()
    {
        foreach (var program in (string[])["bash", "curl", "python3"])
            Assert.SkipUnless(IsThere(program), $"The examples need {program}. Install it, on Debian with: apt-get install {program}");
        var examples = Example.Of(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "http-api.md")));
        Assert.True(examples.Count > 15 && examples.Count(e => e.Answer is not null) > 10, "The page has lost its examples.");

        await using var house = await HaloFixture.StartAsync();
        var file = Path.Combine(house.TemporaryDirectory, "clinic.db");
        ClinicBuilder.Build(file);
        var (_, site, integrator) = await house.AddPairedAsync(
            new LinkSite("sqlite", $"Data Source={file}") { PracticeManagementName = "Best Practice", PracticeManagementSiteId = "12345" });
        var work = Directory.CreateDirectory(Path.Combine(house.TemporaryDirectory, "examples")).FullName;

        var (code, errors) = await RunAsync(Script(examples), work,
            ("api", house.Api.Address.ToString().TrimEnd('/')), ("site", site.Id.ToString()), ("key", $"Ocp-Apim-Subscription-Key: {integrator.Key}"));
        Assert.True(code == 0, $"docs/http-api.md, example at line {LastBegun(work, examples)} ended with {code}. {errors}");
        foreach (var (example, i) in examples.Select((e, i) => (e, i)))
            Check(example, await File.ReadAllTextAsync(Path.Combine(work, $"out.{i}")), await File.ReadAllTextAsync(Path.Combine(work, $"status.{i}")));
    }

    static void Check(Example example, string output, string statuses)
    {
        var where = $"docs/http-api.md, example at line {example.Line}";
        var isFailure = example.Answer is { } answer && (answer.Contains("\"error\"", StringComparison.Ordinal) || answer.Contains("\"executionFailed\"", StringComparison.Ordinal));
        foreach (var status in statuses.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.True(isFailure == (status[0] is '4' or '5'), $"{where} answered {status}: {output}");
        if (example.Answer is null)
            return;
        using var shown = JsonDocument.Parse(example.Answer);
        using var real = JsonDocument.Parse(output);
        var differences = Example.Differences(shown.RootElement, real.RootElement).ToList();
        Assert.True(differences.Count == 0, $"{where} does not answer what the page says: {string.Join("; ", differences)}");
    }

    /// <summary>Each block writes to a file of its own, and the status of every call of curl to another.</summary>
    static string Script(IReadOnlyList<Example> examples)
    {
        var script = new StringBuilder("set -euo pipefail\n_work=$PWD\n");
        script.Append("curl() { command curl --write-out '%{stderr}%{http_code}\\n' \"$@\" 2>> $_work/status.$_block; }\n");
        for (var i = 0; i < examples.Count; i++)
            script.Append(System.Globalization.CultureInfo.InvariantCulture, $"_block={i}\n: > status.{i}\n{{\n{examples[i].Commands}\n}} > out.{i}\n");
        return script.ToString();
    }

    static int LastBegun(string work, IReadOnlyList<Example> examples) =>
        examples[Math.Max(0, Directory.GetFiles(work, "status.*").Length - 1)].Line;

    static async Task<(int Code, string Errors)> RunAsync(string script, string work, params (string Name, string Value)[] variables)
    {
        var file = Path.Combine(work, "examples.sh");
        await File.WriteAllTextAsync(file, script);
        var start = new ProcessStartInfo("bash", ["--noprofile", "--norc", file]) { WorkingDirectory = work, RedirectStandardError = true };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        using var bash = Process.Start(start)!;
        var errors = bash.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        try
        {
            await bash.WaitForExitAsync(limit.Token);
        }
        finally
        {
            if (!bash.HasExited)
                bash.Kill(entireProcessTree: true);
        }
        return (bash.ExitCode, await errors);
    }

    static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(d => File.Exists(Path.Combine(d, program)));
}
