using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Transport;

/// <summary>Compares this machine's clock with the API's, by the <c>Date</c> of its answers. Nothing depends on it but certificates and what people read.</summary>
sealed partial class ClockDrift(TimeProvider time, ILogger<ClockDrift> log)
{
    static readonly TimeSpan Tolerated = TimeSpan.FromMinutes(5);
    string? _warning;

    /// <summary>One sentence; null: the clocks agree, or the API's is not known.</summary>
    public string? Warning => Volatile.Read(ref _warning);

    /// <summary>An answer of the API said when it was made.</summary>
    public void Heard(DateTimeOffset? date)
    {
        if (date is not { } theirs)
            return;
        var ahead = time.GetUtcNow() - theirs;
        var words = ahead.Duration() <= Tolerated ? null : string.Create(CultureInfo.InvariantCulture,
            $"This machine's clock is {Hours(ahead.Duration())} {(ahead > TimeSpan.Zero ? "ahead of" : "behind")} that of the Halo API: set its time and time zone. Queries run all the same, but times in logs are wrong, and certificates may be refused.");
        if (Interlocked.Exchange(ref _warning, words) is null && words is not null)
            LogDrift(words);
    }

    static string Hours(TimeSpan drift) => drift >= TimeSpan.FromDays(2) ? string.Create(CultureInfo.InvariantCulture, $"{drift.TotalDays:0} days")
        : string.Create(CultureInfo.InvariantCulture, $"{(int)drift.TotalHours} h {drift.Minutes} min");

    [LoggerMessage(2045, LogLevel.Warning, "{Warning}")]
    partial void LogDrift(string warning);
}
