using Halo.Api.Integrators;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites;

/// <summary>Finding sites.</summary>
public static class SitesApi
{
    public static void MapSitesApi(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/integrator/sites", Search).WithName("FindSites").WithTags("Sites")
            .WithSummary("The authoritative site of a practice")
            .Produces<SiteList>().Produces<ErrorResponse>(400);
        routes.MapGet("/integrator/sites/{siteId}", Get).WithName("GetSite").WithTags("Sites")
            .WithSummary("One site")
            .Produces<Site>().Produces<ErrorResponse>(404);
    }

    static IResult Search(HttpContext http, SiteDirectory sites, SiteView view)
    {
        var (practice, refusal) = PracticeQuery.Read(http.Request);
        if (practice is null)
            return refusal!;
        var found = sites.Authoritative(practice.Id, practice.Name).Select(view.Show).ToList();
        return SiteWords.Answer(http.Request, new SiteList(found));
    }

    static IResult Get(HttpContext http, string siteId, SiteAccess access, SiteView view)
    {
        _ = http.Integrator();
        var (site, refusal) = access.Find(siteId);
        return site is null ? refusal! : SiteWords.Answer(http.Request, view.Show(site));
    }
}
