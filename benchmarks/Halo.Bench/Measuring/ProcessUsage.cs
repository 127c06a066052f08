namespace Halo.Bench.Measuring;

/// <summary>What a process has used so far, by the kernel's own books.</summary>
/// <param name="ProcessorSeconds">User and system, in steps of 10 ms.</param>
/// <param name="ResidentBytes">Now.</param>
/// <param name="PeakResidentBytes">The most since its start, or since the last <see cref="ForgetPeak"/>.</param>
sealed record ProcessUsage(double ProcessorSeconds, long ResidentBytes, long PeakResidentBytes)
{
    const double TicksPerSecond = 100;

    public static ProcessUsage Of(int process)
    {
        // After the name in brackets, which may hold anything: state is field 3, utime and stime are 14 and 15.
        var stat = File.ReadAllText($"/proc/{process}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return new ProcessUsage((long.Parse(fields[11]) + long.Parse(fields[12])) / TicksPerSecond, Bytes(process, "VmRSS"), Bytes(process, "VmHWM"));
    }

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

    static long Bytes(int process, string field)
    {
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith(field + ":", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length + 1).Trim().TrimEnd("kB").Trim()) * 1024;
    }
}
