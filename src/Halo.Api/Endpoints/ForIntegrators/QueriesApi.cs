using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Submission;
using Halo.Api.Results.Negotiation;
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
        queries.MapPost("/immediate", (HttpContext http, string siteId, QueryDoor door, IdempotentQueries keyed) => SubmitAsync(http, siteId, QueryMode.Immediate, door, keyed))
            .DescribeImmediate();
        queries.MapPost("/async", (HttpContext http, string siteId, QueryDoor door, IdempotentQueries keyed) => SubmitAsync(http, siteId, QueryMode.Async, door, keyed))
            .DescribeAsync();
        queries.MapPost("", (HttpContext http, string siteId, QueryDoor door, IdempotentQueries keyed) => SubmitAsync(http, siteId, null, door, keyed))
            .DescribeOldForm();
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

    static async Task<IResult> SubmitAsync(HttpContext http, string siteId, QueryMode? mode, QueryDoor door, IdempotentQueries keyed)
    {
        var (key, noKey) = IdempotentRequest.KeyOf(http.Request);
        if (noKey is not null)
            return noKey;
        var (wanted, unknown) = WantedForm.Read(http.Request);
        if (wanted is null)
            return unknown!;
        if (key is not null)
            return await keyed.SubmitAsync(http, siteId, mode, key, wanted);
        var (site, submission, refusal) = await door.ReadAsync(http, siteId, mode);
        if (refusal is not null)
            return refusal;
        if (submission!.Mode == QueryMode.Immediate)
        {
            if (wanted.StreamFor(submission.Command) is { } form)
            {
                await door.Streams.SendAsync(http, site!, submission, form, wanted.IntegersAsText);
                return TypedResults.Empty;
            }
            using var answer = await door.Immediate.RunAsync(http.Caller(), site!, submission, http.RequestAborted);
            await door.Writer.WriteAsync(http, answer, wanted.IntegersAsText);
            return TypedResults.Empty;
        }
        var query = await door.Async.AcceptAsync(http.Integrator(), site!, submission);
        http.Response.Headers.Location = $"/integrator/sites/{site!.Id}/queries/{query.Id}";
        return TypedResults.Json(query, HaloJson.Default.Query, statusCode: 201);
    }

    static async Task<IResult> LookUpAsync(HttpContext http, string siteId, SiteAccess access, QueryDoor door, QueryLedger ledger, PendingQueries pending)
    {
        var (site, noSite) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return noSite!;
        var (body, refusal) = await door.ReadBodyAsync(http);
        if ((refusal ?? access.ForReading(http.Caller(), siteId).Refusal) is { } refused)
            return refused;
        var (ids, fault) = ReadIds(body);
        if (ids is null)
            return fault!;
        await pending.TryFlushAsync(q => ids.Contains(q.QueryId));
        var found = await ledger.FindManyAsync(http.Integrator().Id, site.Id, ids);
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
