using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Halo.Testing;

namespace Halo.Cli.Tests.Shell;

/// <summary><c>halo</c> in a terminal of its own, which <c>script</c> makes.</summary>
sealed partial class Terminal : IAsyncDisposable
{
    readonly Process _process;
    readonly StringBuilder _shown = new();
    readonly Task _reading;

    Terminal(Process process)
    {
        _process = process;
        _reading = ReadAsync();
    }

    /// <summary>Why there is none here; null where there is one.</summary>
    public static string? Missing => OperatingSystem.IsLinux() && File.Exists("/usr/bin/script") ? null : "Needs script of util-linux, which makes a terminal: run it on Linux.";

    /// <summary>Everything that was shown so far, without what only steers the terminal.</summary>
    public string Shown
    {
        get
        {
            lock (_shown)
                return Escapes().Replace(_shown.ToString(), "");
        }
    }

    public static Terminal Start(CommandLine halo, int columns, params string[] arguments)
    {
        // Whoever starts these tests may have SIGINT ignored, and children would inherit that.
        var command = $"stty cols {columns} rows 40; exec env --default-signal=INT dotnet {Repository.Program("Halo.Cli", "halo")} {string.Join(' ', arguments)}";
        var start = new ProcessStartInfo("/usr/bin/script", ["-qefc", command, "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        halo.Prepare(start);
        start.Environment["TERM"] = "xterm";
        return new(Process.Start(start)!);
    }

    public async Task TypeAsync(string keys)
    {
        await _process.StandardInput.WriteAsync(keys);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Waits until a text is shown behind all that was shown before the call of <see cref="Forget"/>.</summary>
    public Task UntilAsync(string text) => Eventually.BecomesAsync(() => Task.FromResult(Shown), shown => shown.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits for the prompt, and forgets what was shown so far.</summary>
    public async Task PromptAsync()
    {
        await Eventually.BecomesAsync(() => Task.FromResult(Shown), shown => shown.EndsWith("=> ", StringComparison.Ordinal));
        Forget();
    }

    public void Forget()
    {
        lock (_shown)
            _shown.Clear();
    }

    public async Task<int> EndedAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Eventually.Limit);
        await _reading;
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
    }

    async Task ReadAsync()
    {
        var buffer = new char[4096];
        while (await _process.StandardOutput.ReadAsync(buffer) is > 0 and var read)
        {
            lock (_shown)
                _shown.Append(buffer, 0, read);
        }
    }

    [GeneratedRegex(@"\e\[[0-9;?]*[A-Za-z]|\e[=>]|\r")]
    private static partial Regex Escapes();
}
