using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Cancelling;

/// <summary>Stopping a query.</summary>
static class CancelApi
{
    public static void MapCancelApi(this RouteGroupBuilder queries) =>
        queries.MapDelete("/{queryId}", CancelAsync).WithName("CancelQuery").WithSummary("Ask for a query to be stopped")
            .WithDescription("202: it is being stopped; GET tells how it ended. 200: it had ended before.")
            .Produces<Query>().Produces<Query>(202).Produces<ErrorResponse>(403).Produces<ErrorResponse>(404);

    static async Task<IResult> CancelAsync(HttpContext http, string siteId, string queryId, SiteAccess access, QueryCancelling cancelling)
    {
        var (site, refusal) = access.ForReading(http.Integrator(), siteId);
        if (site is null)
            return refusal!;
        return Guid.TryParse(queryId, out var id) && await cancelling.AskAsync(http.Integrator().Id, site.Id, id) is var (query, wasFinal)
            ? TypedResults.Json(query, HaloJson.Default.Query, statusCode: wasFinal ? 200 : 202)
            : Refusal.NotFound("You have no such query at this site.");
    }
}
