namespace Halo.Api.Basics;

/// <summary>Lets one message through in half a minute and counts the others: what is broken for long is not told of with every request.</summary>
sealed class Seldom(TimeProvider time)
{
    static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    readonly Lock _lock = new();
    long? _told;
    int _met;

    /// <summary>It was met once more.</summary>
    /// <param name="times">How often since it was told last, this time counted.</param>
    /// <returns>Whether to tell.</returns>
    public bool Meets(out int times)
    {
        lock (_lock)
        {
            times = ++_met;
            if (_told is { } told && time.GetElapsedTime(told) < Every)
                return false;
            (_told, _met) = (time.GetTimestamp(), 0);
            return true;
        }
    }
}
