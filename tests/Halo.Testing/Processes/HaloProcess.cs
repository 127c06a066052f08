using System.Diagnostics;
using System.Globalization;

namespace Halo.Testing.Processes;

/// <summary>A built program as a process of its own: its lines, its end, its memory; gone when disposed, or when the tests end.</summary>
public sealed class HaloProcess : IAsyncDisposable
{
    readonly Process _process;
    readonly string _program;
    readonly Action<string>? _heard;
    readonly Lock _lock = new();
    readonly List<string> _lines = [];
    readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Seen)> _waiters = [];

    HaloProcess(string program, ProcessStartInfo start, Action<string>? heard)
    {
        (_program, _heard) = (program, heard);
        _process = new Process { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, e) => Hear(e.Data);
        _process.ErrorDataReceived += (_, e) => Hear(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        Exited = ExitAsync();
        AppDomain.CurrentDomain.ProcessExit += KillAtExit;
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Ends with the exit code, after the last line was heard.</summary>
    public Task<int> Exited { get; }

    /// <summary>What it has written so far, standard output and error.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lock)
                return [.. _lines];
        }
    }

    public string Output => string.Join(Environment.NewLine, Lines);

    /// <summary>Bytes resident now.</summary>
    public long ResidentBytes => StatusBytes("VmRSS");

    /// <summary>The most that was ever resident.</summary>
    public long PeakResidentBytes => StatusBytes("VmHWM");

    /// <summary>Open file descriptors: files, sockets, pipes.</summary>
    public int OpenFiles => Directory.GetFileSystemEntries($"/proc/{_process.Id}/fd").Length;

    /// <summary>Starts <c>dotnet {dll}</c>.</summary>
    /// <param name="within">A program and its arguments that start it in its own place, as <c>unshare</c> does; none: it is started itself.</param>
    public static HaloProcess Start(string dll, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null,
        string? workingDirectory = null, Action<string>? heard = null, params string[] within)
    {
        string[] program = [.. within, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet", dll];
        var start = new ProcessStartInfo(program[0])
        {
            WorkingDirectory = workingDirectory ?? Path.GetTempPath(),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in program.Skip(1).Concat(arguments))
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return new HaloProcess(dll, start, heard);
    }

    /// <summary>The first line, written already or to come, that <paramref name="wanted"/> likes.</summary>
    public async Task<string> WaitForLineAsync(Func<string, bool> wanted, TimeSpan? limit = null)
    {
        TaskCompletionSource<string> seen = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_lines.Find(wanted.Invoke) is { } heard)
                return heard;
            _waiters.Add((wanted, seen));
        }
        if (await Task.WhenAny(seen.Task, Exited).WaitAsync(limit ?? Eventually.Limit) != seen.Task && !seen.Task.IsCompleted)
            throw Died();
        return await seen.Task;
    }

    /// <summary>Asks until <paramref name="enough"/>; fails at once, with its lines, when the process ends before.</summary>
    public async Task<T> UntilAsync<T>(Func<Task<T>> ask, Func<T, bool> enough, TimeSpan? limit = null)
    {
        try
        {
            var (answer, _) = await Eventually.BecomesAsync(AskAsync, a => a.Answered && enough(a.Answer!), limit);
            return answer!;
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}{Environment.NewLine}The process {_program} wrote:{Environment.NewLine}{Output}");
        }

        // A connection that failed is no answer yet: the next try has another.
        async Task<(T? Answer, bool Answered)> AskAsync()
        {
            if (Exited.IsCompleted)
                throw Died();
            try
            {
                return (await ask(), true);
            }
            catch (Exception e) when (e is HttpRequestException { StatusCode: null } or TaskCanceledException { InnerException: TimeoutException })
            {
                return (default, false);
            }
        }
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Signal(15);

    /// <summary>SIGINT, as Ctrl+C gives.</summary>
    public void Interrupt() => Signal(2);

    /// <summary>SIGHUP.</summary>
    public void HangUp() => Signal(1);

    /// <summary>SIGSTOP: alive, silent.</summary>
    public void Pause() => Signal(19);

    /// <summary>SIGCONT.</summary>
    public void Continue() => Signal(18);

    /// <summary>SIGKILL, and waits until it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await Exited;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        AppDomain.CurrentDomain.ProcessExit -= KillAtExit;
        _process.Dispose();
    }

    async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    void Hear(string? line)
    {
        if (line is null)
            return;
        _heard?.Invoke(line);
        lock (_lock)
        {
            _lines.Add(line);
            foreach (var (wanted, seen) in _waiters)
                if (wanted(line))
                    seen.TrySetResult(line);
        }
    }

    InvalidOperationException Died() =>
        new($"{_program} ended with exit code {_process.ExitCode}. It wrote:{Environment.NewLine}{Output}");

    void Signal(int number)
    {
        if (!_process.HasExited && !Signals.Send(_process.Id, number))
            throw new InvalidOperationException($"Signal {number} could not be sent to {_process.Id}.");
    }

    long StatusBytes(string field)
    {
        var line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith(field + ":", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length + 1).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;
    }

    void KillAtExit(object? sender, EventArgs e)
    {
        if (!_process.HasExited)
            _process.Kill();
    }
}
