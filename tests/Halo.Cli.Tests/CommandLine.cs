using System.Diagnostics;
using Halo.Testing;

namespace Halo.Cli.Tests;

/// <summary>What a run of <c>halo</c> left.</summary>
sealed record Ran(int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>Runs <c>halo</c> as a process, with a home of its own.</summary>
sealed class CommandLine(string home)
{
    /// <summary>Where it runs, and keeps what is its user's.</summary>
    public string Home => home;

    /// <summary>Beside those of the test itself, from which everything of Halo is taken out.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <param name="meanwhile">Given the process's id, once it was started.</param>
    public async Task<Ran> RunAsync(string[] arguments, string? input = null, Func<int, Task>? meanwhile = null)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Program("Halo.Cli", "halo"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Prepare(start);
        using var process = Process.Start(start)!;
        if (input is not null)
            await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (meanwhile is not null)
            await meanwhile(process.Id);
        await process.WaitForExitAsync().WaitAsync(Eventually.Limit);
        return new(process.ExitCode, await output, await errors);
    }

    /// <summary>Its environment and place, for what a test starts itself.</summary>
    public void Prepare(ProcessStartInfo start)
    {
        start.WorkingDirectory = home;
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("HALO_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        start.Environment["HOME"] = home;
        start.Environment["XDG_CONFIG_HOME"] = Path.Combine(home, ".config");
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
    }
}
