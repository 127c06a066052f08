using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Idempotency;

/// <summary>Queries with an <c>Idempotency-Key</c>: the first is carried out, a repeat gets its answer, and nothing runs twice.</summary>
/// <remarks>
/// (1) A bound key is answered from what it is bound to, waiting while that runs. (2) A free one is bound in the transaction that
/// accepts the query, before anything is sent; of many at once one wins and the others go to (1). (3) The answer is kept before
/// it is given. A query that ended 503 and never ran binds nothing: the next request takes its key over.
/// </remarks>
sealed class IdempotentQueries(
    SiteAccess access, IdempotencyStore store, IdempotencyClaims claims, QueryReader queries, QueryWaiters waiters, ResultMemoryBudget memory, QueryLimits limits, TimeProvider time)
{
    // So much is held without asking.
    const int SmallBytes = 16 * 1024;

    /// <summary>The key is another request's.</summary>
    public static Refusal Reused { get; } = new(422, ErrorCodes.IdempotencyKeyReused,
        "This Idempotency-Key was used within 24 hours for a request with another method, path or body. Use a new key for a new request.");

    /// <summary>Carries a request out, or repeats the answer that it had.</summary>
    /// <param name="submission">What it asks; null where that is not valid.</param>
    /// <param name="carryOut">Carries it out under a key; null: the key is another query's by then, and nothing was sent.</param>
    /// <param name="callerGone">Nobody waits for the answer any more.</param>
    public async Task<SubmissionAnswer> AnswerAsync(
        IntegratorCaller caller, Guid siteId, IdempotentRequest request, QuerySubmission? submission, Func<KeyedRun, Task<SubmissionAnswer?>> carryOut,
        CancellationToken callerGone)
    {
        if (access.ForReading(caller, siteId).Refusal is { } refused)
            return SubmissionAnswer.Of(refused);
        var freed = Guid.Empty;
        while (true)
        {
            // Where the store fails, a query that has the key may have run, but this request begins none.
            if (await store.FindAsync(request).OrRefuseAsync() is { } bound && bound.QueryId != freed)
            {
                if (!bound.Hash.AsSpan().SequenceEqual(request.Hash))
                    return SubmissionAnswer.Of(Reused);
                if (await RepeatAsync(caller, siteId, request, bound.QueryId, PatienceOf(submission), callerGone) is { } repeated)
                    return repeated;
                freed = bound.QueryId;
            }
            if (await FirstAsync(request, new(store, request, freed) { SiteId = siteId }, carryOut) is { } answer)
                return answer;
        }
    }

    async Task<SubmissionAnswer?> FirstAsync(IdempotentRequest request, IdempotencyClaim binding, Func<KeyedRun, Task<SubmissionAnswer?>> carryOut)
    {
        SubmissionAnswer? answer = null;
        using var disposed = binding;
        claims.Add(binding);
        try
        {
            answer = await carryOut(new(binding.TryAsync, ended => KeepAsync(request, binding, ended), binding.Withdrawn));
            if (answer is { Immediate: { } ended })
                await KeepAsync(request, binding, ended);
            else if (answer is { Accepted: { } query })
                await store.KeepAsync(request, query.Id, new(201, query, null));
            return answer;
        }
        catch
        {
            // It holds memory for rows that nobody is given.
            answer?.Dispose();
            throw;
        }
        finally
        {
            claims.Remove(binding);
            waiters.Wake(binding.End());
        }
    }

    /// <summary>How long a caller of this request expects to wait for its answer at most.</summary>
    TimeSpan PatienceOf(QuerySubmission? submission) => TimeSpan.FromMilliseconds(submission is { Mode: QueryMode.Immediate }
        ? (long)submission.MaxTimeInQueue + submission.ExecutionLimitMs(limits) + limits.GraceMs
        : QueryLimits.ImmediateQueueDefaultMs);

    /// <summary>Keeps an answer for repeats; rows that were streamed are not kept, so a repeat gets the query's state.</summary>
    async Task KeepAsync(IdempotentRequest request, IdempotencyClaim binding, ImmediateAnswer answer)
    {
        if (binding.Bound && QueryLifecycle.IsFinal(answer.Query.Status) && !NeverRan(answer.Query, answer.Status))
        {
            // Once as it is kept, once sealed.
            answer.Copied(2 * (answer.Query.ResultSize ?? 0));
            await store.KeepAsync(request, answer.Query.Id, new(answer.Status, answer.Query, answer.Rows));
        }
    }

    /// <returns>Null: the query that has the key never ran, and the key is free.</returns>
    async Task<SubmissionAnswer?> RepeatAsync(
        IntegratorCaller caller, Guid siteId, IdempotentRequest request, Guid queryId, TimeSpan patience, CancellationToken callerGone)
    {
        var begun = time.GetTimestamp();
        for (var waited = false; ; waited = true)
        {
            using var waiter = waiters.Begin(queryId, Left(), callerGone);
            var query = await queries.FindAsync(request.IntegratorId, siteId, queryId) is { } record ? QueryView.Of(record) : null;
            if (!store.IsRunning(queryId))
            {
                if (await OpenAsync(request, queryId, Left(), callerGone) is { } kept)
                    return kept;
                if (query is { Mode: QueryMode.Async })
                    return Replayed(SubmissionAnswer.Of(query));
                if (query is not null && QueryLifecycle.IsFinal(query.Status))
                {
                    var answer = ImmediateAnswer.Of(query);
                    return NeverRan(query, answer.Status) && !waited ? null : Replayed(SubmissionAnswer.Of(answer));
                }
            }
            if (query is not null && (Left() <= TimeSpan.Zero || waiters.IsStopped))
                return SubmissionAnswer.Of(ImmediateAnswer.StillRunning(query));
            await waiter.Ended;
            callerGone.ThrowIfCancellationRequested();
            if (access.ForReading(caller, siteId).Refusal is { } taken)
                return SubmissionAnswer.Of(taken);
        }

        TimeSpan Left() => patience - time.GetElapsedTime(begun);
    }

    /// <summary>The answer that was kept, once there is room for it; null: none was.</summary>
    async Task<SubmissionAnswer?> OpenAsync(IdempotentRequest request, Guid queryId, TimeSpan patience, CancellationToken callerGone)
    {
        ResultMemoryBudget.Share? room = null;
        if (await store.SizeAsync(request, queryId) is > SmallBytes and var size)
        {
            using var limit = new CancellationTokenSource(patience > TimeSpan.Zero ? patience : TimeSpan.Zero, time);
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, callerGone);
            // As it is kept, and sealed.
            room = await memory.EnterWholeAsync(2 * size, giveUp.Token);
            if (room is null)
            {
                return SubmissionAnswer.Of(new Refusal(503, ErrorCodes.QueueFull, "The answer is kept, and the service holds as many rows for callers as it may. Ask for it again shortly.")
                {
                    RetryAfter = TimeSpan.FromSeconds(5),
                });
            }
        }
        var opened = false;
        try
        {
            if (await store.OpenAsync(request, queryId) is not { } kept)
                return null;
            opened = kept.Query.Mode == QueryMode.Immediate;
            return Replayed(opened ? SubmissionAnswer.Of(ImmediateAnswer.Of(kept, room)) : SubmissionAnswer.Of(kept.Query));
        }
        finally
        {
            if (!opened)
                room?.Dispose();
        }
    }

    static bool NeverRan(Query query, int status) => status == 503 && query.Executed == Executed.No;

    static SubmissionAnswer Replayed(SubmissionAnswer? answer) => answer! with { IsReplay = true };
}

/// <summary>One attempt to carry a query out under an <c>Idempotency-Key</c>.</summary>
/// <param name="Condition">Binds the key in the transaction that accepts the query.</param>
/// <param name="KeepAsync">Keeps an answer without rows for repeats, where nobody else does: of a query whose rows are streamed.</param>
/// <param name="Withdrawn">The query is not wanted any more, as long as it is not accepted.</param>
sealed record KeyedRun(AcceptCondition Condition, Func<ImmediateAnswer, Task> KeepAsync, CancellationToken Withdrawn);
