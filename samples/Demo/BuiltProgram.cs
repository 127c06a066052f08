using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Halo.Samples.Demo;

/// <summary>One of Halo's programs from its project's build output, running as a process of its own.</summary>
sealed class BuiltProgram : IAsyncDisposable
{
    const int LinesKept = 25;
    static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(8);
    readonly Process _process;
    readonly Queue<string> _lines = new();
    readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    BuiltProgram(string name, ProcessStartInfo start)
    {
        Name = name;
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => Keep(e.Data);
        _process.ErrorDataReceived += (_, e) => Keep(e.Data);
        _process.Exited += (_, _) => _exited.TrySetResult();
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int Id => _process.Id;

    /// <summary>Ends when the process has.</summary>
    public Task Exited => _exited.Task;

    /// <summary>Starts <c>src/{project}/bin/{configuration}/net10.0/{name}.dll</c>, in the configuration that this program was built in.</summary>
    public static BuiltProgram Start(string project, string name, string workingDirectory, IReadOnlyList<string> arguments,
        params (string Name, string Value)[] environment)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = own;
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Halo.slnx")))
            root = root.Parent;
        var path = Path.Combine(root?.FullName ?? own.FullName, "src", project, "bin", own.Parent!.Name, own.Name, name + ".dll");
        if (!File.Exists(path))
            throw new DemoException($"{path} is missing. Build the demonstration with its programs: dotnet build samples/Demo");
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet")
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.ArgumentList.Add(path);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        return new BuiltProgram(name, start);
    }

    /// <summary>Why it ended, with its last lines.</summary>
    public DemoException Obituary()
    {
        _process.WaitForExit();
        lock (_lines)
            return new DemoException($"{Name} ended with exit code {_process.ExitCode}. Its last lines:", [.. _lines]);
    }

    /// <summary>Asks it to stop in order, and insists after eight seconds. Windows has no such signal: there it is ended.</summary>
    public async Task StopAsync()
    {
        if (!_process.HasExited)
        {
            if (OperatingSystem.IsWindows() || NativeMethods.Kill(_process.Id, NativeMethods.Terminate) != 0)
                _process.Kill();
            try
            {
                await _exited.Task.WaitAsync(StopLimit);
            }
            catch (TimeoutException)
            {
                _process.Kill();
            }
        }
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
    }

    void Keep(string? line)
    {
        if (line is null)
            return;
        lock (_lines)
        {
            _lines.Enqueue(line);
            if (_lines.Count > LinesKept)
                _lines.Dequeue();
        }
    }

    static class NativeMethods
    {
        public const int Terminate = 15;

        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int process, int signal);
    }
}
