using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Sites;

/// <summary>One PMS database reachable through a Link, as integrators see it.</summary>
public record Site
{
    /// <summary>The Halo GUID.</summary>
    public required Guid Id { get; init; }

    /// <summary><c>BestPractice</c>, <c>Zedmed</c>, <c>D4w</c>; of another PMS its name without spaces.</summary>
    public required string PmsType { get; init; }

    /// <summary>Whether it can be reached now; immediate queries are taken while <c>online</c> alone.</summary>
    public required SiteAvailability Availability { get; init; }

    /// <summary>Where it stands in its life.</summary>
    public required SiteStatus Status { get; init; }

    /// <summary><c>YY.Mdd.build</c>, as <c>26.202.8289</c>; absent until the Link was heard of.</summary>
    public string? HaloLinkVersion { get; init; }

    /// <summary>The databases that can be queried, one of them the default; at least one.</summary>
    public required IReadOnlyList<SiteCatalogue> Catalogue { get; init; }

    /// <summary>What the site last said of its practice; absent until then.</summary>
    public PracticeMetadata? PracticeMetadata { get; init; }

    /// <summary>When <c>practiceMetadata</c> was last refreshed: UTC, milliseconds.</summary>
    public DateTimeOffset? EnrichedAt { get; init; }

    /// <summary>The practice's name as at installation; need not be unique.</summary>
    public string? Name { get; init; }

    /// <summary>The PMS vendor's own id of the practice.</summary>
    public required string PracticeManagementSiteId { get; init; }

    /// <summary>The PMS's name.</summary>
    public required string PracticeManagementName { get; init; }

    /// <summary>The PMS's version.</summary>
    public string? PracticeManagementVersion { get; init; }

    /// <summary>When it was first seen: UTC, milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Whether it is the one site of its practice that integrators may query.</summary>
    public required bool Authoritative { get; init; }

    /// <summary>The API's clock when it last heard from the Link: UTC, milliseconds; absent until then.</summary>
    [JsonPropertyName("heartbeatTimestampUTC")]
    public DateTimeOffset? HeartbeatTimestamp { get; init; }

    /// <summary>The clinic server's clock at that moment: UTC, milliseconds.</summary>
    [JsonPropertyName("clientTimestampUTC")]
    public DateTimeOffset? ClientTimestamp { get; init; }

    /// <summary>The clinic's clock minus the API's, in milliseconds: negative where the clinic's is behind.</summary>
    public long? ClockDriftMs { get; init; }

    /// <summary>Whether the Link can reach its database.</summary>
    public DatabaseHealth? Database { get; init; }

    /// <summary>What stands in the way of queries although the site is authoritative, in words: a PMS that is too old. Absent: nothing.</summary>
    public string? Notice { get; init; }
}

/// <summary>A database of a site.</summary>
/// <param name="Name">What integrators call it.</param>
/// <param name="IsDefault">Whether it is used where a query names none.</param>
public sealed record SiteCatalogue(string Name, bool IsDefault);

/// <summary>What a site says of its practice.</summary>
public sealed record PracticeMetadata
{
    /// <summary><c>BestPractice</c>, <c>Zedmed</c>, <c>D4w</c>; of another PMS its name without spaces.</summary>
    public required string PmsType { get; init; }

    /// <summary>The practice's name.</summary>
    public string? PracticeName { get; init; }

    /// <summary>The PMS vendor's own id of the practice.</summary>
    public required string PracticeManagementSiteId { get; init; }

    /// <summary>The PMS's version.</summary>
    public string? PracticeManagementVersion { get; init; }
}

/// <summary>Whether the Link can reach its database, told apart from whether we can reach the Link.</summary>
/// <param name="Status">What the last check said.</param>
public sealed record DatabaseHealth(DatabaseStatus Status)
{
    /// <summary>When it was checked: UTC, milliseconds, by the clinic's clock; absent while unknown.</summary>
    public DateTimeOffset? CheckedAt { get; init; }

    /// <summary>How long the check took, in whole milliseconds, rounded up; absent where it failed.</summary>
    public double? LatencyMs { get; init; }

    /// <summary>Where it failed: the database's own code, or the kind of the driver's failure, as <c>Timeout</c> (none within 5 s).</summary>
    public string? ErrorCode { get; init; }

    /// <summary>Where it failed: how long after <c>checkedAt</c> the Link tries again at the latest, in milliseconds; a login that was refused waits 30 s and more.</summary>
    public int? RetryAfterMs { get; init; }
}

/// <summary>What the last check of a database said.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<DatabaseStatus>))]
public enum DatabaseStatus
{
    /// <summary>Not checked yet.</summary>
    Unknown,

    /// <summary>It answered.</summary>
    Healthy,

    /// <summary>It did not answer.</summary>
    Failing,
}

/// <summary>Whether a site can be reached.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SiteAvailability>))]
public enum SiteAvailability
{
    /// <summary>Its Link has a session, or was heard of within two minutes.</summary>
    Online,

    /// <summary>Its Link closed its session in order.</summary>
    Offline,

    /// <summary>No contact for two minutes.</summary>
    Unreachable,
}

/// <summary>Where a site stands in its life.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SiteStatus>))]
public enum SiteStatus
{
    /// <summary>Enrolled, not heard of over the line yet.</summary>
    Initialising,

    /// <summary>In use.</summary>
    Active,

    /// <summary>Taken out by an operator.</summary>
    Removed,

    /// <summary>Its Link was uninstalled.</summary>
    Uninstalled,
}

/// <summary>The answer of the site search, and of the list of your sites.</summary>
/// <param name="Sites">Of the search authoritative sites only, of the list all that you are paired with; empty when none matches.</param>
public sealed record SiteList(IReadOnlyList<Site> Sites)
{
    /// <summary>Of the list: give it as <c>after</c> to get the next page; absent on the last.</summary>
    public string? Next { get; init; }
}
