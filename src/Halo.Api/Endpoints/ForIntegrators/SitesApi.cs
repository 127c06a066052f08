using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Finding sites.</summary>
static class SitesApi
{
    public static void MapSitesApi(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/integrator/sites", Search).WithTags("Sites")
            .Says("FindSites", "The authoritative site of a practice", "Both parameters are required. Only authoritative sites are listed; where there is none, the list is empty.")
            .Takes(Inputs.PracticeId, Inputs.PracticeName, Inputs.Words)
            .Answers(200, "The sites, none or one.", new SiteList([Examples.Site]), HaloJson.Default.SiteList)
            .Refuses(400, ErrorCodes.InvalidRequest, "practiceManagementSiteId: is required, as a query parameter.");
        routes.MapGet("/integrator/sites/{siteId}", Get).WithTags("Sites")
            .Says("GetSite", "One site", "availability says whether it can be asked now, database whether its Link can reach the database.")
            .Takes(Inputs.Words)
            .Answers(200, "The site.", Examples.Site, HaloJson.Default.Site)
            .Refuses(404, ErrorCodes.NotFound, "There is no such site.");
    }

    static IResult Search(HttpContext http, SiteDirectory sites, SiteView view)
    {
        var (practice, refusal) = PracticeQuery.Read(http.Request);
        if (practice is null)
            return refusal!.ToResult();
        var found = sites.Authoritative(practice.Id, practice.Name).Select(view.Show).ToList();
        return SiteResponses.Answer(http.Request, new SiteList(found));
    }

    static IResult Get(HttpContext http, string siteId, SiteAccess access, SiteView view)
    {
        _ = http.Integrator();
        var (site, refusal) = access.Find(siteId);
        return site is null ? refusal!.ToResult() : SiteResponses.Answer(http.Request, view.Show(site));
    }
}
