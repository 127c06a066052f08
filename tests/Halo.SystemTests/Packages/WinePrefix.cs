using System.Diagnostics;

namespace Halo.SystemTests.Packages;

/// <summary>A Windows of its own, as far as wine goes: its drive, registry and services are gone at the end.</summary>
sealed class WinePrefix : IAsyncDisposable
{
    /// <summary>Wine's services end with the last program: this one goes on until its input ends.</summary>
    Process? _keeper;

    readonly string _directory = Directory.CreateTempSubdirectory("halo-wine-").FullName;

    /// <summary>Why there can be none here; null: there can.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() ? "Needs Linux: the MSI is installed under wine."
        : ((string[])["wine", "wineserver", "wixl", "msibuild", "msiinfo", "osslsigncode", "openssl"]).FirstOrDefault(p => Find(p) is null) is { } program
            ? $"Needs {program} (Debian: apt-get install wine wine64 wixl msitools osslsigncode openssl)."
        : null;

    public static async Task<WinePrefix> CreateAsync()
    {
        var windows = new WinePrefix();
        // The first program makes it, without what would be downloaded for browsers and .NET Framework. Later mscoree is needed: Windows' loader asks it of every .NET program.
        await windows.RunAsync("wine", ["reg", "add", @"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f"], ("WINEDLLOVERRIDES", "mscoree,mshtml="));
        await windows.RestartAsync();
        return windows;
    }

    /// <summary>As after a restart of the machine: services know what the registry says.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        _keeper = Process.Start(Start("wine", ["cmd"]))!;
        _keeper.BeginOutputReadLine();
        _keeper.BeginErrorReadLine();
    }

    async Task StopAsync()
    {
        _keeper?.StandardInput.Close();
        await RunAsync(Find("wineserver")!, ["-k"]);
        await RunAsync(Find("wineserver")!, ["-w"]);
        _keeper?.Dispose();
        _keeper = null;
    }

    /// <summary>Where a Windows path is on this machine.</summary>
    public string PathOf(string path) => Path.Combine(_directory, "drive_c", path[@"C:\".Length..].Replace('\\', '/'));

    public Task<(int ExitCode, string Output)> RunAsync(params string[] command) => RunAsync("wine", command);

    /// <summary>Runs a Windows program that has to end with 0.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> OkAsync(params string[] command)
    {
        var (exitCode, output) = await RunAsync(command);
        Assert.True(exitCode == 0, $"{string.Join(' ', command)}: {exitCode}\n{output}\n{SetupLog()}");
        return output;
    }

    /// <summary>A value of the registry; null: there is none.</summary>
    public async Task<string?> RegistryAsync(string key, string value)
    {
        var (exitCode, output) = await RunAsync("reg", "query", key, "/v", value);
        return exitCode != 0 ? null
            : output.Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith(value, StringComparison.OrdinalIgnoreCase)).Select(l => string.Join("    ", l.Split("    ").Skip(2))).FirstOrDefault();
    }

    string SetupLog() => File.Exists(PathOf(@"C:\ProgramData\Halo Link\setup.log")) ? File.ReadAllText(PathOf(@"C:\ProgramData\Halo Link\setup.log")) : "";

    async Task<(int, string)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = Start(program, arguments);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        // Services that it starts keep its output open: the program's own end counts.
        var output = new System.Text.StringBuilder();
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var exited = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        while (!process.WaitForExit(100))
            exited.Token.ThrowIfCancellationRequested();
        await Task.WhenAny(Task.Run(process.WaitForExit, CancellationToken.None), Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None));
        lock (output)
            return (process.ExitCode, output.ToString());

        void Add(string? line)
        {
            lock (output)
                output.Append(line).Append('\n');
        }
    }

    ProcessStartInfo Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _directory };
        (start.Environment["WINEPREFIX"], start.Environment["WINEDEBUG"]) = (_directory, "-all");
        // It asks nobody anything.
        start.Environment.Remove("DISPLAY");
        return start;
    }

    static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/lib/wine").Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
