using System.Text.Json.Nodes;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.OpenApi;
using Halo.Api.Routing;
using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Endpoints.ForOperators.Reports;

/// <summary>Who did what.</summary>
static class AdminAuditApi
{
    public static void MapAdminAuditApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/audit", ListAsync).WithTags("Operator: audit").Says("ListAudit", "Who did what, oldest first", "Every change that an operator or the service made.")
            .TakesPaging().Takes(Input.Time("from", "Not before this moment."), Input.Time("to", "Not after this moment."))
            .Answers(200, "A page of it.", new AuditEntryList(
                [new(Examples.QueryId, Examples.At, "operator", "integrator.created", Examples.IntegratorId.ToString(), JsonNode.Parse("""{ "name": "Recalls Ltd" }"""))], null),
                AdminJson.Default.AuditEntryList);

    static async Task<IResult> ListAsync(HttpContext http, AuditLog audit)
    {
        var (page, refusal) = Paging.Read(http.Request);
        if (page is null)
            return refusal!.ToResult();
        var (from, to, invalid) = TimeRange.Read(http.Request, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        if (invalid is not null)
            return invalid.ToResult();
        var lines = await audit.ListAsync(from, to, page.After, page.Limit + 1);
        var next = lines.Count > page.Limit ? lines[page.Limit - 1].Id.ToString() : null;
        return TypedResults.Json(new AuditEntryList([.. lines.Take(page.Limit)], next), AdminJson.Default.AuditEntryList);
    }
}
