using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>One worker process, as the Link sees it.</summary>
sealed class SqliteWorker : IDisposable
{
    /// <summary>For what the runtime keeps beside SQLite: the command's text and parameters, one row's buffers.</summary>
    public const long RuntimeMemoryBytes = 128L << 20;

    /// <summary>A machine that is busy or just starting needs its time.</summary>
    static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(30);

    static readonly string[] Inherited =
    [
        "PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
        "SystemRoot", "SystemDrive", "windir", "TEMP", "TMP", "USERPROFILE", "ProgramData", "ProgramFiles", "PROCESSOR_ARCHITECTURE",
    ];

    readonly Process _process;
    int _disposed;

    SqliteWorker(Process process)
    {
        _process = process;
        Channel = new(process.StandardOutput.BaseStream, process.StandardInput.BaseStream);
    }

    public WorkerChannel Channel { get; }

    public int ProcessId { get; private init; }

    /// <summary>Starts one and waits until it is ready for a command.</summary>
    /// <exception cref="SqliteWorkerException">It cannot be started.</exception>
    public static Task<SqliteWorker> StartAsync(long memoryBytes, TimeProvider time) => StartAsync(Describe(memoryBytes), time);

    /// <inheritdoc cref="StartAsync(long, TimeProvider)"/>
    internal static async Task<SqliteWorker> StartAsync(ProcessStartInfo start, TimeProvider time)
    {
        SqliteWorker worker;
        Task<string> words;
        try
        {
            var process = Process.Start(start)!;
            worker = new(process) { ProcessId = process.Id };
            words = ReadStartAsync(process.StandardError);
        }
        catch (Exception e) when (e is Win32Exception or IOException or InvalidOperationException)
        {
            throw new SqliteWorkerException($"it cannot be started ({e.GetType().Name}: {e.Message})");
        }
        var ready = Task.Run(() => worker.Channel.TryReceive(out var kind, out _) && kind == WorkerFrameKind.Ready);
        try
        {
            if (await ready.WaitAsync(StartWithin, time))
                return worker;
        }
        catch (Exception e)
        {
            worker.Dispose();
            throw new SqliteWorkerException(e is TimeoutException ? $"it was not ready within {StartWithin.TotalSeconds} s" : $"it is not the Link's own program ({e.GetType().Name})");
        }
        // No query has reached it: what it says is the runtime's own.
        var how = worker.HowItEnded();
        worker.Dispose();
        throw new SqliteWorkerException($"{how}{(await words is { Length: > 0 } text ? ": " + text : "")}");
    }

    /// <summary>Whether somebody else has ended it.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Ends it at once, whatever it does. What it sent before can still be received.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended.
        }
    }

    /// <summary>How a worker ended whose pipe is closed.</summary>
    public string HowItEnded()
    {
        try
        {
            return _process.WaitForExit(TimeSpan.FromSeconds(1))
                ? string.Create(CultureInfo.InvariantCulture, $"it ended with exit code {_process.ExitCode}")
                : "it closed its pipe";
        }
        catch (InvalidOperationException)
        {
            return "it was ended";
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Kill();
        Channel.Dispose();
        _process.Dispose();
    }

    static ProcessStartInfo Describe(long memoryBytes)
    {
        var own = Environment.ProcessPath ?? "";
        var start = new ProcessStartInfo
        {
            UseShellExecute = false,
            CreateNoWindow = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = Encoding.UTF8,
        };
        var program = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "halo-link.exe" : "halo-link");
        switch (Path.GetFileNameWithoutExtension(own))
        {
            case "halo-link":
                start.FileName = own;
                break;
            case "dotnet":
                start.FileName = own;
                start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "halo-link.dll"));
                break;
            default:
                start.FileName = program;
                break;
        }
        start.ArgumentList.Add(SqliteWorkerProgram.Command);
        start.ArgumentList.Add(memoryBytes.ToString(CultureInfo.InvariantCulture));
        var environment = start.Environment;
        foreach (var name in environment.Keys.Where(k => !IsForWorkers(k)).ToList())
            environment.Remove(name);
        environment["DOTNET_GCHeapHardLimit"] = RuntimeMemoryBytes.ToString("X", CultureInfo.InvariantCulture);
        environment["DOTNET_gcConcurrent"] = "0";
        environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1";
        // Neither a socket in the temporary folder nor a dump.
        environment["DOTNET_EnableDiagnostics"] = "0";
        environment["DOTNET_DbgEnableMiniDump"] = "0";
        return start;
    }

    /// <summary>What a program needs to start. The rest may hold secrets: passwords of databases and proxies, a collector's key.</summary>
    static bool IsForWorkers(string variable) =>
        variable.StartsWith("DOTNET_", StringComparison.OrdinalIgnoreCase) || variable.StartsWith("LC_", StringComparison.OrdinalIgnoreCase)
        || Inherited.Contains(variable, StringComparer.OrdinalIgnoreCase);

    /// <summary>What the runtime says while it starts; the worker closes this pipe before its first command.</summary>
    static async Task<string> ReadStartAsync(StreamReader error)
    {
        const int Most = 500;
        var text = new StringBuilder();
        var buffer = new char[256];
        try
        {
            while (await error.ReadAsync(buffer) is var read and > 0)
            {
                if (text.Length < Most)
                    text.Append(buffer, 0, Math.Min(read, Most - text.Length));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // It ended.
        }
        return text.ToString().ReplaceLineEndings(" ").Trim();
    }
}

/// <summary>There is no worker to run a command.</summary>
sealed class SqliteWorkerException(string how) : Exception(how);
