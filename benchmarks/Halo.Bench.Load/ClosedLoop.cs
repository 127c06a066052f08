using System.Diagnostics;
using HdrHistogram;

namespace Halo.Bench.Load;

/// <summary>Callers on threads of their own, each with one call under way, until the time or the calls are used up.</summary>
sealed class ClosedLoop(IReadOnlyList<ICaller> callers, LoadOrder order)
{
    const int StackBytes = 256 * 1024;

    /// <summary>Nanoseconds: 18 minutes.</summary>
    const long LongestCall = 1L << 40;

    readonly Lock _lock = new();
    readonly LongHistogram _all = NewHistogram();
    long _errors;
    long _left = order.Seconds > 0 ? long.MaxValue : order.Calls;
    long _deadline;
    string? _firstError;

    public LoadResult Run()
    {
        using var ready = new Barrier(callers.Count + 1);
        var threads = callers.Select(c => new Thread(() => Loop(c, ready), StackBytes)).ToList();
        threads.ForEach(t => t.Start());
        using var process = Process.GetCurrentProcess();
        var processor = process.TotalProcessorTime;
        var start = Stopwatch.GetTimestamp();
        _deadline = order.Seconds > 0 ? start + (long)(order.Seconds * Stopwatch.Frequency) : long.MaxValue;
        ready.SignalAndWait();
        threads.ForEach(t => t.Join());
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        process.Refresh();
        return new LoadResult(_all.TotalCount, seconds, Ms(0.5), Ms(0.9), Ms(0.99), Ms(0.999), _all.GetMaxValue() / 1e6, _all.GetMean() / 1e6)
        {
            Errors = _errors,
            FirstError = _firstError,
            DriverProcessorSeconds = (process.TotalProcessorTime - processor).TotalSeconds,
        };
    }

    double Ms(double share) => _all.GetValueAtPercentile(100 * share) / 1e6;

    /// <summary>Within 0.1 % whatever the value.</summary>
    static LongHistogram NewHistogram() => new(1, LongestCall, 3);

    void Loop(ICaller caller, Barrier ready)
    {
        var own = NewHistogram();
        long errors = 0;
        string? error = null;
        ready.SignalAndWait();
        while (Stopwatch.GetTimestamp() < _deadline && Interlocked.Decrement(ref _left) >= 0)
        {
            var begun = Stopwatch.GetTimestamp();
            try
            {
                caller.Call();
                own.RecordValue(Math.Min(LongestCall, (long)Stopwatch.GetElapsedTime(begun).TotalNanoseconds));
            }
            catch (Exception e)
            {
                errors++;
                error ??= e.Message;
            }
        }
        lock (_lock)
        {
            _all.Add(own);
            _errors += errors;
            _firstError ??= error;
        }
    }
}
