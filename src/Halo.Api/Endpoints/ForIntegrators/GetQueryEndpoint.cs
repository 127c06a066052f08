using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Settling;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Where a query stands, now or as soon as it is final.</summary>
static class GetQueryEndpoint
{
    const int LongestMs = 60_000;

    /// <summary>How long its caller waits for the end.</summary>
    public static readonly Input Wait = Input.Whole("wait", "Longest to wait for the end, in milliseconds, 0 to 60000.", 0, LongestMs, 0);

    public static void MapWaitingApi(this RouteGroupBuilder queries) =>
        queries.MapGet("/{queryId}", GetAsync)
            .Says("GetQuery", "Where a query stands", "Immediate queries are found too, without their rows. With wait it answers as soon as the query is final.")
            .Takes(Wait)
            .Answers(200, "The query.", Examples.Export, HaloJson.Default.Query)
            .Refuses(400, ErrorCodes.InvalidRequest, "wait: must be a whole number of milliseconds from 0 to 60000.")
            .RefusesSite();

    static async Task<IResult> GetAsync(HttpContext http, string siteId, string queryId, string? wait, SiteAccess access, AsyncQueries queries, QueryWaiters waiters)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        var (waitMs, badWait) = ReadWait(wait);
        if (badWait is not null)
            return badWait.ToResult();
        var query = Guid.TryParse(queryId, out var id) ? await queries.ShowAsync(http.Integrator().Id, site.Id, id) : null;
        if (query is not null && waitMs > 0 && !QueryLifecycle.IsFinal(query.Status))
        {
            query = await WaitAsync(http, site, id, waitMs, queries, waiters);
            if (access.ForReading(http.Caller(), siteId).Refusal is { } taken)
                return taken.ToResult();
        }
        return query is null
            ? Refusal.NotFound("You have no such query at this site.")
           .ToResult() : TypedResults.Json(query, HaloJson.Default.Query);
    }

    /// <summary>Milliseconds to wait; 0: not at all.</summary>
    public static (int Milliseconds, Refusal? Refusal) ReadWait(string? wait)
    {
        var milliseconds = 0;
        return wait is null || int.TryParse(wait, NumberStyles.None, CultureInfo.InvariantCulture, out milliseconds) && milliseconds <= LongestMs
            ? (milliseconds, null)
            : (0, Refusal.Invalid("wait", $"must be a whole number of milliseconds from 0 to {LongestMs}."));
    }

    static async Task<Query?> WaitAsync(HttpContext http, SiteRecord site, Guid id, int waitMs, AsyncQueries queries, QueryWaiters waiters)
    {
        using var waiter = waiters.Begin(id, TimeSpan.FromMilliseconds(waitMs), http.RequestAborted);
        var query = await queries.ShowAsync(http.Integrator().Id, site.Id, id);
        if (query is null || QueryLifecycle.IsFinal(query.Status))
            return query;
        await waiter.Ended;
        http.RequestAborted.ThrowIfCancellationRequested();
        return await queries.ShowAsync(http.Integrator().Id, site.Id, id);
    }
}
