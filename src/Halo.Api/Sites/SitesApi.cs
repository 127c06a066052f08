using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
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
        var id = http.Request.Query["practiceManagementSiteId"].ToString();
        var name = http.Request.Query["practiceManagementName"].ToString();
        var faults = new List<FieldError>();
        if (id.Length == 0)
            faults.Add(new("practiceManagementSiteId", "is required, as a query parameter: the PMS vendor's id of the practice."));
        if (name.Length == 0)
            faults.Add(new("practiceManagementName", "is required, as a query parameter: the PMS's name, as Best Practice, Zedmed or D4w."));
        if (faults.Count > 0)
            return Refusal.Invalid(faults);
        var found = sites.OfPractice(id).Where(s => s.Authoritative && s.Status != SiteStatus.Removed
            && (s.PmsName.Equals(name, StringComparison.OrdinalIgnoreCase)
                || PmsNames.TypeOf(s.PmsName).Equals(name, StringComparison.OrdinalIgnoreCase)));
        return TypedResults.Json(new SiteList(found.Select(view.Show).ToList()), HaloJson.Default.SiteList);
    }

    static IResult Get(HttpContext http, string siteId, SiteAccess access, SiteView view)
    {
        _ = http.Integrator();
        var (site, refusal) = access.Find(siteId);
        return site is null ? refusal! : TypedResults.Json(view.Show(site), HaloJson.Default.Site);
    }
}
