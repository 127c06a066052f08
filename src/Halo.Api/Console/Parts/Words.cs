using System.Globalization;
using Halo.Contracts.Admin;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Console.Parts;

/// <summary>Values as people read them, and the colour of their state.</summary>
static class Words
{
    /// <summary>As <c>3 Mar 2026, 14:30 UTC</c>.</summary>
    public static string At(DateTimeOffset at) => at.UtcDateTime.ToString("d MMM yyyy, HH:mm 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>As <c>5 min ago</c>.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => (now - at) is var gone && gone < TimeSpan.FromMinutes(1) && gone > TimeSpan.FromMinutes(-1) ? "just now"
        : gone < TimeSpan.Zero ? $"in {Span(-gone)}" : $"{Span(gone)} ago";

    /// <summary>In the largest unit that fits.</summary>
    public static string Span(TimeSpan span) => span switch
    {
        { TotalDays: >= 2 } => Say((long)span.TotalDays, "days"),
        { TotalHours: >= 2 } => Say((long)span.TotalHours, "h"),
        { TotalMinutes: >= 1 } => Say((long)span.TotalMinutes, "min"),
        _ => Say((long)span.TotalSeconds, "s"),
    };

    /// <summary>A clinic's clock against ours, as <c>+2.5 s</c>.</summary>
    public static string Drift(long ms) => Math.Abs(ms) < 60_000
        ? string.Create(CultureInfo.InvariantCulture, $"{ms / 1000.0:+0.0;−0.0;0.0} s")
        : $"{(ms < 0 ? "−" : "+")}{Span(TimeSpan.FromMilliseconds(Math.Abs(ms)))}";

    /// <summary>With thin spaces between the thousands.</summary>
    public static string Number(long number) => number.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', '\u202F');

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0.0} MiB"),
        >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        _ => $"{bytes} B",
    };

    /// <summary>A word of the contract as a text: <c>executionFailed</c> becomes <c>Execution failed</c>.</summary>
    public static string Of<T>(T word) where T : struct, Enum => Sentence(word.ToString());

    /// <inheritdoc cref="Of"/>
    public static string Sentence(string word) => word.Length == 0 ? ""
        : char.ToUpperInvariant(word[0]) + string.Concat(word.Skip(1).Select(c => char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : c.ToString()));

    public static string Kind(SiteAvailability availability) => availability switch { SiteAvailability.Online => "ok", SiteAvailability.Offline => "idle", _ => "bad" };

    public static string Kind(DatabaseStatus? status) => status switch { DatabaseStatus.Healthy => "ok", DatabaseStatus.Failing => "bad", _ => "idle" };

    public static string Kind(QueryStatus status) => status switch
    {
        QueryStatus.Successful => "ok",
        QueryStatus.Initialising or QueryStatus.Queued or QueryStatus.Executing or QueryStatus.Uploading => "warn",
        QueryStatus.Cancelled => "idle",
        _ => "bad",
    };

    public static string KindOfLink(AdminLink link) => link switch { { Status: "waiting" } => "warn", { Status: "revoked" } => "idle", { Connected: true } => "ok", _ => "bad" };

    public static string OfLink(AdminLink link) => link switch { { Status: "waiting" } => "Waiting for approval", { Status: "revoked" } => "Revoked", { Connected: true } => "Connected", _ => "Not connected" };

    static string Say(long count, string unit) => string.Create(CultureInfo.InvariantCulture, $"{count} {unit}");
}
