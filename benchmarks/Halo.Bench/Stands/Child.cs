using System.Diagnostics;
using System.Text;

namespace Halo.Bench.Stands;

/// <summary>A program as a child of the harness: what it said on standard error, its end; killed when disposed or when the harness ends.</summary>
class Child : IAsyncDisposable
{
    readonly Process _process;
    readonly StringBuilder _errors = new();

    public Child(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool talks = false)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardError = true,
            RedirectStandardInput = talks,
            RedirectStandardOutput = talks,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, e) => Hear(e.Data);
        _process.Start();
        _process.BeginErrorReadLine();
        AppDomain.CurrentDomain.ProcessExit += KillAtExit;
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Errors
    {
        get
        {
            lock (_errors)
                return _errors.ToString();
        }
    }

    protected StreamWriter Input => _process.StandardInput;

    protected StreamReader Output => _process.StandardOutput;

    /// <summary>Runs <c>dotnet {dll}</c>.</summary>
    public static Child OfDotnet(string dll, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null) =>
        new(Dotnet, [dll, .. arguments], environment);

    public static string Dotnet => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    public static Task RunAsync(string program, params string[] arguments) => RunAsync(program, arguments, null);

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    public static async Task RunAsync(string program, string[] arguments, IReadOnlyDictionary<string, string>? environment)
    {
        await using var child = new Child(program, arguments, environment);
        await child._process.WaitForExitAsync();
        if (child._process.ExitCode != 0)
            throw new InvalidOperationException($"{Path.GetFileName(program)} ended with exit code {child._process.ExitCode}: {child.Errors}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        AppDomain.CurrentDomain.ProcessExit -= KillAtExit;
        _process.Dispose();
        GC.SuppressFinalize(this);
    }

    void Hear(string? line)
    {
        lock (_errors)
            if (line is not null && _errors.Length < 16_384)
                _errors.AppendLine(line);
    }

    void KillAtExit(object? sender, EventArgs e)
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
    }
}
