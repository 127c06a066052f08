using System.Runtime.InteropServices;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>In the worker: what holds it within its bounds, whatever SQL it runs. The runtime's own memory is bounded by its environment (<see cref="SqliteWorker"/>).</summary>
static class WorkerBounds
{
    const int Stderr = 2;
    const int WriteOnly = 1;
    const int PrSetDumpable = 4;
    const int StdErrorHandle = -12;

    public static void Apply(long memoryBytes)
    {
        Batteries_V2.Init();
        raw.sqlite3_hard_heap_limit64(memoryBytes);
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            // Where the machine runs out of memory, this process goes first: not the Link, and not the practice's own programs.
            File.WriteAllText("/proc/self/oom_score_adj", "800");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A container may forbid it; the bounds hold all the same.
        }
        // A crash must not write the practice's data into a core file.
        _ = prctl(PrSetDumpable, 0, 0, 0, 0);
    }

    /// <summary>From now on nothing that the runtime prints about a query reaches anybody's log.</summary>
    public static void CloseStandardError()
    {
        if (OperatingSystem.IsWindows())
        {
            var old = GetStdHandle(StdErrorHandle);
            if (SetStdHandle(StdErrorHandle, 0))
                _ = CloseHandle(old);
            return;
        }
        var nowhere = open("/dev/null", WriteOnly);
        if (nowhere < 0)
            return;
        _ = dup2(nowhere, Stderr);
        _ = close(nowhere);
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int prctl(int option, nuint two, nuint three, nuint four, nuint five);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int open(string path, int flags);

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int dup2(int from, int to);

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int close(int file);

    [DllImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    static extern nint GetStdHandle(int which);

    [DllImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    static extern bool SetStdHandle(int which, nint handle);

    [DllImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    static extern bool CloseHandle(nint handle);
}
