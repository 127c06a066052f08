using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Sites;
using Halo.Contracts.Admin;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>What an operator does with sites.</summary>
static class AdminSitesApi
{
    public static void MapAdminSitesApi(this IEndpointRouteBuilder routes)
    {
        var sites = routes.MapGroup("/admin/v1/sites").WithTags("Operator: sites");
        sites.MapGet("", List).Says("ListSites", "All sites, authoritative or not", "Oldest first.").TakesPaging().Takes(SiteFilter.Inputs)
            .Answers(200, "A page of them.", new AdminSiteList([AdminExamples.Site], null), AdminJson.Default.AdminSiteList);
        sites.MapGet("/{siteId}", Get).Says("GetSiteAsOperator", "One site", "What integrators see of it, its Link, and whether it waits for confirmation.").AnswersSite();
        sites.MapSiteDecisions();
    }

    static IResult List(HttpContext http, SiteDirectory directory, AdminSites view)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (filter, invalid) = SiteFilter.Read(http.Request);
        if (filter is null)
            return invalid!.ToResult();
        var (items, next) = page.Take(directory.All.Select(view.Show).Where(filter.Takes), s => s.Id);
        return TypedResults.Json(new AdminSiteList(items, next), AdminJson.Default.AdminSiteList);
    }

    static IResult Get(string siteId, SiteAccess access, AdminSites view)
    {
        var (site, refusal) = access.Find(siteId);
        return site is null ? refusal!.ToResult() : TypedResults.Json(view.Show(site), AdminJson.Default.AdminSite);
    }
}
