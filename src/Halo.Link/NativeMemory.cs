using System.Runtime.InteropServices;

namespace Halo.Link;

/// <summary>Bounds what the C library keeps of the memory that compiler, Brotli, SQLite and OpenSSL have given back to it.</summary>
/// <remarks>
/// Left alone, glibc gives each thread a heap of its own, and after the first large block that is freed keeps blocks of that size for later. The heaps that
/// the runtime's own threads have made by then stay: the same settings in the environment bind those too (docs/performance.md). On musl and Windows there is
/// nothing to bound.
/// </remarks>
static partial class NativeMemory
{
    /// <summary>From malloc.h.</summary>
    const int TrimThreshold = -1, MmapThreshold = -3, ArenaMax = -8;

    const int Arenas = 2;

    /// <summary>glibc's own start value, which it would raise by itself.</summary>
    const int Bytes = 128 * 1024;

    /// <summary>Called before anything else: a heap that a thread has stays its own.</summary>
    public static void Bound()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = SetOption(ArenaMax, Arenas);
            _ = SetOption(MmapThreshold, Bytes);
            _ = SetOption(TrimThreshold, Bytes);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library.
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}
