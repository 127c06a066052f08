using Halo.Api.Capacity;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Async;

/// <summary>Takes async queries in: durable first, then the Link is told that there is work.</summary>
sealed class AsyncQueries(
    AsyncQueue queue, ImmediateLedger refused, Cancellations cancellations, QueryReader queries, SettlementEffects effects, DeadlineWatch deadlines, SiteAccess access,
    ILinkGateway gateway, Availability availability, QueryAdmission admission, PendingQueries pending, FreeSpace disk, QueryLimits limits, TimeProvider time)
{
    static readonly AcceptCondition Always = static (_, _) => Task.FromResult(true);

    /// <summary>Accepts a query; when this returns it is durable, or final.</summary>
    /// <param name="condition">What has to hold in the accepting transaction; null: nothing.</param>
    /// <returns>Null: the condition does not hold, and nothing is stored.</returns>
    /// <exception cref="RefusedException">The store or the queue has no room, or the caller's right was taken away meanwhile.</exception>
    public Task<Query?> AcceptAsync(IntegratorCaller caller, SiteRecord site, QuerySubmission submission, AcceptCondition? condition) =>
        TryAcceptAsync(caller, site, submission, condition).OrRefuseAsync(unlessStored: true);

    async Task<Query?> TryAcceptAsync(IntegratorCaller caller, SiteRecord site, QuerySubmission submission, AcceptCondition? condition)
    {
        var query = submission.ToNewQuery(caller.Integrator.Id, site.Id, limits, time.GetUtcNow());
        if (submission.MaxTimeInQueue == 0 && availability.Of(site.LinkId) is var there && there != SiteAvailability.Online)
        {
            var end = ImmediateSettlements.SiteAway(there);
            if (!await refused.RecordRefusedAsync(query, end, condition ?? Always))
                return null;
            effects.Apply(query.Id, query.Mode, end.Status);
            return await ShowAsync(query.IntegratorId, query.SiteId, query.Id);
        }
        disk.Demand();
        if (await StoreAsync(query, submission, condition) is not { } stored)
            return null;
        // Whoever took the right away before this was stored has not found it in the queue. Whoever does so from here on cancels what is queued once more.
        if (access.ForQuery(caller, site.Id).Refusal is { } taken && await TakeBackAsync(query.Id, taken))
            throw new RefusedException(taken);
        if (gateway.Find(site.LinkId) is { } session)
            session.WorkAvailable();
        // Not read again: it costs a look, and the Link may have claimed it meanwhile.
        return QueryView.Of(stored);
    }

    /// <returns>False: its Link had claimed it by then, or the store cannot be asked.</returns>
    async Task<bool> TakeBackAsync(Guid queryId, Refusal taken)
    {
        try
        {
            var settled = await cancellations.CancelQueuedAsync([queryId], taken.Code == ErrorCodes.SiteUninstalled ? FailureCodes.SiteUninstalled : FailureCodes.CancelledByOperator);
            await effects.ApplyAsync(settled);
            return settled.Count > 0;
        }
        catch (StorageException)
        {
            // It is stored: nobody may be told that it is not. Whoever took the right away cancels it once more.
            return false;
        }
    }

    async Task<QueryRecord?> StoreAsync(NewQuery query, QuerySubmission submission, AcceptCondition? condition)
    {
        var count = await admission.AddQueuedAsync(query.SiteId);
        QueryRecord? stored;
        try
        {
            stored = await queue.AcceptAsync(query, submission.Command, condition, submission.Batch);
        }
        catch (Exception e) when (e is not StorageException { NothingStored: false })
        {
            admission.RemoveQueued(query.SiteId, count);
            throw;
        }
        if (stored is null)
            admission.RemoveQueued(query.SiteId, count);
        else if (stored.DeadlineAt is { } deadline)
            deadlines.Hint(deadline);
        return stored;
    }

    /// <summary>One of an integrator's own queries, immediate ones too.</summary>
    public async Task<Query?> ShowAsync(Guid integratorId, Guid siteId, Guid queryId)
    {
        await pending.TryFlushAsync(queryId);
        return await queries.FindAsync(integratorId, siteId, queryId) is { } record ? QueryView.Of(record) : null;
    }
}
