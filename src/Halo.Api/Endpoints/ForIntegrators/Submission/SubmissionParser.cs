using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Requests;
using Halo.Api.Results.Negotiation;
using Halo.Api.Routing;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>Turns an HTTP request into a submitted query: key, wanted form, site and body, each read once.</summary>
sealed class SubmissionParser(SiteAccess access, QueryAdmission admission, QueryRequestReader reader, RequestBodies bodies, ILinkGateway gateway)
{
    /// <summary>Reads a request, or tells why it is refused whatever its body says.</summary>
    /// <param name="mode">How it is answered; null where the body says it.</param>
    public async Task<(SubmittedQuery? Submitted, Refusal? Refusal)> ParseAsync(HttpContext http, string siteId, QueryMode? mode)
    {
        var (key, noKey) = IdempotentRequest.KeyOf(http.Request);
        if (noKey is not null)
            return (null, noKey);
        var (wanted, unknown) = ResponseFormat.Read(http.Request);
        if (wanted is null)
            return (null, unknown);
        var caller = http.Caller();
        // A repeat with a key has its answer also of a site that is not queried any more.
        var (site, noSite) = key is null ? access.ForQuery(caller, siteId) : access.ForReading(caller, siteId);
        if (site is null)
            return (null, noSite);
        var (body, unreadable) = await bodies.ReadAsync(http);
        if (unreadable is not null)
            return (null, unreadable);
        // A repeat with a key costs the store nothing new.
        if (key is null && admission.Backlog is { } full)
            return (null, full);
        var (read, faulty) = reader.Read(body, mode, site);
        if (read is { Batch: not null } && gateway.Find(site.LinkId) is { RunsBatches: false })
            (read, faulty) = (null, QuerySubmission.LinkTooOld);
        var (submission, invalid) = read is null ? (null, faulty) : WithExtras(read, http.Request);
        return (new SubmittedQuery(caller, site, wanted)
        {
            Submission = submission,
            Invalid = invalid,
            Key = key is null ? null : IdempotentRequest.Of(caller.Integrator.Id, key, http.Request, body.Span),
        }, null);
    }

    /// <summary>What stands beside the body: the wanted result set and the caller's tag.</summary>
    public static (QuerySubmission? Submission, Refusal? Refusal) WithExtras(QuerySubmission submission, HttpRequest request)
    {
        List<FieldError>? faults = null;
        var resultSet = 1;
        if (request.Query.TryGetValue("resultSet", out var wanted) && !(int.TryParse(wanted, out resultSet) && resultSet >= 1))
            (faults ??= []).Add(new("resultSet", "must be a whole number from 1."));
        else if (resultSet > 1 && submission.Batch is not null)
            (faults ??= []).Add(new("resultSet", "chooses among the result sets of one command; a batch answers with the first of each of its commands."));
        else if (resultSet > 1 && submission.Command.ExecutionMode == ExecutionMode.NonQuery)
            (faults ??= []).Add(new("resultSet", "chooses among the result sets of a reader or scalar; a nonQuery has none."));
        var tag = request.Headers["Halo-Tag"].ToString();
        if (tag.Length > 64)
            (faults ??= []).Add(new("Halo-Tag", "must have at most 64 characters."));
        return faults is not null
            ? (null, Refusal.Invalid(faults))
            : (submission with
            {
                ResultSet = resultSet,
                Tag = tag.Length == 0 ? null : tag,
                Notices = Notice.Join(RequestParameters.NoticesOf(request.HttpContext), submission.Notices),
            }, null);
    }
}
