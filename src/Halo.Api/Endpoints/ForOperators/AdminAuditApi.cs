using System.Text.Json.Nodes;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Storage;

namespace Halo.Api.Endpoints.ForOperators;

/// <summary>Who did what.</summary>
static class AdminAuditApi
{
    public static void MapAdminAuditApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/audit", ListAsync).WithTags("Operator: audit").Says("ListAudit", "Who did what, oldest first", "Every change that an operator or the service made.")
            .TakesPaging().Takes(Input.Time("from", "Not before this moment."), Input.Time("to", "Not after this moment."))
            .Answers(200, "A page of it.", new AuditEntryList(
                [new(Examples.QueryId, Examples.At, "operator", "integrator.created", Examples.IntegratorId.ToString(), JsonNode.Parse("""{ "name": "Recalls Ltd" }"""))], null),
                AdminJson.Default.AuditEntryList);

    static async Task<IResult> ListAsync(HttpContext http, Database database)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (from, to, invalid) = TimeRange.Read(http.Request, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        if (invalid is not null)
            return invalid.ToResult();
        var lines = await database.ReadAsync(
            r => new AuditEntry(r.GetGuid(0), r.Time(1), r.GetString(2), r.GetString(3), r.GetString(4),
                r.StringOrNull(5) is { } detail ? JsonNode.Parse(detail) : null),
            $"""
            SELECT id, at, actor, action, subject, detail FROM audit
            WHERE at >= @from AND at <= @to {(page.After is null ? "" : "AND (at, id) > (SELECT a.at, a.id FROM audit a WHERE a.id = @after)")}
            ORDER BY at, id LIMIT @limit
            """,
            [("from", from.Ms()), ("to", to.Ms()), ("limit", page.Limit + 1), .. page.After is { } after ? [("after", (object?)after)] : Array.Empty<(string, object?)>()]);
        var next = lines.Count > page.Limit ? lines[page.Limit - 1].Id.ToString() : null;
        return TypedResults.Json(new AuditEntryList([.. lines.Take(page.Limit)], next), AdminJson.Default.AuditEntryList);
    }
}
