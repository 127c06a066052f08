using Halo.Api.Errors;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Settling;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Idempotency;

/// <summary>Stops the query that a key began, or is about to begin.</summary>
/// <remarks>
/// A key is bound in the transaction that accepts its query. A request that still waits before that (for its site, for room) waits no longer, and binds nothing. One
/// that is being accepted is waited for, and its query is cancelled as any other: the wish is in the ledger, and the command that is just leaving is followed by its Cancel.
/// </remarks>
sealed class KeyedCancelling(IdempotencyStore store, IdempotencyClaims claims, QueryCancelling cancelling, QueryWaiters waiters)
{
    static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(10);

    /// <summary>Asks for the query of a key to be stopped.</summary>
    /// <returns>Where it stands now, and whether it was final before; null: this integrator has no query of this key at this site, and none is about to begin.</returns>
    /// <exception cref="RefusedException">The service stops, or its store cannot be used.</exception>
    public async Task<(Query Query, bool WasFinal)?> AskAsync(Guid integratorId, Guid siteId, string key, CancellationToken callerGone)
    {
        while (true)
        {
            // Before the look at what the key is bound to, so that none falls between.
            var underWay = claims.Find(integratorId, key).Where(c => c.SiteId == siteId).ToList();
            await Task.WhenAll(underWay.Select(c => c.WithdrawAsync()));
            var bound = (await store.FindAsync(integratorId, key).OrRefuseAsync())?.QueryId;
            // Its key may still lead to an earlier query that never ran.
            if (underWay.FirstOrDefault(c => c.QueryId != bound && !c.HasEnded) is { } undecided)
                await WhenDecidedAsync(undecided, callerGone);
            else if (underWay.All(c => c.QueryId == bound))
                return bound is { } queryId ? await cancelling.AskAsync(integratorId, siteId, queryId) : null;
        }
    }

    /// <summary>Until its query is accepted, or it has ended without one.</summary>
    async Task WhenDecidedAsync(IdempotencyClaim claim, CancellationToken callerGone)
    {
        await claim.Tried.WaitAsync(callerGone);
        using var waiter = waiters.Begin(claim.QueryId, LookAgainAfter, callerGone);
        if (claim.HasEnded || (await store.FindAsync(claim.Name.IntegratorId, claim.Name.Key).OrRefuseAsync())?.QueryId == claim.QueryId)
            return;
        if (waiters.IsStopped)
            throw new RefusedException(new Refusal(503, ErrorCodes.ServiceUnavailable, "The service is stopping, and this key's query is just being accepted. Ask again shortly."));
        await waiter.Ended;
        callerGone.ThrowIfCancellationRequested();
    }
}
