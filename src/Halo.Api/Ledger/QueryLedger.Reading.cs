using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    /// <summary>How many queries are not final, and since when the oldest of them, by state.</summary>
    public async Task<IReadOnlyList<OpenQueries>> CountOpenAsync() => await database.ReadAsync(
        r => new OpenQueries(QueryLifecycle.Parse(r.GetString(0)), r.GetInt64(1), r.Time(2)),
        "SELECT status, COUNT(*), MIN(created_at) FROM queries WHERE deadline_at IS NOT NULL GROUP BY status");

    /// <summary>A query of this integrator at this site; null: there is none with this id.</summary>
    public async Task<QueryRecord?> FindAsync(Guid integratorId, Guid siteId, Guid queryId) =>
        (await FindManyAsync(integratorId, siteId, [queryId])).GetValueOrDefault(queryId);

    /// <summary>Those of up to some hundred ids that are this integrator's at this site.</summary>
    public async Task<IReadOnlyDictionary<Guid, QueryRecord>> FindManyAsync(Guid integratorId, Guid siteId, IReadOnlyCollection<Guid> queryIds)
    {
        if (queryIds.Count == 0)
            return new Dictionary<Guid, QueryRecord>();
        var (list, values) = LedgerSql.In([.. queryIds.Distinct()]);
        var rows = await ReadSettledAsync($"SELECT {QueryRecord.Columns} FROM queries WHERE id IN {list} AND integrator_id = @integrator AND site_id = @site",
            [.. values, ("integrator", integratorId), ("site", siteId)], time.GetUtcNow());
        var pages = await PagesOfAsync([.. rows.Where(r => r.Record.Mode == QueryMode.Async).Select(r => r.Record.Id)]);
        return rows.ToDictionary(r => r.Record.Id, r => r.Record with
        {
            Detail = r.Detail is null ? new() : LedgerSeal.OpenDetail(KeyOf(r.Record), r.Detail),
            Pages = [.. pages[r.Record.Id]],
        });
    }

    /// <summary>
    /// What waited longer than it may is expired from that moment on, whoever writes it: so its reader does, before it says so.
    /// A claim that was begun in time, and is committed meanwhile, wins; then that is what is read.
    /// </summary>
    async Task<List<(QueryRecord Record, byte[]? Detail)>> ReadSettledAsync(string sql, (string, object?)[] values, DateTimeOffset now)
    {
        while (true)
        {
            var rows = await database.ReadAsync(QueryRecord.Read, sql, values);
            var over = rows.Where(r => r.Record.Status == QueryStatus.Queued && r.Record.DeadlineAt <= now).Select(r => r.Record.Id).ToList();
            if (over.Count == 0)
                return rows;
            await ConcludeAsync(await database.WriteAsync(
                t => SettleManyAsync(t, over, QueryMode.Async, EndingAtDeadline(QueryStatus.Queued, cancelAsked: false), now.Ms(), dueOnly: true)));
        }
    }

    async Task<ILookup<Guid, PageRow>> PagesOfAsync(IReadOnlyList<Guid> ids)
    {
        List<PageRow> rows = [];
        if (ids.Count > 0)
        {
            var (list, values) = LedgerSql.In(ids);
            rows = await database.ReadAsync(PageOf,
                $"""
                SELECT query_id, page_number, row_start, row_count, json_size, stored_size, digest FROM pages
                WHERE query_id IN {list} ORDER BY query_id, page_number
                """,
                values);
        }
        return rows.ToLookup(p => p.QueryId);
    }
}
