using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Requests;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>Has a site's database describe a command. It goes the way of an immediate query, with its lane, limits and record, and nothing of it runs.</summary>
sealed class DescribeEndpoint(
    SiteAccess access, RequestBodies bodies, QueryRequestReader reader, QueryAdmission admission, ImmediateQueries immediate, ILinkGateway gateway, ImmediateResponseWriter writer)
{
    static readonly Refusal TooOld = new(409, ErrorCodes.Conflict,
        "The site's Halo Link is too old to describe a command without running it. Nothing ran. Ask the practice to update Halo Link.");

    /// <summary>Handles one request.</summary>
    public async Task<IResult> HandleAsync(HttpContext http, string siteId)
    {
        var caller = http.Caller();
        var (site, noSite) = access.ForQuery(caller, siteId);
        if (site is null)
            return noSite!.ToResult();
        var (body, unreadable) = await bodies.ReadAsync(http);
        if ((unreadable ?? admission.Backlog) is { } full)
            return full.ToResult();
        var (submission, invalid) = Read(http, body, site);
        if (await admission.TakeAsync(caller, site.Id, invalid) is { } refusal)
            return refusal.ToResult();
        using var answer = await immediate.RunAsync(caller, site, submission!, null, http.RequestAborted, default);
        if (answer!.Status == 200 && access.ForReading(caller, site.Id).Refusal is null)
            return TypedResults.Json(DescriptionOf(answer.Query), HaloJson.Default.CommandDescription);
        await writer.WriteAsync(http, caller, answer);
        return TypedResults.Empty;
    }

    (QuerySubmission? Submission, Refusal? Refusal) Read(HttpContext http, ReadOnlyMemory<byte> body, SiteRecord site)
    {
        var (read, invalid) = reader.Read(body, QueryMode.Immediate, site);
        if (read is null)
            return (null, invalid);
        if (read.Batch is not null)
            return (null, Refusal.Invalid(read.Command.ParameterSets is null ? "commands" : "command.parameterSets", "is of queries that run: one command is described, with its parameters or without."));
        // What may be connected by then instead refuses what it does not know, and runs nothing.
        if (gateway.Find(site.LinkId) is { DescribesCommands: false })
            return (null, TooOld);
        return (read with { Kind = SubmissionKind.Description, Notices = Notice.Join(RequestParameters.NoticesOf(http), read.Notices) }, null);
    }

    static CommandDescription DescriptionOf(Query query) => new(query.Id, query.Result?.Columns ?? [],
        [.. (query.Result?.Parameters ?? []).Select(p => new DescribedParameter(p.Name, p.Direction, p.Type, p.DatabaseType))])
    {
        Notices = query.Notices,
    };
}
