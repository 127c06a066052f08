using System.Runtime.InteropServices;

namespace Halo.Link;

/// <summary>Gives back to the system what native code has freed, on Linux with glibc: elsewhere the system's own allocator does.</summary>
/// <remarks>
/// .NET's compiler, SQLite, OpenSSL and Brotli free most of what they take, but in pieces between others that stay, and glibc keeps those. So a Link that
/// had much to do held some 20 MB for nothing (docs/performance.md).
/// </remarks>
sealed class FreedMemory(TimeProvider time)
{
    /// <summary>It takes about a millisecond.</summary>
    internal static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    public async Task RunAsync(CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var timer = new PeriodicTimer(Every, time);
        var collections = -1;
        while (await timer.WaitForNextTickAsync(stop))
        {
            // Where nothing was collected since, nothing was done.
            if (collections == (collections = GC.CollectionCount(0)))
                continue;
            try
            {
                _ = malloc_trim(0);
            }
            catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
            {
                // Another C library.
                return;
            }
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int malloc_trim(nuint pad);
}
