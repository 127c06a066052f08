using Halo.Api.Console.Pages;
using Halo.Api.Console.Parts;
using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Api.Operators;
using Halo.Contracts.Admin;

namespace Halo.Api.Console;

/// <summary>Links, whether they are trusted, and the tokens by which new ones enrol.</summary>
static class LinksRoutes
{
    public static void MapLinks(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(ConsolePaths.Links, () => Page.Of<LinksPage>());
        routes.MapGet(ConsolePaths.Links + "/{linkId}", (string linkId, LinkDirectory links) => With(linkId, links, id => Page.Of<LinkPage>(new { LinkId = id })));
        routes.MapDecision("approve", "approved", LinkStatus.Enrolled);
        routes.MapDecision("revoke", "revoked", LinkStatus.Revoked);
        routes.MapGet(ConsolePaths.Enrolment, () => Page.Of<EnrolmentPage>()).RequireRole(OperatorRole.Operator);
        routes.MapPost(ConsolePaths.Enrolment, MakeTokenAsync).RequireRole(OperatorRole.Operator);
    }

    static void MapDecision(this IEndpointRouteBuilder routes, string decision, string done, LinkStatus status)
    {
        var path = $"{ConsolePaths.Links}/{{linkId}}/{decision}";
        routes.MapGet(path, (string linkId, LinkDirectory links) => With(linkId, links, id => Ask(id))).RequireRole(OperatorRole.Operator);
        routes.MapPost(path, async (HttpContext http, string linkId, LinkDirectory links, LinkApproval rights) =>
        {
            if (!Guid.TryParse(linkId, out var id) || links.Find(id) is null)
                return Unknown;
            if (http.Form().ReasonFault is { } fault)
                return Ask(id, fault, 400);
            return await rights.SetAsync(id, status, http.Deed(http.Form().Reason)) is null ? Unknown : Page.Next(ConsolePaths.Link(id), done);
        }).RequireRole(OperatorRole.Operator);

        IResult Ask(Guid id, string? fault = null, int httpStatus = 200) => Page.Of<LinkDecisionPage>(new { LinkId = id, Decision = decision, Fault = fault }, httpStatus);
    }

    static async Task<IResult> MakeTokenAsync(HttpContext http, EnrolmentTokens tokens)
    {
        var form = http.Form();
        var asked = new CreateEnrolmentTokenRequest(Whole(form["expiresInMinutes"]), Whole(form["uses"]), form["practiceManagementName"], form["practiceManagementSiteId"]);
        var faults = EnrolmentTokenCheck.FaultsOf(asked);
        if (asked is { PracticeManagementName: null, PracticeManagementSiteId: not null } or { PracticeManagementName: not null, PracticeManagementSiteId: null })
            faults.Add(new("practiceManagementSiteId", "goes with the software's name: give both, or none."));
        return faults.Count > 0
            ? Page.Of<EnrolmentPage>(new { Asked = asked, Fault = string.Join(' ', faults.Select(f => $"{Words.Sentence(f.Field)} {f.Message}")) }, 400)
            : Page.Of<EnrolmentPage>(new { Asked = asked, Made = await tokens.CreateAsync(asked, http.Deed()) });

        // What is no number is outside of every range.
        static int? Whole(string? text) => text is null ? null : int.TryParse(text, out var number) ? number : -1;
    }

    static IResult With(string linkId, LinkDirectory links, Func<Guid, IResult> show) => Guid.TryParse(linkId, out var id) && links.Find(id) is not null ? show(id) : Unknown;

    static IResult Unknown => Page.NotFound("There is no such Link.");
}
