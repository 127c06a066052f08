using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>What an operator does with Links.</summary>
static class AdminLinksApi
{
    public static void MapAdminLinksApi(this IEndpointRouteBuilder routes)
    {
        var links = routes.MapGroup("/admin/v1/links").WithTags("Operator: Links");
        links.MapGet("", List)
            .Says("ListLinks", "All Links, and how many run which version", "Oldest first. The versions count all trusted Links, whatever the page shows.").TakesPaging()
            .Takes(Input.Text("version", "Only Links that run this version.", "26.305.12"), UpdateFilter)
            .Answers(200, "A page of them.", new AdminLinkList([AdminExamples.Link], null, [new("26.305.12", 41, 40)]), AdminJson.Default.AdminLinkList);
        links.MapGet("/{linkId}", Get)
            .Says("GetLink", "One Link and its last report", "With its sites, what it was doing and how much disk it has.")
            .Answers(200, "The Link.", AdminExamples.LinkDetail, AdminJson.Default.AdminLinkDetail).RefusesUnknown();
        links.MapPut("/{linkId}/update", SetUpdateAsync).RequireRole(OperatorRole.Support)
            .Says("SetLinkUpdate", "Set how a Link gets its updates", "Its ring, and the release that it alone should run, in place of what was set before; the second requires the role operator. It is told at once where it is connected.")
            .Asks("Ring and version.", new LinkUpdateRequest("canary", null), AdminJson.Default.LinkUpdateRequest)
            .AnswersLink().Refuses(400, ErrorCodes.InvalidRequest, "ring: must be canary, early or all.");
        links.MapPost("/{linkId}/approve", ApproveAsync).RequireRole(OperatorRole.Operator)
            .Says("ApproveLink", "Trust a Link that waits", "It connects by itself within half a minute. The sites that it named when it enrolled become authoritative where their practice has none, or of them those that the body names; what it names later waits for a decision of its own.")
            .Asks("Which of its sites; absent: all that it named.", new ApproveLinkRequest([Examples.SiteId]), AdminJson.Default.ApproveLinkRequest, optional: true)
            .AnswersLink().Refuses(400, ErrorCodes.InvalidRequest, "sites: names one that is not this Link's.");
        links.MapPost("/{linkId}/revoke", (HttpContext http, string linkId, LinkApproval rights, AdminLinks view) => SetRightAsync(http, linkId, LinkStatus.Revoked, rights, view)).RequireRole(OperatorRole.Operator)
            .Says("RevokeLink", "Take a Link's right away", "Its session is closed at once.").AnswersLink();
    }

    static IResult List(HttpContext http, LinkDirectory links, AdminLinks view)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (version, update) = (http.Request.Query["version"].ToString(), http.Request.Query["update"].ToString());
        if (update.Length > 0 && !UpdateFilter.Words!.Contains(update))
            return Refusal.Invalid("update", $"must be one of {string.Join(", ", UpdateFilter.Words!)}.").ToResult();
        var (items, next) = page.Take(links.All.Where(l => (version.Length == 0 || l.Version == version) && (update.Length == 0 || view.IsAt(l, update))), l => l.Id);
        return TypedResults.Json(new AdminLinkList([.. items.Select(view.Show)], next, view.Versions()), AdminJson.Default.AdminLinkList);
    }

    static readonly Input UpdateFilter = Input.Word("update", "Only Links whose newest update failed, or that should run another version and do not yet (pending).", ["failed", "pending"]);

    static IResult Get(string linkId, LinkDirectory links, AdminLinks view) =>
        Guid.TryParse(linkId, out var id) && links.Find(id) is { } link
            ? TypedResults.Json(view.ShowWhole(link), AdminJson.Default.AdminLinkDetail)
            : NotFound().ToResult();

    static async Task<IResult> SetUpdateAsync(HttpContext http, string linkId, LinkDirectory links, LinkRollouts rollouts, ReleaseRegistry releases, LinkUpdates updates, AdminLinks view)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.LinkUpdateRequest);
        if (body is null)
            return refusal!.ToResult();
        if (!Guid.TryParse(linkId, out var id) || links.Find(id) is not { } link)
            return NotFound().ToResult();
        if (ReleaseWords.ReadRing(body.Ring ?? "all") is not { } ring)
            return Refusal.Invalid("ring", "must be canary, early or all.").ToResult();
        if (body.Version is { } version && releases.Find(version) is not { Status: not ReleaseStatus.Withdrawn })
            return Refusal.Invalid("version", "is no release that was uploaded, or was withdrawn. GET /admin/v1/releases lists them.").ToResult();
        // A version of its own goes to a Link past rings, pauses and stops.
        if (body.Version != rollouts.Of(id).Pinned && http.Operator().Refuse(OperatorRole.Operator) is { } tooLow)
            return tooLow.ToResult();
        await rollouts.SetAsync(id, ring, body.Version, http.Deed());
        updates.Tell(id);
        return TypedResults.Json(view.Show(link), AdminJson.Default.AdminLink);
    }

    static async Task<IResult> ApproveAsync(HttpContext http, string linkId, LinkApproval rights, SiteDirectory sites, AdminLinks view)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.ApproveLinkRequest);
        if (body is null)
            return refusal!.ToResult();
        if (!Guid.TryParse(linkId, out var id))
            return NotFound().ToResult();
        if (body.Sites is { } named && named.FirstOrDefault(s => sites.Find(s)?.LinkId != id) is var strange && strange != Guid.Empty)
            return Refusal.Invalid("sites", $"names {strange}, which is no site of this Link.").ToResult();
        return await rights.SetAsync(id, LinkStatus.Enrolled, http.Deed(), body.Sites) is { } link ? TypedResults.Json(view.Show(link), AdminJson.Default.AdminLink) : NotFound().ToResult();
    }

    static async Task<IResult> SetRightAsync(HttpContext http, string linkId, LinkStatus status, LinkApproval rights, AdminLinks view) =>
        Guid.TryParse(linkId, out var id) && await rights.SetAsync(id, status, http.Deed()) is { } link
            ? TypedResults.Json(view.Show(link), AdminJson.Default.AdminLink)
            : NotFound().ToResult();

    static Refusal NotFound() => Refusal.NotFound("There is no such Link. GET /admin/v1/links lists them.");
}
