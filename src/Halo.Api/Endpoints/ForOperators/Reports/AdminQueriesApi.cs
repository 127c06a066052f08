using Halo.Api.Endpoints.ForIntegrators;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Queries;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Routing;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForOperators.Reports;

/// <summary>The ledger as operators see it: whose, where, when, how much, how it ended. Never the command, the rows or the database's own words.</summary>
static class AdminQueriesApi
{
    public static void MapAdminQueriesApi(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/admin/v1/queries", ListAsync).WithTags("Operator: queries")
            .Says("ListAllQueries", "The ledger, newest first", "Every query of every integrator, without command, result and the database's own words.").TakesPaging()
            .Takes(
                Input.Text("siteId", "Only those of this site.") with { Format = "uuid" }, Input.Text("integratorId", "Only those of this integrator.") with { Format = "uuid" },
                Input.Word("status", "Only those in this state.", [.. QueryLifecycle.AllWords]),
                Input.Time("from", "Not made before this moment."), Input.Time("to", "Made before this moment."))
            .Answers(200, "A page of it.", new QueryList([Examples.Export with { Result = null }]) { Next = Examples.QueryId.ToString() }, HaloJson.Default.QueryList)
            .Refuses(400, ErrorCodes.InvalidRequest, "siteId: must be an id as 6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a11.");

    static async Task<IResult> ListAsync(HttpContext http, QueryReader queries, PendingQueries pending)
    {
        var (page, malformed) = Paging.Read(http.Request);
        if (page is null)
            return malformed!.ToResult();
        var (from, to, invalid) = TimeRange.Read(http.Request, DateTimeOffset.UnixEpoch, DateTimeOffset.MaxValue);
        if (invalid is not null)
            return invalid.ToResult();
        var faults = new List<FieldError>();
        var wanted = new QueryFilter(ReadId(http, "integratorId", faults), ReadId(http, "siteId", faults), page.Limit + 1)
        {
            Status = ListApi.ReadStatus(http.Request.Query["status"].ToString() is { Length: > 0 } status ? status : null, faults),
            From = from == DateTimeOffset.UnixEpoch ? null : from,
            To = to == DateTimeOffset.MaxValue ? null : to,
            After = page.After,
        };
        if (faults.Count > 0)
            return Refusal.Invalid(faults).ToResult();
        await pending.TryFlushAsync(_ => true);
        var found = await queries.ListAsync(wanted, withDetails: false);
        var shown = found.Take(page.Limit).Select(AdminQueries.Show).ToList();
        return TypedResults.Json(new QueryList(shown) { Next = found.Count > page.Limit ? shown[^1].Id.ToString() : null }, HaloJson.Default.QueryList);
    }

    static Guid? ReadId(HttpContext http, string name, List<FieldError> faults)
    {
        if (http.Request.Query[name].ToString() is not { Length: > 0 } text)
            return null;
        if (Guid.TryParse(text, out var id))
            return id;
        faults.Add(new(name, "must be an id as 6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a11."));
        return null;
    }
}
