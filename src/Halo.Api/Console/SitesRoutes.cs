using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;
using Halo.Api.Operators;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Console;

/// <summary>Sites, and what is decided about them.</summary>
static class SitesRoutes
{
    public static void MapSites(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(ConsolePaths.Sites, () => Page.Of<SitesPage>());
        routes.MapGet(ConsolePaths.Sites + "/{siteId}", (string siteId, SiteAccess access) => With(siteId, access, site => Page.Of<SitePage>(new { SiteId = site.Id })));
        routes.MapDecision("authority", "authority", (http, site, authority, deed) => authority.MoveAsync(site, http.Form().Has("copyPairings"), deed));
        routes.MapDecision("confirm", "confirmed", (_, site, authority, deed) => authority.ConfirmAsync(site, deed));
        routes.MapDecision("remove", "site-removed", async (_, site, authority, deed) =>
        {
            await authority.RemoveAsync(site, deed);
            return true;
        });
    }

    /// <summary>A page that shows what a decision does, and its form.</summary>
    static void MapDecision(this IEndpointRouteBuilder routes, string decision, string done, Func<HttpContext, Guid, SiteAuthority, OperatorDeed, Task<bool>> decide)
    {
        var path = $"{ConsolePaths.Sites}/{{siteId}}/{decision}";
        routes.MapGet(path, (string siteId, SiteAccess access) => With(siteId, access, site => Ask(site.Id))).RequireRole(OperatorRole.Operator);
        routes.MapPost(path, async (HttpContext http, string siteId, SiteAccess access, SiteAuthority authority) =>
        {
            var (site, refusal) = access.Find(siteId);
            if (site is null)
                return Page.Refused(refusal!);
            if (http.Form().ReasonFault is { } fault)
                return Ask(site.Id, fault, 400);
            return await decide(http, site.Id, authority, http.Deed(http.Form().Reason))
                ? Page.Next(ConsolePaths.Site(site.Id), done)
                : Ask(site.Id, SiteAuthority.Removed(site.Id).Message, 409);
        }).RequireRole(OperatorRole.Operator);

        IResult Ask(Guid id, string? fault = null, int status = 200) => Page.Of<SiteDecisionPage>(new { SiteId = id, Decision = decision, Fault = fault }, status);
    }

    static IResult With(string siteId, SiteAccess access, Func<SiteRecord, IResult> show)
    {
        var (site, _) = access.Find(siteId);
        return site is null ? Page.NotFound("There is no such site.") : show(site);
    }
}
