using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Halo.Bench.Measuring;

/// <summary>What a process has used so far, by the kernel's own books.</summary>
/// <param name="ProcessorSeconds">User and system, of all its threads that are or were, to the nanosecond.</param>
/// <param name="ResidentBytes">Now.</param>
/// <param name="OwnBytes">The part of it that is the process's own: written by it, and not to be had again from a file.</param>
/// <param name="PeakResidentBytes">The most since its start, or since the last <see cref="ForgetPeak"/>.</param>
sealed record ProcessUsage(double ProcessorSeconds, long ResidentBytes, long OwnBytes, long PeakResidentBytes)
{
    public static ProcessUsage Of(int process) =>
        new(ProcessorTime(process), Bytes(process, "status", "VmRSS"), Bytes(process, "smaps_rollup", "Private_Dirty"), Bytes(process, "status", "VmHWM"));

    /// <summary>The peak counts from here; where the kernel does not let it, it stays that of the whole life.</summary>
    public static void ForgetPeak(int process)
    {
        try
        {
            File.WriteAllText($"/proc/{process}/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <remarks>
    /// Not from <c>/proc/&lt;pid&gt;/stat</c>: that counts whole ticks, and charges one to whoever runs when it falls. Timers fall due on ticks,
    /// so an idle program, which only timers wake, is charged several times what it uses.
    /// </remarks>
    static double ProcessorTime(int process)
    {
        // The clock of a process, as clock_getcpuclockid(3) makes it: its id inverted, three bits up, and what the scheduler counted.
        const int Scheduler = 2;
        if (ReadClock((~process << 3) | Scheduler, out var time) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        return time.Seconds + time.Nanoseconds / 1e9;
    }

    static long Bytes(int process, string book, string field)
    {
        var line = File.ReadLines($"/proc/{process}/{book}").First(l => l.StartsWith(field + ":", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length + 1).Trim().TrimEnd("kB").Trim()) * 1024;
    }

    [DllImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int ReadClock(int clock, out Moment time);

    [StructLayout(LayoutKind.Sequential)]
    readonly struct Moment
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
