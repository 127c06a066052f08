namespace Halo.Link.Transport;

/// <summary>How long to wait before the next try: exponential with full jitter, so that a thousand Links do not come back in one moment.</summary>
/// <param name="random">Its source of jitter.</param>
/// <param name="first">Longest wait before the first repetition.</param>
/// <param name="most">Longest wait of all.</param>
sealed class Backoff(Random random, TimeSpan first, TimeSpan most)
{
    int _failures;

    /// <summary>The next wait, anything from nothing up to a bound that doubles.</summary>
    public TimeSpan Next()
    {
        var bound = Math.Min(most.TotalSeconds, first.TotalSeconds * Math.Pow(2, Math.Min(_failures++, 30)));
        return TimeSpan.FromSeconds(bound * random.NextDouble());
    }

    /// <summary>It worked: the next failure begins anew.</summary>
    public void Reset() => _failures = 0;
}
