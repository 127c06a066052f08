using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Reports;

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
            return notFound!.ToResult();
        var now = time.GetUtcNow();
        var (from, to, refusal) = TimeRange.Read(http.Request, now - Preset, now);
        if (refusal is not null)
            return refusal.ToResult();
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
