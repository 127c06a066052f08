using System.Diagnostics;

namespace Halo.Bench.Uplinks;

/// <summary>The line's rate, shared by all connections in the order in which their bytes come.</summary>
sealed class Bucket(double bytesPerSecond)
{
    readonly Lock _lock = new();
    double _free;

    /// <returns>When the last of these bytes has left, in seconds of <see cref="Now"/>.</returns>
    public double Take(int bytes)
    {
        lock (_lock)
            return _free = Math.Max(_free, Now) + bytes / bytesPerSecond;
    }

    public static double Now => Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
}
