using System.Text.Json;
using Halo.Api.Capacity;
using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Queries;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Asking sites, and what became of it.</summary>
static class QueriesApi
{
    const int MostLookups = 100;

    public static void MapQueriesApi(this IEndpointRouteBuilder routes)
    {
        var queries = routes.MapGroup("/integrator/sites/{siteId}/queries").WithTags("Queries");
        queries.MapPost("/immediate", (HttpContext http, string siteId, SubmitEndpoint submit) => submit.HandleAsync(http, siteId, QueryMode.Immediate))
            .DescribeImmediate();
        queries.MapPost("/async", (HttpContext http, string siteId, SubmitEndpoint submit) => submit.HandleAsync(http, siteId, QueryMode.Async))
            .DescribeAsync();
        queries.MapPost("", (HttpContext http, string siteId, SubmitEndpoint submit) => submit.HandleAsync(http, siteId, null))
            .DescribeOldForm();
        queries.MapPost("/describe", (HttpContext http, string siteId, DescribeEndpoint describe) => describe.HandleAsync(http, siteId))
            .DescribeDescription();
        queries.MapListApi();
        queries.MapWaitingApi();
        queries.MapCancelApi();
        queries.MapPost("/status", LookUpAsync)
            .Says("LookUpQueries", "Where up to 100 queries stand", "The answers come in the order asked; another integrator's queries are not found.")
            .Asks("1 to 100 ids.", new QueryStatusRequest([Examples.QueryId]), HaloJson.Default.QueryStatusRequest)
            .Answers(200, "One answer for each id.", new QueryStatusResponse([new(Examples.QueryId, LookupStatus.Found, Examples.Queued)]), HaloJson.Default.QueryStatusResponse)
            .Refuses(400, ErrorCodes.InvalidRequest, "queryIds: must be an array of 1 to 100 ids.")
            .RefusesSite();
    }

    static async Task<IResult> LookUpAsync(HttpContext http, string siteId, SiteAccess access, RequestBodies bodies, QueryReader queries, PendingQueries pending)
    {
        var (site, noSite) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return noSite!.ToResult();
        var (body, refusal) = await bodies.ReadAsync(http);
        if ((refusal ?? access.ForReading(http.Caller(), siteId).Refusal) is { } refused)
            return refused.ToResult();
        var (ids, fault) = ReadIds(body);
        if (ids is null)
            return fault!.ToResult();
        await pending.TryFlushAsync(q => ids.Contains(q.QueryId));
        var found = (await queries.FindManyAsync(http.Integrator().Id, site.Id, ids)).ToDictionary(q => q.Id);
        return TypedResults.Json(new QueryStatusResponse([.. ids.Select(id => found.TryGetValue(id, out var record)
            ? new QueryLookup(id, LookupStatus.Found, QueryView.Of(record))
            : new QueryLookup(id, LookupStatus.NotFound))]), HaloJson.Default.QueryStatusResponse);
    }

    static (IReadOnlyList<Guid>? Ids, Refusal? Refusal) ReadIds(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body.Span, HaloJson.Default.QueryStatusRequest)?.QueryIds is { Count: >= 1 and <= MostLookups } ids
                ? (ids, null)
                : (null, Refusal.Invalid("queryIds", $"must name 1 to {MostLookups} queries."));
        }
        catch (JsonException e)
        {
            return (null, Refusal.Invalid(e.Path is { Length: > 0 } path ? path : "body",
                $"must be {{ \"queryIds\": [\"<uuid>\", …] }}: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}."));
        }
    }
}
