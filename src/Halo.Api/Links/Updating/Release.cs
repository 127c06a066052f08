using Halo.Releases;

namespace Halo.Api.Links.Updating;

/// <summary>A release of Halo Link, as the service holds it in memory.</summary>
/// <param name="Version"><c>YY.Mdd.build</c>.</param>
/// <param name="Status">Whether it is offered.</param>
/// <param name="Shares">Percent of the Links of each ring that are offered it.</param>
/// <param name="Bundles">One for each platform.</param>
/// <param name="CountedFrom">Failures before this do not count: an operator has seen them.</param>
/// <param name="UploadedAt">When its first bundle came.</param>
/// <param name="ChangedAt">When it was changed last.</param>
sealed record Release(
    string Version, ReleaseStatus Status, RingShares Shares, IReadOnlyList<ReleaseBundle> Bundles, DateTimeOffset CountedFrom, DateTimeOffset UploadedAt, DateTimeOffset ChangedAt)
{
    public CalendarVersion Number { get; } = CalendarVersion.TryParse(Version, out var number) ? number : default;

    /// <summary>Why it has its status.</summary>
    public string? Reason { get; init; }

    /// <summary>For a platform; null: there is none.</summary>
    public ReleaseBundle? BundleFor(string system, string architecture) => Bundles.FirstOrDefault(b => b.System == system && b.Architecture == architecture);
}

/// <summary>One file of a release.</summary>
/// <param name="System"><c>linux</c> or <c>windows</c>.</param>
/// <param name="Architecture"><c>x64</c> or <c>arm64</c>.</param>
/// <param name="Digest">SHA-256, lower-case hexadecimal.</param>
/// <param name="Length">In bytes.</param>
/// <param name="MinimumFrom">The oldest version that may go to it; null: any.</param>
/// <param name="CreatedAt">As its manifest says.</param>
/// <param name="ExpiresAt">Likewise.</param>
sealed record ReleaseBundle(string System, string Architecture, string Digest, long Length, string? MinimumFrom, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>Whether a version may go to it directly, now.</summary>
    public bool Takes(CalendarVersion from, DateTimeOffset now) => now <= ExpiresAt && !(CalendarVersion.TryParse(MinimumFrom, out var least) && from < least);
}

/// <summary>Percent of the Links of each ring.</summary>
readonly record struct RingShares(int Canary, int Early, int All)
{
    /// <summary>What a later ring is offered, an earlier one is too: so the share of a ring is the largest of its own and those behind it.</summary>
    public int Of(Ring ring) => Math.Max(All, ring == Ring.All ? 0 : Math.Max(Early, ring == Ring.Early ? 0 : Canary));

    public RingShares With(Ring ring, int percent) => ring switch
    {
        Ring.Canary => this with { Canary = percent },
        Ring.Early => this with { Early = percent },
        _ => this with { All = percent },
    };
}

/// <summary>Which Links come first.</summary>
enum Ring
{
    Canary,
    Early,
    All,
}

/// <summary>Whether a release is offered.</summary>
enum ReleaseStatus
{
    Active,

    /// <summary>By an operator, until it is resumed.</summary>
    Paused,

    /// <summary>By itself, since too many failed, until an operator resumes it.</summary>
    Stopped,

    /// <summary>For good: Links that run it go to what they would otherwise be offered, also where that is older.</summary>
    Withdrawn,
}

/// <summary>Rings and states as they stand in the store and in answers.</summary>
static class ReleaseWords
{
    public static string Word(this Ring ring) => ring.ToString().ToLowerInvariant();

    public static string Word(this ReleaseStatus status) => status.ToString().ToLowerInvariant();

    public static string Word(this AttemptState state) => state == AttemptState.RolledBack ? "rolledBack" : state.ToString().ToLowerInvariant();

    /// <returns>Null: there is no such ring.</returns>
    public static Ring? ReadRing(string word) => Enum.GetValues<Ring>().Where(r => r.Word() == word).Select(r => (Ring?)r).FirstOrDefault();
}
