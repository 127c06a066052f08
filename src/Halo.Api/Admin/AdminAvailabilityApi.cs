using Halo.Api.OpenApi;
using Halo.Api.Sites;
using Halo.Contracts.Errors;

namespace Halo.Api.Admin;

/// <summary>When a site was there.</summary>
static class AdminAvailabilityApi
{
    const int MostIntervals = 1000;
    static readonly TimeSpan Preset = TimeSpan.FromDays(7);

    public static void MapAdminAvailabilityApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/sites/{siteId}/availability", GetAsync).WithTags("Operator: sites")
            .Says("GetAvailability", "When a site was online", "Intervals without holes, and the uptime in percent of the time of which anything is known.")
            .Takes(Input.Time("from", "From this moment; by default seven days ago."), Input.Time("to", "Until this moment; by default now."))
            .Answers(200, "How it was.", AdminExamples.Availability, AdminJson.Default.AdminAvailability)
            .Refuses(400, ErrorCodes.InvalidRequest, "from: must be a moment, as 2026-03-05T00:00:00Z.").RefusesUnknown();

    static async Task<IResult> GetAsync(HttpContext http, string siteId, SiteAccess access, AvailabilityHistory history, TimeProvider time)
    {
        var (site, notFound) = access.Find(siteId);
        if (site is null)
            return notFound!;
        var now = time.GetUtcNow();
        var (from, to, refusal) = TimeRange.Read(http.Request, now - Preset, now);
        if (refusal is not null)
            return refusal;
        // Before it was enrolled there was nothing to be reached, and of the future nothing is known.
        from = from < site.CreatedAt ? site.CreatedAt : from;
        to = to > now ? now : to;
        var report = from < to ? await history.ReadAsync(site.Id, from, to) : new AvailabilityReport([]);
        return TypedResults.Json(new AdminAvailability(site.Id, from, to, report.UptimePercent, [.. report.Intervals.Take(MostIntervals)])
        {
            OnlineMs = (long)report.Total(PastAvailability.Online).TotalMilliseconds,
            OfflineMs = (long)report.Total(PastAvailability.Offline).TotalMilliseconds,
            UnreachableMs = (long)report.Total(PastAvailability.Unreachable).TotalMilliseconds,
            UnknownMs = (long)report.Total(PastAvailability.Unknown).TotalMilliseconds,
            Next = report.Intervals.Count > MostIntervals ? report.Intervals[MostIntervals].From : null,
        }, AdminJson.Default.AdminAvailability);
    }
}

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
