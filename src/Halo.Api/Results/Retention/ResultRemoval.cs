using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Results.Pages;
using Halo.Api.Sites;
using Halo.Contracts.Errors;

namespace Halo.Api.Results.Retention;

/// <summary>Removes the results of a query at its integrator's wish, before their time is over.</summary>
/// <remarks>
/// First the rows, in one transaction: manifest, the query's key, its details, and the answer that is kept for repeats. From then on nothing can be read, whatever is left of
/// the bytes. Then those: what is read just now goes when its last reader has left, and what a kill or a fault leaves is found by <see cref="OrphanedPages"/>.
/// </remarks>
sealed partial class ResultRemoval(
    SiteAccess access, LedgerRetention ledger, QueryReader queries, PendingQueries pending, IdempotencyStore answers, IPageStore pages, ILogger<ResultRemoval> log)
{
    /// <summary>Removes them.</summary>
    /// <returns>Why not; null: they are gone, by this call or before.</returns>
    public async Task<Refusal?> RemoveAsync(IntegratorCaller caller, string siteId, string queryId)
    {
        var (site, refusal) = access.ForReading(caller, siteId);
        if (site is null)
            return refusal;
        // Looked at first: what waited too long becomes final by that.
        if (!Guid.TryParse(queryId, out var id) || await FindAsync(caller.Integrator.Id, site.Id, id) is not { } query)
            return Refusal.NotFound("You have no such query at this site.");
        if (!QueryLifecycle.IsFinal(query.Status))
            return NotFinal(query);
        var removed = 0L;
        await ledger.RemoveResultsAsync(query.IntegratorId, query.SiteId, id, async t => removed = await answers.RemoveAnswerAsync(t, id));
        answers.Removed(removed);
        try
        {
            await pages.DeleteAsync(id, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotRemoved(id, e.GetType().Name);
        }
        return null;
    }

    async Task<QueryRecord?> FindAsync(Guid integratorId, Guid siteId, Guid queryId)
    {
        await pending.TryFlushAsync(queryId);
        return await queries.FindAsync(integratorId, siteId, queryId);
    }

    static Refusal NotFinal(QueryRecord query) => new(409, ErrorCodes.Conflict,
        $"The query is {QueryLifecycle.Word(query.Status)}; its results can be removed once it has ended. DELETE …/queries/{query.Id} stops it.");

    [LoggerMessage(1325, LogLevel.Warning, "Failed to remove stored pages of query {QueryId}, whose results its integrator removed ({Exception}). They cannot be read; the next start removes them.")]
    partial void LogNotRemoved(Guid queryId, string exception);
}
