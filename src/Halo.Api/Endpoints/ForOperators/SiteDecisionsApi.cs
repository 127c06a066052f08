using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>What an operator decides about a site: which one counts, that a change is right, that it is gone.</summary>
static class SiteDecisionsApi
{
    public static void MapSiteDecisions(this RouteGroupBuilder sites)
    {
        sites.MapPut("/{siteId}/authority", MoveAsync).RequireRole(OperatorRole.Operator)
            .Says("MoveAuthority", "Make this site the one of its practice",
                "In one step, with who and why in the audit log. The old site answers 403 from then on; its queued queries are cancelled, those running finish.")
            .Asks("Whether pairings are taken along, and why.", new SiteDecisionRequest(true, "New server"), AdminJson.Default.SiteDecisionRequest, optional: true)
            .AnswersSite().Refuses(409, ErrorCodes.Conflict, "The site was removed and cannot come back.");
        sites.MapPut("/{siteId}/confirm", ConfirmAsync).RequireRole(OperatorRole.Operator)
            .Says("ConfirmSite", "The changed database, machine or practice of this site is right", "The site can be queried again when this answers.")
            .Asks("Why.", new SiteDecisionRequest(null, "The clinic moved to a new server"), AdminJson.Default.SiteDecisionRequest, optional: true)
            .AnswersSite().Refuses(409, ErrorCodes.Conflict, "The site was removed and cannot come back.");
        sites.MapDelete("/{siteId}", RemoveAsync).RequireRole(OperatorRole.Operator)
            .Says("RemoveSite", "Take this site out for good", "Its Link is told and its queries are settled.")
            .Asks("Why.", new SiteDecisionRequest(null, "The practice closed"), AdminJson.Default.SiteDecisionRequest, optional: true)
            .AnswersSite();
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
            return notFound!.ToResult();
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.SiteDecisionRequest);
        if (body is null)
            return refusal!.ToResult();
        if (body.Reason is { Length: > OperatorDeed.LongestReason })
            return Refusal.Invalid("reason", $"has at most {OperatorDeed.LongestReason} characters.").ToResult();
        if (!await decide(site.Id, body, http.Deed(body.Reason)))
            return SiteAuthority.Removed(site.Id).ToResult();
        return TypedResults.Json(view.Show(access.Find(siteId).Site!), AdminJson.Default.AdminSite);
    }
}
