using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Admin;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>Reads the durable record of every query: who, where, when, how much, how it ended.</summary>
sealed class QueryStore(Database database, MasterKeys keys)
{
    /// <summary>Opens the key of a query's pages.</summary>
    public DataKey KeyOf(QueryRecord query) => keys.OpenDataKey(query.Id, query.WrappedKey!);

    /// <summary>Those of up to some hundred ids that are this integrator's, with their details and pages.</summary>
    /// <param name="siteId">Where; null: anywhere.</param>
    public async Task<IReadOnlyList<QueryRecord>> FindManyAsync(Guid integratorId, Guid? siteId, IReadOnlyCollection<Guid> queryIds)
    {
        if (queryIds.Count == 0)
            return [];
        var (list, values) = QueryTable.In([.. queryIds.Distinct()]);
        var rows = await database.ReadAsync(QueryRecord.Read,
            $"SELECT {QueryTable.Columns} FROM queries WHERE id IN {list} AND integrator_id = @integrator{(siteId is null ? "" : " AND site_id = @site")}",
            [.. values, ("integrator", integratorId), .. siteId is { } site ? [("site", (object?)site)] : Array.Empty<(string, object?)>()]);
        var pages = await PageManifest.ReadManyAsync(database, [.. rows.Where(r => r.Record.Mode == QueryMode.Async).Select(r => r.Record.Id)]);
        return [.. rows.Select(r => r.Record with
        {
            Detail = r.Detail is null ? new() : LedgerSeal.OpenDetail(KeyOf(r.Record), r.Detail),
            Pages = [.. pages[r.Record.Id]],
        })];
    }

    /// <summary>Records without their pages. Ids are made in the order of time, so they are the order and the key of the list.</summary>
    /// <param name="now">From which on a queued query counts as expired.</param>
    /// <param name="withDetails">False: what only its integrator may read stays encrypted.</param>
    public async Task<IReadOnlyList<QueryRecord>> ListAsync(QueryFilter wanted, DateTimeOffset now, bool withDetails = true)
    {
        var (sql, values) = wanted.ToSql(now);
        var rows = await database.ReadAsync(QueryRecord.Read, sql, values);
        if (!withDetails)
            return [.. rows.Select(r => r.Record)];
        return [.. rows.Select(r => r.Detail is null || r.Record.FailureCode is null && r.Record.Status == QueryStatus.Successful
            ? r.Record
            : r.Record with { Detail = LedgerSeal.OpenDetail(KeyOf(r.Record), r.Detail) })];
    }

    /// <summary>How many queries are not final, and since when the oldest of them, by state.</summary>
    public async Task<IReadOnlyList<OpenQueries>> CountOpenAsync() => await database.ReadAsync(
        r => new OpenQueries(QueryLifecycle.Parse(r.GetString(0)), r.GetInt64(1), r.Time(2)),
        "SELECT status, COUNT(*), MIN(created_at) FROM queries WHERE deadline_at IS NOT NULL GROUP BY status");

    /// <summary>How many queries wait at each site.</summary>
    public async Task<IReadOnlyList<(Guid SiteId, int Count)>> CountQueuedAsync() => await database.ReadAsync(
        r => (r.GetGuid(0), (int)r.GetInt64(1)), "SELECT site_id, COUNT(*) FROM queries WHERE status = 'queued' GROUP BY site_id");

    /// <summary>How many queries of an integrator were accepted since.</summary>
    public async Task<long> CountAcceptedAsync(Guid integratorId, DateTimeOffset since) => (await database.ReadAsync(r => r.GetInt64(0),
        "SELECT COUNT(*) FROM queries WHERE integrator_id = @id AND id >= @first", ("id", integratorId), ("first", QueryFilter.FirstIdOf(since))))[0];

    /// <summary>How many queries of an integrator were accepted on each day, UTC; days without any are left out.</summary>
    public async Task<IReadOnlyList<(DateTimeOffset Day, long Queries)>> CountByDayAsync(Guid integratorId, DateTimeOffset since) => await database.ReadAsync(
        r => (DateTimeOffset.UnixEpoch.AddDays(r.GetInt64(0)), r.GetInt64(1)),
        "SELECT created_at / 86400000, COUNT(*) FROM queries WHERE integrator_id = @id AND id >= @first GROUP BY created_at / 86400000",
        ("id", integratorId), ("first", QueryFilter.FirstIdOf(since)));

    /// <summary>What integrators used at sites, by when the queries were accepted; in the order of integrator and site.</summary>
    /// <remarks>Ids begin with the time, so their order is the one in which queries were made: no index more for each query to write.</remarks>
    /// <param name="from">Not before.</param>
    /// <param name="to">Before.</param>
    /// <param name="after">Only what comes after this integrator at this site.</param>
    public async Task<IReadOnlyList<Usage>> UsageAsync(DateTimeOffset from, DateTimeOffset to, (Guid Integrator, Guid Site)? after, int limit) => await database.ReadAsync(
        r => new Usage(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.GetInt64(6)),
        $"""
        SELECT integrator_id, site_id, COUNT(*), SUM(CASE WHEN status = 'successful' THEN 1 ELSE 0 END),
          CAST(COALESCE(SUM(rows_count), 0) AS BIGINT), CAST(COALESCE(SUM(result_size), 0) AS BIGINT), CAST(COALESCE(SUM(request_size), 0) AS BIGINT)
        FROM queries
        WHERE id >= @from AND id < @to {(after is null ? "" : "AND (integrator_id, site_id) > (@integrator, @site)")}
        GROUP BY integrator_id, site_id ORDER BY integrator_id, site_id LIMIT @limit
        """,
        [
            ("from", QueryFilter.FirstIdOf(from)), ("to", QueryFilter.FirstIdOf(to)), ("limit", limit),
            .. after is var (integrator, site) ? [("integrator", (object?)integrator), ("site", site)] : Array.Empty<(string, object?)>(),
        ]);
}
