using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Settling;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries;

/// <summary>Queries as their readers see them now.</summary>
/// <remarks>
/// What waited longer than it may is expired from that moment on, whoever writes it: so its reader does, before it says so.
/// A claim that was begun in time, and is committed meanwhile, wins; then that is what is read.
/// </remarks>
sealed class QueryReader(QueryStore store, Deadlines deadlines, SettlementEffects effects, TimeProvider time)
{
    /// <summary>A query of this integrator at this site; null: there is none with this id.</summary>
    public async Task<QueryRecord?> FindAsync(Guid integratorId, Guid siteId, Guid queryId) =>
        (await FindManyAsync(integratorId, siteId, [queryId])).SingleOrDefault();

    /// <inheritdoc cref="QueryStore.FindManyAsync"/>
    public Task<IReadOnlyList<QueryRecord>> FindManyAsync(Guid integratorId, Guid? siteId, IReadOnlyCollection<Guid> queryIds) =>
        ReadAsync(_ => store.FindManyAsync(integratorId, siteId, queryIds));

    /// <summary>Queries without their pages, newest first.</summary>
    /// <param name="withDetails">False: what only its integrator may read stays encrypted.</param>
    public Task<IReadOnlyList<QueryRecord>> ListAsync(QueryFilter wanted, bool withDetails = true) =>
        ReadAsync(now => store.ListAsync(wanted, now, withDetails));

    async Task<IReadOnlyList<QueryRecord>> ReadAsync(Func<DateTimeOffset, Task<IReadOnlyList<QueryRecord>>> read)
    {
        var now = time.GetUtcNow();
        while (true)
        {
            var found = await read(now);
            var over = found.Where(q => q.Status == QueryStatus.Queued && q.DeadlineAt <= now).Select(q => q.Id).ToList();
            if (over.Count == 0)
                return found;
            await effects.ApplyAsync(await deadlines.ExpireAsync(over, now));
        }
    }
}
