using Halo.Api.Ledger.Records;
using Halo.Api.Sites.State;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>When a site was there.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="From">As asked, not before the site's enrolment.</param>
/// <param name="To">As asked, not in the future.</param>
/// <param name="UptimePercent">Online time in percent of the known time, three digits; absent: nothing is known. What is <c>unknown</c> counts for nothing.</param>
/// <param name="Intervals">In order and without holes, at most 1000.</param>
sealed record AdminAvailability(Guid SiteId, DateTimeOffset From, DateTimeOffset To, double? UptimePercent, IReadOnlyList<AvailabilityInterval> Intervals)
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

/// <summary>A page of the usage, in the order of integrator and site.</summary>
/// <param name="Usage">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
sealed record UsageList(IReadOnlyList<Usage> Usage, string? Next);
