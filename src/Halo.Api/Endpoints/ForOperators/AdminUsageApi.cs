using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Ledger;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Storage;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>What billing needs.</summary>
static class AdminUsageApi
{
    public static void MapAdminUsageApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/usage", ListAsync).WithTags("Operator: usage")
            .Says("ListUsage", "Queries, rows and bytes of each integrator at each site", "By when the queries were made; in the order of integrator and site.")
            .Takes(Inputs.Limit, Inputs.After with { Format = null }, Input.Time("from", "Not before this moment."), Input.Time("to", "Before this moment."))
            .Answers(200, "A page of it.", new UsageList([new(Examples.IntegratorId, Examples.SiteId, 1200, 1187, 53_000, 8_400_000, 310_000)], null), AdminJson.Default.UsageList)
            .Refuses(400, ErrorCodes.InvalidRequest, "limit: must be a whole number from 1 to 1000.");

    static async Task<IResult> ListAsync(HttpContext http, Database database)
    {
        var (limit, after, malformed) = ReadPage(http.Request);
        if (malformed is not null)
            return malformed.ToResult();
        var (from, to, refusal) = TimeRange.Read(http.Request, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        if (refusal is not null)
            return refusal.ToResult();
        // Ids begin with the time, so their order is the one in which queries were made: no index more for each query to write.
        var lines = await database.ReadAsync(
            r => new Usage(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.GetInt64(6)),
            $"""
            SELECT integrator_id, site_id, COUNT(*), SUM(CASE WHEN status = 'successful' THEN 1 ELSE 0 END),
              CAST(COALESCE(SUM(rows_count), 0) AS BIGINT), CAST(COALESCE(SUM(result_size), 0) AS BIGINT), CAST(COALESCE(SUM(request_size), 0) AS BIGINT)
            FROM queries
            WHERE id >= @from AND id < @to {(after is null ? "" : "AND (integrator_id, site_id) > (@integrator, @site)")}
            GROUP BY integrator_id, site_id ORDER BY integrator_id, site_id LIMIT @limit
            """,
            [
                ("from", QueryLedger.FirstIdOf(from)), ("to", QueryLedger.FirstIdOf(to)), ("limit", limit + 1),
                .. after is var (integrator, site) ? [("integrator", (object?)integrator), ("site", site)] : Array.Empty<(string, object?)>(),
            ]);
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
