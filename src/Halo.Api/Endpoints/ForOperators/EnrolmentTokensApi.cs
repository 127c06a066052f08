using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Links.Enrolling;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Routing;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>Tokens by which new Links may enrol.</summary>
static class EnrolmentTokensApi
{
    static readonly Input StateFilter = Input.Word("state", "Only tokens in this state.", [.. Enum.GetValues<EnrolmentTokenState>().Select(WordOf)]);

    static readonly AdminEnrolmentToken Example = new(Examples.QueryId, EnrolmentTokenState.Usable, 1, Examples.At, Examples.At.AddHours(1))
    {
        Uses = 1,
        CreatedBy = "operator:Ann",
        PracticeManagementName = "Best Practice",
        PracticeManagementSiteId = "12345",
    };

    public static void MapEnrolmentTokensApi(this IEndpointRouteBuilder routes)
    {
        var tokens = routes.MapGroup("/admin/v1/enrolment-tokens").WithTags("Operator: Links");
        tokens.MapPost("", CreateAsync).RequireRole(OperatorRole.Operator)
            .Says("CreateEnrolmentToken", "A token by which a Link may enrol", "Shown this once.")
            .Asks("For how long, how often and for which practice.", new CreateEnrolmentTokenRequest(60, 1, "Best Practice", "12345"), AdminJson.Default.CreateEnrolmentTokenRequest, optional: true)
            .Answers(201, "The token.", new NewEnrolmentToken(Examples.QueryId, "…", Examples.At), AdminJson.Default.NewEnrolmentToken)
            .Refuses(400, ErrorCodes.InvalidRequest, "uses: must be from 1 to 10000.");
        tokens.MapGet("", ListAsync)
            .Says("ListEnrolmentTokens", "Enrolment tokens, without the tokens themselves", "Oldest first. Each is listed for 90 days after its expiresAt.").TakesPaging().Takes(StateFilter)
            .Answers(200, "A page of them.", new AdminEnrolmentTokenList([Example], null), AdminJson.Default.AdminEnrolmentTokenList);
        tokens.MapDelete("/{tokenId}", RevokeAsync).RequireRole(OperatorRole.Operator)
            .Says("RevokeEnrolmentToken", "Revoke an enrolment token", "No Link enrols with it any more when this answers. Links that have enrolled with it stay: revoke each of them where it should go.")
            .AnswersNothing(204, "Revoked.").RefusesUnknown();
    }

    static async Task<IResult> CreateAsync(HttpContext http, EnrolmentTokens tokens)
    {
        var (body, refusal) = await AdminBody.ReadAsync(http, AdminJson.Default.CreateEnrolmentTokenRequest);
        if (body is null)
            return refusal!.ToResult();
        var faults = EnrolmentTokenCheck.FaultsOf(body);
        return faults.Count > 0
            ? Refusal.Invalid(faults).ToResult()
            : TypedResults.Json(await tokens.CreateAsync(body, http.Deed()), AdminJson.Default.NewEnrolmentToken, statusCode: 201);
    }

    static async Task<IResult> ListAsync(HttpContext http, EnrolmentTokens tokens)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        EnrolmentTokenState? state = null;
        if (http.Request.Query["state"].ToString() is { Length: > 0 } word)
        {
            if (!StateFilter.Words!.Contains(word))
                return Refusal.Invalid("state", $"must be one of {string.Join(", ", StateFilter.Words!)}.").ToResult();
            state = Enum.Parse<EnrolmentTokenState>(word, ignoreCase: true);
        }
        // One more than asked for says whether there is another page.
        var found = await tokens.ListAsync(state, page.After, page.Limit + 1);
        var shown = found.Take(page.Limit).ToList();
        return TypedResults.Json(new AdminEnrolmentTokenList(shown, found.Count > shown.Count ? shown[^1].Id.ToString() : null), AdminJson.Default.AdminEnrolmentTokenList);
    }

    static async Task<IResult> RevokeAsync(HttpContext http, string tokenId, EnrolmentTokens tokens) =>
        Guid.TryParse(tokenId, out var id) && await tokens.RevokeAsync(id, http.Deed())
            ? TypedResults.NoContent()
            : Refusal.NotFound("There is no such enrolment token. GET /admin/v1/enrolment-tokens lists them.").ToResult();

    static string WordOf(EnrolmentTokenState state) => state.ToString().ToLowerInvariant();
}
