using System.Collections.Frozen;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Finding sites.</summary>
static class SitesApi
{
    static readonly FrozenDictionary<string, SiteAvailability> Availabilities = JsonFieldReader.Words<SiteAvailability>(camelCase: true);
    static readonly FrozenDictionary<string, SiteStatus> Statuses = JsonFieldReader.Words<SiteStatus>(camelCase: true);

    static readonly Input[] OfList =
    [
        Input.Word("availability", "Of the list: only those that can, or cannot, be asked now.", ["online", "offline", "unreachable"]),
        Input.Word("status", "Of the list: only those in this state.", ["initialising", "active", "removed", "uninstalled"]),
        Input.Time("changedSince", "Of the list: only those that changed, or were paired, then or later."), Inputs.Limit, Inputs.After,
    ];

    public static void MapSitesApi(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/integrator/sites", FindAsync).WithTags("Sites")
            .Says("FindSites", "The authoritative site of a practice, or all your sites",
                "With practiceManagementSiteId and practiceManagementName, which go together and with no other: the authoritative site of that practice; where there is none, the list is empty. "
                + "Without them: all sites that you are paired with, in the order of their ids, authoritative or not, also those that were removed or uninstalled. "
                + "changedSince lists those of which something shown changed: what the Link or an operator says of them, availability, the database's status, the pairing; heartbeats and clocks are no change. "
                + "A site whose Link opened a session since is listed in any case. Of what changes just now a call may not know yet: give a time a minute before your last call.")
            .Takes(Inputs.PracticeId with { Required = false }, Inputs.PracticeName with { Required = false }).Takes(OfList).Takes(Inputs.Words)
            .Answers(200, "The practice's site, if there is one; or a page of your sites.", new SiteList([Examples.Site]), HaloJson.Default.SiteList)
            .Refuses(400, ErrorCodes.InvalidRequest, "practiceManagementSiteId: is required, as a query parameter.");
        routes.MapGet("/integrator/sites/{siteId}", Get).WithTags("Sites")
            .Says("GetSite", "One site", "availability says whether it can be asked now, database whether its Link can reach the database.")
            .Takes(Inputs.Words)
            .Answers(200, "The site.", Examples.Site, HaloJson.Default.Site)
            .Refuses(404, ErrorCodes.NotFound, "There is no such site.");
    }

    static async Task<IResult> FindAsync(
        HttpContext http, string? availability, string? status, string? changedSince, string? limit, string? after, SiteDirectory sites, SiteView view, PairedSites paired)
    {
        if (PracticeQuery.IsIn(http.Request))
            return Search(http, sites, view);
        var faults = new List<FieldError>();
        var wanted = new PairedSiteFilter(ListApi.ReadLimit(limit, faults))
        {
            Availability = ListApi.ReadWord("availability", availability, Availabilities, faults),
            Status = ListApi.ReadWord("status", status, Statuses, faults),
            ChangedSince = ListApi.ReadTime("changedSince", changedSince, faults),
            After = ListApi.ReadAfter(after, faults),
        };
        return faults.Count > 0
            ? Refusal.Invalid(faults).ToResult()
            : SiteResponses.Answer(http.Request, await paired.ListAsync(http.Integrator(), wanted));
    }

    static IResult Search(HttpContext http, SiteDirectory sites, SiteView view)
    {
        var (practice, refusal) = PracticeQuery.Read(http.Request, [.. OfList.Select(i => i.Name)]);
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
