namespace Halo.Api.Errors;

/// <summary>When a site's database is tried again, as its Link says it.</summary>
static class DatabaseRetry
{
    /// <summary>Where a Link says nothing of it, as those do that know no <c>retryAfterMs</c>.</summary>
    public static TimeSpan Usual { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Within bounds: whatever a Link says, no caller comes back at once, and none stays away for an hour.</summary>
    public static TimeSpan Of(int toldMs) => TimeSpan.FromMilliseconds(Math.Clamp(toldMs, 1000, 10 * 60 * 1000));
}
