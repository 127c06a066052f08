using System.Text.Json;

namespace Halo.Contracts.Admin;

/// <summary>What all Links are to run with, where their sites say nothing else; and what Links made of it.</summary>
/// <param name="Version">Grows with each change; 0: nothing was ever set.</param>
/// <param name="Settings">By name.</param>
/// <param name="Applied">What each Link last said that it runs: at most as many as <c>limit</c> says, in the order of their ids.</param>
public sealed record DefaultConfiguration(
    long Version, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyList<AppliedConfiguration> Applied)
{
    /// <summary>Absent: never.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>Give it as <c>after</c> for the next Links; absent on the last page.</summary>
    public string? Next { get; init; }
}

/// <summary>What a site and its Link are to run with; and what the Link made of it.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Version">Of the site's own settings; 0: it has never had any.</param>
/// <param name="Settings">The site's own.</param>
/// <param name="Effective">What its Link is told for it and as a whole: the site's own, its neighbours' and the default together.</param>
/// <param name="EffectiveVersion">What the Link answers with once it runs that.</param>
public sealed record ConfigurationOfSite(
    Guid SiteId, long Version, IReadOnlyDictionary<string, JsonElement> Settings, IReadOnlyDictionary<string, JsonElement> Effective, long EffectiveVersion)
{
    /// <summary>Absent: never.</summary>
    public DateTimeOffset? UpdatedAt { get; init; }

    /// <summary>What its Link last said that it runs; absent: nothing yet.</summary>
    public AppliedConfiguration? Applied { get; init; }
}

/// <summary>What a Link last said that it runs.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Version">The configuration that it runs.</param>
/// <param name="Refused">What of it it does not follow.</param>
/// <param name="At">When it said so.</param>
public sealed record AppliedConfiguration(Guid LinkId, long Version, IReadOnlyList<RefusedSetting> Refused, DateTimeOffset At);

/// <summary>A setting that the Link does not follow.</summary>
/// <param name="Setting">Its name.</param>
/// <param name="Reason">Why, and what holds instead; for people.</param>
public sealed record RefusedSetting(string Setting, string Reason)
{
    /// <summary>The site, where it was meant for one.</summary>
    public Guid? SiteId { get; init; }
}
