using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Submission;
using Halo.Api.Queries.Waiting;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Halo.Api.Queries.Idempotency;

/// <summary>Queries with an <c>Idempotency-Key</c>: the first is carried out, a repeat gets its answer, and nothing runs twice.</summary>
/// <remarks>
/// (1) A bound key is answered from what it is bound to, waiting while that runs. (2) A free one is bound in the transaction that
/// accepts the query, before anything is sent; of many at once one wins and the others go to (1). (3) The answer is kept before
/// it is given. A query that ended 503 and never ran binds nothing: the next request takes its key over.
/// </remarks>
sealed class IdempotentQueries(
    SiteAccess access, QueryDoor door, IdempotencyStore store, QueryLedger ledger, QueryWaiters waiters, ResultMemory memory, TimeProvider time)
{
    const string ReplayedHeader = "Halo-Replayed";
    // So much is held without asking.
    const int SmallBytes = 16 * 1024;

    /// <summary>Carries a request out, or repeats the answer that it had.</summary>
    public async Task<IResult> SubmitAsync(HttpContext http, string siteId, QueryMode? mode, string key, WantedForm wanted)
    {
        var (site, noSite) = access.ForReading(http.Caller(), siteId);
        if (site is null)
            return noSite!;
        var (body, unreadable) = await door.ReadBodyAsync(http);
        if ((unreadable ?? access.ForReading(http.Caller(), siteId).Refusal) is { } refused)
            return refused;
        var request = IdempotentRequest.Of(http.Integrator().Id, key, http.Request, body.Span);
        var freed = Guid.Empty;
        while (true)
        {
            // Where the store fails, a query that has the key may have run, but this request begins none.
            if (await store.FindAsync(request).OrRefuseAsync() is { } bound && bound.QueryId != freed)
            {
                if (!bound.Hash.AsSpan().SequenceEqual(request.Hash))
                {
                    return new Refusal(422, ErrorCodes.IdempotencyKeyReused,
                        "This Idempotency-Key was used within 24 hours for a request with another method, path or body. Use a new key for a new request.");
                }
                if (await RepeatAsync(http, request, site, bound.QueryId, door.PatienceOf(body, mode, site), wanted.IntegersAsText) is { } repeated)
                    return repeated;
                freed = bound.QueryId;
            }
            var (asked, submission, refusal) = await door.ExamineAsync(http, siteId, body, mode);
            if (refusal is not null)
                return refusal;
            submission = submission! with { KeyHash = request.KeyHash };
            var binding = new KeyBinding(store, request, freed);
            var answer = submission.Mode == QueryMode.Async ? await AcceptAsync(http, request, asked!, submission, binding)
                : wanted.StreamFor(submission.Command) is { } form ? await StreamAsync(http, request, asked!, submission, binding, form, wanted.IntegersAsText)
                : await RunAsync(http, request, asked!, submission, binding, wanted.IntegersAsText);
            if (answer is not null)
                return answer;
        }
    }

    /// <summary>With a key a caller that goes away does not cancel: it will come back and ask again.</summary>
    async Task<IResult?> RunAsync(
        HttpContext http, IdempotentRequest request, SiteRecord site, QuerySubmission submission, KeyBinding binding, bool integersAsText)
    {
        ImmediateAnswer? answer;
        try
        {
            answer = await door.Immediate.RunAsync(http.Caller(), site, submission, binding.TryAsync, CancellationToken.None);
            if (answer is not null)
                await KeepAsync(request, binding, answer);
        }
        finally
        {
            waiters.Wake(binding.End());
        }
        return answer is null ? null : new AnswerResult(door.Writer, answer, integersAsText);
    }

    /// <summary>Rows that were streamed are not kept: a repeat gets the query's state, a failure before them its own answer.</summary>
    async Task<IResult?> StreamAsync(
        HttpContext http, IdempotentRequest request, SiteRecord site, QuerySubmission submission, KeyBinding binding, RowForm form, bool integersAsText)
    {
        try
        {
            var keyed = new KeyedRun(binding.TryAsync, answer => KeepAsync(request, binding, answer));
            return await door.Streams.SendAsync(http, site, submission, form, integersAsText, keyed) ? TypedResults.Empty : null;
        }
        finally
        {
            waiters.Wake(binding.End());
        }
    }

    async Task KeepAsync(IdempotentRequest request, KeyBinding binding, ImmediateAnswer answer)
    {
        if (binding.Bound && QueryLifecycle.IsFinal(answer.Query.Status) && !NeverRan(answer.Query, answer.Status))
        {
            // Once as it is kept, once sealed.
            answer.Copied(2 * (answer.Query.ResultSize ?? 0));
            await store.KeepAsync(request, answer.Query.Id, new(answer.Status, answer.Query, answer.Rows));
        }
    }

    async Task<IResult?> AcceptAsync(HttpContext http, IdempotentRequest request, SiteRecord site, QuerySubmission submission, KeyBinding binding)
    {
        try
        {
            if (await door.Async.AcceptAsync(http.Integrator(), site, submission, binding.TryAsync) is not { } query)
                return null;
            await store.KeepAsync(request, query.Id, new(201, query, null));
            return Accepted(http, query);
        }
        finally
        {
            waiters.Wake(binding.End());
        }
    }

    /// <returns>Null: the query that has the key never ran, and the key is free.</returns>
    async Task<IResult?> RepeatAsync(HttpContext http, IdempotentRequest request, SiteRecord site, Guid queryId, TimeSpan patience, bool integersAsText)
    {
        var until = time.GetUtcNow() + patience;
        for (var waited = false; ; waited = true)
        {
            using var waiter = waiters.Begin(queryId, until - time.GetUtcNow(), http.RequestAborted);
            var query = await ledger.FindAsync(request.IntegratorId, site.Id, queryId) is { } record ? QueryView.Of(record) : null;
            if (!store.IsRunning(queryId))
            {
                if (await OpenAsync(http, request, queryId, until, integersAsText) is { } kept)
                    return kept;
                if (query is { Mode: QueryMode.Async })
                    return Replayed(http, Accepted(http, query));
                if (query is not null && QueryLifecycle.IsFinal(query.Status))
                {
                    var answer = ImmediateAnswer.Of(query);
                    return NeverRan(query, answer.Status) && !waited ? null : Replayed(http, new AnswerResult(door.Writer, answer, integersAsText));
                }
            }
            if (query is not null && (time.GetUtcNow() >= until || waiters.IsStopped))
                return new AnswerResult(door.Writer, ImmediateAnswer.StillRunning(query), integersAsText);
            await waiter.Ended;
            http.RequestAborted.ThrowIfCancellationRequested();
            if (access.ForReading(http.Caller(), site.Id).Refusal is { } taken)
                return taken;
        }
    }

    /// <summary>The answer that was kept, once there is room for it; null: none was.</summary>
    async Task<IResult?> OpenAsync(HttpContext http, IdempotentRequest request, Guid queryId, DateTimeOffset until, bool integersAsText)
    {
        ResultMemory.Share? room = null;
        if (await store.SizeAsync(request, queryId) is > SmallBytes and var size)
        {
            var patience = until - time.GetUtcNow();
            using var limit = new CancellationTokenSource(patience > TimeSpan.Zero ? patience : TimeSpan.Zero, time);
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, http.RequestAborted);
            // As it is kept, and sealed.
            room = await memory.EnterWholeAsync(2 * size, giveUp.Token);
            if (room is null)
            {
                return new Refusal(503, ErrorCodes.QueueFull, "The answer is kept, and the service holds as many rows for callers as it may. Ask for it again shortly.")
                {
                    RetryAfter = TimeSpan.FromSeconds(5),
                };
            }
        }
        var opened = false;
        try
        {
            if (await store.OpenAsync(request, queryId) is not { } kept)
                return null;
            opened = kept.Query.Mode == QueryMode.Immediate;
            return Replayed(http, opened ? new AnswerResult(door.Writer, ImmediateAnswer.Of(kept, room), integersAsText) : Accepted(http, kept.Query));
        }
        finally
        {
            if (!opened)
                room?.Dispose();
        }
    }

    static bool NeverRan(Query query, int status) => status == 503 && query.Executed == Executed.No;

    static JsonHttpResult<Query> Accepted(HttpContext http, Query query)
    {
        http.Response.Headers.Location = $"/integrator/sites/{query.SiteId}/queries/{query.Id}";
        return TypedResults.Json(query, HaloJson.Default.Query, statusCode: 201);
    }

    static IResult Replayed(HttpContext http, IResult answer)
    {
        http.Response.Headers[ReplayedHeader] = "true";
        return answer;
    }

    /// <summary>Writes an answer and gives its buffers back.</summary>
    sealed class AnswerResult(ImmediateAnswerWriter writer, ImmediateAnswer answer, bool integersAsText) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            using (answer)
                await writer.WriteAsync(httpContext, answer, integersAsText);
        }
    }
}
