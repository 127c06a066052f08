using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.OpenApi;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Admin;

/// <summary>What an operator does with sites and Links.</summary>
public static class AdminSitesApi
{
    public static void MapAdminSitesApi(this IEndpointRouteBuilder routes)
    {
        var sites = routes.MapGroup("/admin/v1/sites").WithTags("Operator: sites");
        sites.MapGet("", List).Says("ListSites", "All sites, authoritative or not", "Oldest first.").TakesPaging()
            .Takes(Input.Text("practiceManagementSiteId", "Only those of this practice.", "12345"),
                Input.Word("availability", "Only those that are so now.", ["online", "offline", "unreachable"]))
            .Answers(200, "A page of them.", new AdminSiteList([AdminExamples.Site], null), AdminJson.Default.AdminSiteList);
        sites.MapGet("/{siteId}", Get).Says("GetSiteAsOperator", "One site", "What integrators see of it, its Link, and whether it waits for confirmation.").AnswersSite();
        sites.MapSiteDecisions();
        routes.MapPost("/admin/v1/enrolment-tokens", CreateTokenAsync).WithTags("Operator: Links")
            .Says("CreateEnrolmentToken", "A token by which a Link may enrol", "Shown this once.")
            .Asks("For how long, how often and for which practice.", new CreateEnrolmentTokenRequest(60, 1, "Best Practice", "12345"), AdminJson.Default.CreateEnrolmentTokenRequest, optional: true)
            .Answers(201, "The token.", new NewEnrolmentToken(Examples.QueryId, "…", Examples.At), AdminJson.Default.NewEnrolmentToken)
            .Refuses(400, ErrorCodes.InvalidRequest, "uses: must be from 1 to 10000.");
        var links = routes.MapGroup("/admin/v1/links").WithTags("Operator: Links");
        links.MapGet("", ListLinks).Says("ListLinks", "All Links", "Oldest first.").TakesPaging()
            .Answers(200, "A page of them.", new AdminLinkList([AdminExamples.Link], null), AdminJson.Default.AdminLinkList);
        links.MapPost("/{linkId}/approve", (string linkId, LinkRights rights, LinkSessions sessions) => SetRightAsync(linkId, LinkStatus.Enrolled, rights, sessions))
            .Says("ApproveLink", "Trust a Link that waits", "It connects by itself within half a minute.").AnswersLink();
        links.MapPost("/{linkId}/revoke", (string linkId, LinkRights rights, LinkSessions sessions) => SetRightAsync(linkId, LinkStatus.Revoked, rights, sessions))
            .Says("RevokeLink", "Take a Link's right away", "Its session is closed at once.").AnswersLink();
    }

    static IResult List(HttpContext http, SiteDirectory directory, AdminSites view)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!;
        var practice = http.Request.Query["practiceManagementSiteId"].ToString();
        var availability = http.Request.Query["availability"].ToString();
        if (availability.Length > 0 && !Enum.TryParse<SiteAvailability>(availability, ignoreCase: true, out _))
            return Refusal.Invalid("availability", "must be online, offline or unreachable.");
        var found = directory.All.Where(s => practice.Length == 0 || s.PmsId == practice).Select(view.Show)
            .Where(s => availability.Length == 0 || s.Availability.ToString().Equals(availability, StringComparison.OrdinalIgnoreCase));
        var (items, next) = page.Take(found, s => s.Id);
        return TypedResults.Json(new AdminSiteList(items, next), AdminJson.Default.AdminSiteList);
    }

    static IResult Get(string siteId, SiteAccess access, AdminSites view)
    {
        var (site, refusal) = access.Find(siteId);
        return site is null ? refusal! : TypedResults.Json(view.Show(site), AdminJson.Default.AdminSite);
    }

    static async Task<IResult> CreateTokenAsync(HttpContext http, EnrolmentTokens tokens)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.CreateEnrolmentTokenRequest);
        if (body is null)
            return refusal!;
        var faults = new List<FieldError>();
        if (body.ExpiresInMinutes is < 1 or > 525_600)
            faults.Add(new("expiresInMinutes", "must be from 1 to 525600."));
        if (body.Uses is < 1 or > 10_000)
            faults.Add(new("uses", "must be from 1 to 10000."));
        return faults.Count > 0
            ? Refusal.Invalid(faults)
            : TypedResults.Json(await tokens.CreateAsync(body), AdminJson.Default.NewEnrolmentToken, statusCode: 201);
    }

    static IResult ListLinks(HttpContext http, LinkDirectory links, LinkSessions sessions)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!;
        var (items, next) = page.Take(links.All, l => l.Id);
        return TypedResults.Json(new AdminLinkList([.. items.Select(l => Show(l, sessions))], next), AdminJson.Default.AdminLinkList);
    }

    static async Task<IResult> SetRightAsync(string linkId, LinkStatus status, LinkRights rights, LinkSessions sessions) =>
        Guid.TryParse(linkId, out var id) && await rights.SetAsync(id, status) is { } link
            ? TypedResults.Json(Show(link, sessions), AdminJson.Default.AdminLink)
            : Refusal.NotFound("There is no such Link. GET /admin/v1/links lists them.");

    static AdminLink Show(LinkRecord link, LinkSessions sessions) => new(link.Id, link.Status.ToString().ToLowerInvariant(), link.Version,
        sessions.Find(link.Id) is not null, link.LastHeardAt, link.CreatedAt);
}
