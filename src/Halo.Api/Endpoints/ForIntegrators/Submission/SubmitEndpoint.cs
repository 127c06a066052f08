using Halo.Api.Errors;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>Takes queries in: (1) parse, (2) where it has a key, repeat the answer that it had, (3) admit, (4) run or queue, (5) answer.</summary>
sealed class SubmitEndpoint(
    SubmissionParser parser, IdempotentQueries keyed, QueryAdmission admission, ImmediateQueries immediate, AsyncQueries async,
    StreamedResponseWriter streams, ImmediateResponseWriter writer)
{
    public const string ReplayedHeader = "Halo-Replayed";

    /// <summary>Handles one request.</summary>
    /// <param name="mode">How it is answered; null where the body says it.</param>
    public async Task<IResult> HandleAsync(HttpContext http, string siteId, QueryMode? mode)
    {
        var (submitted, refusal) = await parser.ParseAsync(http, siteId, mode);
        if (submitted is null)
            return refusal!.ToResult();
        using var answer = submitted.Key is { } key
            ? await keyed.AnswerAsync(submitted.Caller, submitted.Site.Id, key, submitted.Submission, run => CarryOutAsync(http, submitted, run), http.RequestAborted)
            : await CarryOutAsync(http, submitted, null);
        return await WriteAsync(http, submitted, answer!);
    }

    /// <returns>Null: the key is another query's by now, and nothing was sent.</returns>
    async Task<SubmissionAnswer?> CarryOutAsync(HttpContext http, SubmittedQuery submitted, KeyedRun? run)
    {
        // The right may have been taken away while the body came, or while a query with the same key was waited for. Of what has no key the parser has just looked at the backlog.
        if (await admission.TakeAsync(submitted.Caller, submitted.Site.Id, submitted.Invalid ?? (run is null ? null : admission.Backlog)) is { } refusal)
            return SubmissionAnswer.Of(refusal);
        var submission = run is null ? submitted.Submission! : submitted.Submission! with { KeyHash = submitted.Key!.KeyHash };
        if (submission.Mode == QueryMode.Async)
            return SubmissionAnswer.Of(await async.AcceptAsync(submitted.Caller, submitted.Site, submission, run?.Condition));
        if (submitted.StreamForm is { } form)
            return await streams.SendAsync(http, submitted, submission, form, run) ? SubmissionAnswer.Streamed : null;
        // With a key a caller that goes away does not cancel: it will come back and ask again.
        return SubmissionAnswer.Of(await immediate.RunAsync(submitted.Caller, submitted.Site, submission, run?.Condition,
            run is null ? http.RequestAborted : CancellationToken.None, run?.Withdrawn ?? default));
    }

    async Task<IResult> WriteAsync(HttpContext http, SubmittedQuery submitted, SubmissionAnswer answer)
    {
        if (answer.Refusal is { } refusal)
            return refusal.ToResult();
        if (answer.IsReplay)
            http.Response.Headers[ReplayedHeader] = "true";
        if (answer.Accepted is { } query)
        {
            http.Response.Headers.Location = $"/integrator/sites/{query.SiteId}/queries/{query.Id}";
            return TypedResults.Json(query, HaloJson.Default.Query, statusCode: 201);
        }
        if (answer.Immediate is { } ended)
            await writer.WriteAsync(http, submitted.Caller, ended, submitted.Wanted.IntegersAsText);
        return TypedResults.Empty;
    }
}
