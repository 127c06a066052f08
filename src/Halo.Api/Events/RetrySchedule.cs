using Halo.Contracts.Events;

namespace Halo.Api.Events;

/// <summary>When what was not delivered is tried again: decorrelated jitter, so that receivers who come back are not met by everything at once.</summary>
static class RetrySchedule
{
    /// <summary>Tries of one delivery.</summary>
    public const int MostTries = 10;

    /// <summary>Each wait is between <see cref="Shortest"/> and so many times the one before; the first, so many times the shortest.</summary>
    const double Growth = 4, FirstGrowth = 1.5;

    /// <summary>A wait is at least so long.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5);

    /// <summary>A wait is at most so long, whatever the receiver asks for.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(30);

    /// <summary>No try begins later after the first.</summary>
    public static readonly TimeSpan Within = TimeSpan.FromMinutes(90);

    /// <summary>How long to wait after a try that failed.</summary>
    /// <param name="tries">So far, with that one.</param>
    /// <param name="waitedInAll">From the first of them until now, as far as it was waited: neither a clock that is set nor the service's downtime counts.</param>
    /// <param name="waited">Before that one; zero before the first.</param>
    /// <param name="asked">By the receiver's Retry-After.</param>
    /// <param name="random">From 0 to 1.</param>
    /// <returns>Null: it is given up.</returns>
    public static TimeSpan? Next(int tries, TimeSpan waitedInAll, TimeSpan waited, TimeSpan? asked, double random)
    {
        if (tries >= MostTries)
            return null;
        var top = waited == TimeSpan.Zero ? Shortest * FirstGrowth : waited * Growth;
        var wait = Shortest + random * (top - Shortest);
        if (asked > wait)
            wait = asked.Value;
        if (wait > Longest)
            wait = Longest;
        return waitedInAll + wait > Within ? null : wait;
    }

    /// <summary>Whether a later try may fare better.</summary>
    public static bool IsWorthwhile(WebhookAttempt attempt) => attempt.HttpStatus is null or >= 500 or 408 or 429;
}
