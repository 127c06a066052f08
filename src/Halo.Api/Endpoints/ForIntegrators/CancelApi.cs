using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Sites;
using Halo.Contracts.Json;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Stopping a query.</summary>
static class CancelApi
{
    public static void MapCancelApi(this RouteGroupBuilder queries) =>
        queries.MapDelete("/{queryId}", CancelAsync)
            .Says("CancelQuery", "Ask for a query to be stopped",
                "A queued query is cancelled in this very answer; one that a Link has ends as the Link says: GET with wait tells. A write that the database had finished is never called cancelled.")
            .Answers(200, "It had ended before.", Examples.Export, HaloJson.Default.Query)
            .Answers(202, "It is being stopped.", Examples.Queued, HaloJson.Default.Query)
            .RefusesSite();

    static async Task<IResult> CancelAsync(HttpContext http, string siteId, string queryId, SiteAccess access, QueryCancelling cancelling)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        return Guid.TryParse(queryId, out var id) && await cancelling.AskAsync(http.Integrator().Id, site.Id, id) is var (query, wasFinal)
            ? TypedResults.Json(query, HaloJson.Default.Query, statusCode: wasFinal ? 200 : 202)
            : Refusal.NotFound("You have no such query at this site.").ToResult();
    }
}
