using System.Numerics;

namespace Halo.Bench.Load;

/// <summary>Counts of durations in buckets that grow with the value: 0.2 % wide whatever the value, up to 18 minutes.</summary>
public sealed class Histogram
{
    const int Precision = 9;
    const int LargestBit = 40;
    readonly long[] _counts = new long[(LargestBit - Precision + 2) << Precision];

    public long Count { get; private set; }

    public long Max { get; private set; }

    public double Mean => Count == 0 ? 0 : (double)_sum / Count;

    long _sum;

    public void Record(long nanoseconds)
    {
        nanoseconds = Math.Clamp(nanoseconds, 0, (1L << (LargestBit + 1)) - 1);
        _counts[Bucket(nanoseconds)]++;
        Count++;
        _sum += nanoseconds;
        Max = Math.Max(Max, nanoseconds);
    }

    public void Add(Histogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
            _counts[i] += other._counts[i];
        Count += other.Count;
        _sum += other._sum;
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>The duration that this share of all calls did not exceed, in nanoseconds.</summary>
    /// <param name="share">0.5 is the median.</param>
    public long Percentile(double share)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(Count * share));
        for (var i = 0; i < _counts.Length; i++)
        {
            wanted -= _counts[i];
            if (wanted <= 0)
                return Math.Min(UpperEnd(i), Max);
        }
        return Max;
    }

    static int Bucket(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - Precision);
        return (shift << Precision) + (int)(value >> shift);
    }

    static long UpperEnd(int bucket)
    {
        if (bucket < 2 << Precision)
            return bucket;
        var shift = (bucket >> Precision) - 1;
        return ((long)(bucket - (shift << Precision)) << shift) + (1L << shift) - 1;
    }
}
