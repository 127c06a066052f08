using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Reports;

/// <summary>What billing needs.</summary>
static class AdminUsageApi
{
    public static void MapAdminUsageApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/usage", ListAsync).WithTags("Operator: usage")
            .Says("ListUsage", "Queries, rows and bytes of each integrator at each site", "By when the queries were made; in the order of integrator and site.")
            .Takes(Inputs.Limit, Inputs.After with { Format = null }, Input.Time("from", "Not before this moment."), Input.Time("to", "Before this moment."))
            .Answers(200, "A page of it.", new UsageList([new(Examples.IntegratorId, Examples.SiteId, 1200, 1187, 53_000, 8_400_000, 310_000)], null), AdminJson.Default.UsageList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.");

    static async Task<IResult> ListAsync(HttpContext http, QueryStore queries)
    {
        var (limit, after, malformed) = ReadPage(http.Request);
        if (malformed is not null)
            return malformed.ToResult();
        var (from, to, refusal) = TimeRange.Read(http.Request, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        if (refusal is not null)
            return refusal.ToResult();
        var lines = await queries.UsageAsync(from, to, after, limit + 1);
        var more = lines.Count > limit;
        var shown = lines.Take(limit).ToList();
        return TypedResults.Json(new UsageList(shown, more ? $"{shown[^1].IntegratorId}.{shown[^1].SiteId}" : null), AdminJson.Default.UsageList);
    }

    /// <summary>A line has no id of its own: <c>after</c> names integrator and site, with a dot between.</summary>
    static (int Limit, (Guid Integrator, Guid Site)? After, Refusal? Refusal) ReadPage(HttpRequest request)
    {
        var limit = 100;
        if (request.Query.TryGetValue("limit", out var asked) && !(int.TryParse(asked, out limit) && limit is >= 1 and <= 1000))
            return (0, null, Refusal.Invalid("limit", "must be a whole number from 1 to 1000."));
        if (request.Query["after"].ToString() is not { Length: > 0 } text)
            return (limit, null, null);
        return text.Split('.') is [var first, var second] && Guid.TryParse(first, out var integrator) && Guid.TryParse(second, out var site)
            ? (limit, (integrator, site), null)
            : (0, null, Refusal.Invalid("after", "must be the value of next from the page before."));
    }
}
