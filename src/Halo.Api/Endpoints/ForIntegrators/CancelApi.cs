using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Stopping a query.</summary>
static class CancelApi
{
    public static void MapCancelApi(this RouteGroupBuilder queries)
    {
        queries.MapDelete("/{queryId}", CancelAsync)
            .Says("CancelQuery", "Ask for a query to be stopped",
                "A queued query is cancelled in this very answer; one that a Link has ends as the Link says: GET with wait tells. A write that the database had finished is never called cancelled.")
            .Answers(200, "It had ended before.", Examples.Export, HaloJson.Default.Query)
            .Answers(202, "It is being stopped.", Examples.Queued, HaloJson.Default.Query)
            .RefusesSite();
        queries.MapDelete("", CancelKeyedAsync)
            .Says("CancelByKey", "Ask for the query of an Idempotency-Key to be stopped",
                "Within 24 hours from its request: an immediate query too, while it runs, whose caller went away and knows no id. What the key began ends as by DELETE on its id. "
                + "A request that still waits, for its site or for room, waits no longer: nothing ran, its caller gets 409, and this answer is 404.")
            .Takes(Input.Text(IdempotentRequest.Parameter, "The key, as it was sent with the query.", "recall-4711", required: true) with { LongestText = IdempotentRequest.LongestKey })
            .Answers(200, "It had ended before.", Examples.Export, HaloJson.Default.Query)
            .Answers(202, "It is being stopped.", Examples.Queued, HaloJson.Default.Query)
            .Refuses(400, ErrorCodes.InvalidRequest, "idempotencyKey: is required, as a query parameter: the Idempotency-Key of the query.")
            .RefusesSite();
    }

    static async Task<IResult> CancelAsync(HttpContext http, string siteId, string queryId, SiteAccess access, QueryCancelling cancelling)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        return Guid.TryParse(queryId, out var id)
            ? ToResult(await cancelling.AskAsync(http.Integrator().Id, site.Id, id), "You have no such query at this site.")
            : Refusal.NotFound("You have no such query at this site.").ToResult();
    }

    static async Task<IResult> CancelKeyedAsync(HttpContext http, string siteId, SiteAccess access, KeyedCancelling cancelling)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        var (key, unreadable) = IdempotentRequest.NamedBy(http.Request);
        return key is null
            ? unreadable!.ToResult()
            : ToResult(await cancelling.AskAsync(http.Integrator().Id, site.Id, key, http.RequestAborted), "You have no query of this key at this site, or it is older than 24 hours.");
    }

    static IResult ToResult((Query Query, bool WasFinal)? asked, string unknown) => asked is var (query, wasFinal)
        ? TypedResults.Json(query, HaloJson.Default.Query, statusCode: wasFinal ? 200 : 202)
        : Refusal.NotFound(unknown).ToResult();
}
