using System.Runtime.InteropServices;
using Halo.Testing;

namespace Halo.Link.Tests;

public sealed class FreedMemoryTests
{
    /// <summary>Small enough for glibc to take it from its heap, and large enough to hold whole pages.</summary>
    const int Piece = 64 * 1024;

    const int Pieces = 512;

    static readonly byte[] Ones = [.. Enumerable.Repeat((byte)1, Piece)];

    [Fact]
    public async Task What_native_code_has_freed_between_what_stays_goes_back_to_the_system()
    {
        Assert.SkipUnless(NativeLibrary.TryLoad("libc.so.6", out var library) && NativeLibrary.TryGetExport(library, "malloc_trim", out _), "Needs Linux with glibc.");
        var pieces = Enumerable.Range(0, Pieces).Select(_ => Taken()).ToArray();
        for (var i = 0; i < Pieces; i++)
            if (i % 16 != 0)
                Free(pieces[i]);
        try
        {
            Assert.InRange(Resident(), Pieces / 2, Pieces);
            var time = new ManualTime();
            using var stop = new CancellationTokenSource();
            var loop = new FreedMemory(time).RunAsync(stop.Token);
            await Eventually.BecomesAsync(() =>
            {
                GC.Collect(0);
                time.Advance(FreedMemory.After);
                return Task.FromResult(Resident());
            }, resident => resident < Pieces / 4);
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop);
        }
        finally
        {
            for (var i = 0; i < Pieces; i += 16)
                Free(pieces[i]);
        }

        int Resident() => pieces.Count(IsResident);
    }

    static nint Taken()
    {
        // By malloc, on Linux.
        var piece = Marshal.AllocHGlobal(Piece);
        Marshal.Copy(Ones, 0, piece, Piece);
        return piece;
    }

    static void Free(nint piece) => Marshal.FreeHGlobal(piece);

    /// <summary>Of its page in the middle.</summary>
    static bool IsResident(nint piece)
    {
        var page = (piece + Piece / 2) / Environment.SystemPageSize * Environment.SystemPageSize;
        return mincore(page, 1, out var resident) == 0 && (resident & 1) == 1;
    }

    [DllImport("libc.so.6")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int mincore(nint address, nuint length, out byte resident);
}
