using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Halo.Link;

/// <summary>Gives back to the system what native code has freed, on Linux with glibc: elsewhere the system's own allocator does.</summary>
/// <remarks>
/// .NET's compiler, SQLite, OpenSSL and Brotli free most of what they take, but in pieces between others that stay, and glibc keeps those. So a Link that
/// had much to do held some 20 MB for nothing (docs/performance.md).
/// </remarks>
sealed class FreedMemory(TimeProvider time)
{
    /// <summary>After a collection: what follows it soon is given back along with it. It takes about a millisecond.</summary>
    internal static readonly TimeSpan After = TimeSpan.FromSeconds(2);

    /// <summary>Wakes for collections alone: where nothing is collected, nothing is done.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux())
            return;
        while (true)
        {
            await NextCollection().WaitAsync(stop);
            await Task.Delay(After, time, stop);
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

    static Task NextCollection()
    {
        var collected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Leave(collected);
        return collected.Task;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Leave(TaskCompletionSource collected) => _ = new Garbage(collected);

    /// <summary>Nobody holds it: the next collection finds it, and says so.</summary>
    sealed class Garbage(TaskCompletionSource collected)
    {
        ~Garbage() => collected.TrySetResult();
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int malloc_trim(nuint pad);
}
