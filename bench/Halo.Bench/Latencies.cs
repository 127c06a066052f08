namespace Halo.Bench;

/// <summary>Times of single calls.</summary>
sealed class Latencies
{
    readonly List<double> _milliseconds = [];

    public int Count => _milliseconds.Count;

    public TimeSpan Elapsed { get; private set; }

    public double PerSecond => Count / Elapsed.TotalSeconds;

    /// <summary>Each of <paramref name="callers"/> calls one after the other until all have made <paramref name="calls"/>.</summary>
    public async Task MeasureAsync(int callers, int calls, Func<Task> call)
    {
        var start = TimeProvider.System.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            var own = new List<double>(calls / callers);
            for (var i = 0; i < calls / callers; i++)
            {
                var begun = TimeProvider.System.GetTimestamp();
                await call();
                own.Add(TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds);
            }
            return own;
        })));
        Elapsed += TimeProvider.System.GetElapsedTime(start);
        foreach (var own in all)
            _milliseconds.AddRange(own);
    }

    /// <param name="share">0.5 is the median.</param>
    public double Percentile(double share)
    {
        _milliseconds.Sort();
        return _milliseconds[Math.Min(Count - 1, (int)(Count * share))];
    }
}
