using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.OpenApi;
using Halo.Api.Queries.Registered;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api.Endpoints.ForIntegrators.Registered;

/// <summary>Queries that the practice's Link runs by itself.</summary>
static class RegisteredApi
{
    static readonly RegisteredQueryRequest AskExample = new()
    {
        Name = "Appointments of today",
        RegisteredQueryType = "query",
        Frequency = 60,
        Duration = 3600,
        RegisterCommand = new() { Command = new("SELECT id, patient_id, starts_at, state FROM appointments WHERE starts_at::date = current_date"), Catalogue = "Patients" },
        Changes = new(["id"]),
    };

    static readonly RegisteredQuery Example = new()
    {
        Id = Examples.QueryId,
        Name = "Appointments of today",
        RegisteredQueryType = "query",
        Frequency = 60,
        Duration = 3600,
        Status = RegisteredQueryStatus.Enabled,
        LastHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        Metrics = new()
        {
            LastSucceededAt = Examples.At.AddSeconds(61),
            LastExecutionDuration = 12,
            ExecutionSucceededCount = 2,
            ExecutionFailedCount = 0,
            ResultSizeSum = 342,
            RequestSize = 312,
        },
        CreatedAt = Examples.At,
        ExpiresAt = Examples.At.AddHours(1),
    };

    public static void MapRegisteredApi(this IEndpointRouteBuilder routes)
    {
        var registered = routes.MapGroup("/integrator/sites/{siteId}/queries/registered").WithTags("Registered queries");
        registered.MapPost("", RegisterAsync)
            .Says("RegisterQuery", "Have the practice's Halo Link run a query by itself",
                "It is run at once and then every frequency seconds until duration is over; the result is sent when it changed. It has a lane below immediate and async queries and never holds them up. Where the site is online its database describes the command first, for at most 5 s: what it refuses is answered with 400.")
            .Asks("All but changes and deliverFirst are required.", AskExample, HaloJson.Default.RegisteredQueryRequest)
            .Answers(202, "Registered.", new RegisteredQueryAccepted(Examples.QueryId), HaloJson.Default.RegisteredQueryAccepted)
            .Refuses(400, ErrorCodes.InvalidRequest, "frequency: must be a whole number of seconds from 60 to 86400.")
            .Refuses(409, ErrorCodes.Conflict, "You have as many registered queries at this site as are allowed (Conflict), or its Halo Link is too old (VersionTooOld).")
            .RefusesSite();
        registered.MapGet("", ListAsync)
            .Says("ListRegisteredQueries", "Your registered queries at a site that still run", "Oldest first.")
            .Answers(200, "All of them.", new RegisteredQueryList([Example]), HaloJson.Default.RegisteredQueryList)
            .RefusesSite();
        registered.MapGet("/{id}", FindAsync)
            .Says("GetRegisteredQuery", "One registered query", "Also one that has ended, for as long as its row is kept.")
            .Answers(200, "Where it stands.", Example, HaloJson.Default.RegisteredQuery)
            .Refuses(404, ErrorCodes.NotFound, "You have no such registered query at this site.")
            .RefusesSite();
        registered.MapDelete("/{id}", CancelAsync)
            .Says("CancelRegisteredQuery", "End a registered query", "Its newest result can be read for 24 hours.")
            .AnswersNothing(204, "It has ended.")
            .Refuses(404, ErrorCodes.NotFound, "You have no such registered query at this site.")
            .RefusesSite();
        registered.MapPost("/{id}/renew", RenewAsync)
            .Says("RenewRegisteredQuery", "Let a registered query run on", "Its time begins anew, with the duration given or the one that it has.")
            .Asks("Nothing, or a duration.", new RegisteredQueryRequest { Duration = 3600 }, HaloJson.Default.RegisteredQueryRequest, optional: true)
            .Answers(200, "Renewed.", Example, HaloJson.Default.RegisteredQuery)
            .Refuses(400, ErrorCodes.InvalidRequest, "duration: must be a whole number of seconds from 1 to 86400.")
            .Refuses(404, ErrorCodes.NotFound, "You have no such registered query at this site.")
            .Refuses(409, ErrorCodes.Conflict, "It has ended; register it again.")
            .RefusesSite();
        registered.MapRegisteredResultsApi();
    }

    static async Task<IResult> RegisterAsync(HttpContext http, string siteId, SiteAccess access, RequestBodies bodies, RegisteredRequestReader reader, RegisteredQueries queries)
    {
        var (site, refusal) = access.ForQuery(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        var (body, unreadable) = await bodies.ReadAsync(http);
        if ((unreadable ?? access.ForQuery(http.Caller(), site.Id).Refusal) is { } refused)
            return refused.ToResult();
        var (registration, faulty) = reader.Read(body, site);
        if (registration is null)
            return faulty!.ToResult();
        var (id, conflict) = await queries.RegisterAsync(http.Caller(), site, registration, http.RequestAborted);
        if (conflict is not null)
            return conflict.ToResult();
        http.Response.Headers.Location = $"/integrator/sites/{site.Id}/queries/registered/{id}";
        return TypedResults.Json(new RegisteredQueryAccepted(id), HaloJson.Default.RegisteredQueryAccepted, statusCode: 202);
    }

    static async Task<IResult> ListAsync(HttpContext http, string siteId, SiteAccess access, RegisteredQueries queries)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        return site is null ? refusal!.ToResult()
            : TypedResults.Json(new RegisteredQueryList(await queries.ListAsync(http.Integrator().Id, site.Id)), HaloJson.Default.RegisteredQueryList);
    }

    static async Task<IResult> FindAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredQueries queries)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        return Guid.TryParse(id, out var known) && await queries.FindAsync(http.Integrator().Id, site.Id, known) is { } query
            ? TypedResults.Json(query, HaloJson.Default.RegisteredQuery)
            : RegisteredQueries.Unknown.ToResult();
    }

    static async Task<IResult> CancelAsync(HttpContext http, string siteId, string id, SiteAccess access, RegisteredQueries queries)
    {
        var (site, refusal) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        return Guid.TryParse(id, out var known) && await queries.CancelAsync(http.Integrator().Id, site, known)
            ? TypedResults.NoContent()
            : RegisteredQueries.Unknown.ToResult();
    }

    static async Task<IResult> RenewAsync(HttpContext http, string siteId, string id, SiteAccess access, RequestBodies bodies, RegisteredQueries queries)
    {
        var (site, refusal) = access.ForQuery(http.Caller(), siteId);
        if (site is null)
            return refusal!.ToResult();
        var body = ReadOnlyMemory<byte>.Empty;
        // None is needed, and none has a type.
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            var (read, unreadable) = await bodies.ReadAsync(http);
            if ((unreadable ?? access.ForQuery(http.Caller(), site.Id).Refusal) is { } refused)
                return refused.ToResult();
            body = read;
        }
        var (duration, faulty) = RegisteredRequestReader.ReadRenewal(body);
        if (faulty is not null)
            return faulty.ToResult();
        var (query, ended) = Guid.TryParse(id, out var known) ? await queries.RenewAsync(http.Integrator().Id, site, known, duration) : (null, RegisteredQueries.Unknown);
        return query is null ? ended!.ToResult() : TypedResults.Json(query, HaloJson.Default.RegisteredQuery);
    }
}
