using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Admin;

/// <summary>A page of the audit log, oldest first.</summary>
/// <param name="Audit">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record AuditEntryList(IReadOnlyList<AuditEntry> Audit, string? Next);

/// <summary>One line of the audit log.</summary>
/// <param name="Id">Id of the line.</param>
/// <param name="At">When.</param>
/// <param name="Actor">Who: <c>operator:</c> and a name, <c>operator</c> (whoever has the admin key), <c>integrator</c>, <c>link</c> or <c>service</c>. The detail of what an operator did has the address.</param>
/// <param name="Action">What was done.</param>
/// <param name="Subject">Ids of what it was done to.</param>
/// <param name="Detail">More, by the action.</param>
public sealed record AuditEntry(Guid Id, DateTimeOffset At, string Actor, string Action, string Subject, JsonNode? Detail);

/// <summary>A page of the usage, in the order of integrator and site.</summary>
/// <param name="Usage">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record UsageList(IReadOnlyList<Usage> Usage, string? Next);

/// <summary>What an integrator used at a site.</summary>
/// <param name="IntegratorId">Whose; it may have been deleted since.</param>
/// <param name="SiteId">Where.</param>
/// <param name="Queries">All that were accepted, however they ended.</param>
/// <param name="Successful">Of these, the successful ones.</param>
/// <param name="Rows">Rows read.</param>
/// <param name="Bytes">Bytes of the results' JSON, before compression.</param>
/// <param name="RequestBytes">Bytes of the requests' bodies.</param>
public sealed record Usage(Guid IntegratorId, Guid SiteId, long Queries, long Successful, long Rows, long Bytes, long RequestBytes);

/// <summary>When a site was there.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="From">As asked, not before the site's enrolment.</param>
/// <param name="To">As asked, not in the future.</param>
/// <param name="UptimePercent">Online time in percent of the known time, three digits; absent: nothing is known. What is <c>unknown</c> counts for nothing.</param>
/// <param name="Intervals">In order and without holes, at most 1000.</param>
public sealed record AdminAvailability(Guid SiteId, DateTimeOffset From, DateTimeOffset To, double? UptimePercent, IReadOnlyList<AvailabilityInterval> Intervals)
{
    /// <summary>Milliseconds, of the whole time asked for.</summary>
    public long OnlineMs { get; init; }

    /// <summary>Milliseconds after an orderly stop of the Link.</summary>
    public long OfflineMs { get; init; }

    /// <summary>Milliseconds without contact.</summary>
    public long UnreachableMs { get; init; }

    /// <summary>Milliseconds for which this service was down itself.</summary>
    public long UnknownMs { get; init; }

    /// <summary>Where there are more intervals: the <c>from</c> of the rest.</summary>
    public DateTimeOffset? Next { get; init; }
}

/// <summary>For so long it was so.</summary>
/// <param name="Availability">How it was.</param>
/// <param name="From">From this moment.</param>
/// <param name="To">Until this moment.</param>
public sealed record AvailabilityInterval(PastAvailability Availability, DateTimeOffset From, DateTimeOffset To);

/// <summary>How it was with a site.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<PastAvailability>))]
public enum PastAvailability
{
    /// <summary>This service was down itself: nothing is known.</summary>
    Unknown,

    /// <summary>Its Link had a session, or was heard of within two minutes.</summary>
    Online,

    /// <summary>Its Link had closed its session in order.</summary>
    Offline,

    /// <summary>No contact for two minutes, or none yet.</summary>
    Unreachable,
}
