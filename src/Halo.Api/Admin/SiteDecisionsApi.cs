using Halo.Api.Errors;
using Halo.Api.Sites;
using Halo.Contracts.Errors;

namespace Halo.Api.Admin;

/// <summary>What an operator decides about a site: which one counts, that a change is right, that it is gone.</summary>
static class SiteDecisionsApi
{
    public static void MapSiteDecisions(this RouteGroupBuilder sites)
    {
        sites.MapPut("/{siteId}/authority", MoveAsync).WithName("MoveAuthority").WithSummary("Make this site the one of its practice")
            .Accepts<SiteDecisionRequest>("application/json").Produces<AdminSite>().Produces<ErrorResponse>(404).Produces<ErrorResponse>(409);
        sites.MapPut("/{siteId}/confirm", ConfirmAsync).WithName("ConfirmSite").WithSummary("The changed database, machine or practice of this site is right")
            .Accepts<SiteDecisionRequest>("application/json").Produces<AdminSite>().Produces<ErrorResponse>(404).Produces<ErrorResponse>(409);
        sites.MapDelete("/{siteId}", RemoveAsync).WithName("RemoveSite").WithSummary("Take this site out for good")
            .Accepts<SiteDecisionRequest>("application/json").Produces<AdminSite>().Produces<ErrorResponse>(404);
    }

    static Task<IResult> MoveAsync(HttpContext http, string siteId, SiteAccess access, SiteAuthority authority, AdminSites view) =>
        DecideAsync(http, siteId, access, view, (site, body, deed) => authority.MoveAsync(site, body.CopyPairings ?? false, deed));

    static Task<IResult> ConfirmAsync(HttpContext http, string siteId, SiteAccess access, SiteAuthority authority, AdminSites view) =>
        DecideAsync(http, siteId, access, view, (site, _, deed) => authority.ConfirmAsync(site, deed));

    static Task<IResult> RemoveAsync(HttpContext http, string siteId, SiteAccess access, SiteAuthority authority, AdminSites view) =>
        DecideAsync(http, siteId, access, view, async (site, _, deed) =>
        {
            await authority.RemoveAsync(site, deed);
            return true;
        });

    static async Task<IResult> DecideAsync(
        HttpContext http, string siteId, SiteAccess access, AdminSites view, Func<Guid, SiteDecisionRequest, OperatorDeed, Task<bool>> decide)
    {
        var (site, notFound) = access.Find(siteId);
        if (site is null)
            return notFound!;
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.SiteDecisionRequest);
        if (body is null)
            return refusal!;
        if (body.Reason is { Length: > 500 })
            return Refusal.Invalid("reason", "has at most 500 characters.");
        if (!await decide(site.Id, body, new OperatorDeed(http.Connection.RemoteIpAddress?.ToString(), body.Reason)))
        {
            return new Refusal(409, ErrorCodes.Conflict,
                $"Site {site.Id} was removed and cannot come back. Give the Link a new data directory; it then enrols as a new site.");
        }
        return TypedResults.Json(view.Show(access.Find(siteId).Site!), AdminJson.Default.AdminSite);
    }
}
