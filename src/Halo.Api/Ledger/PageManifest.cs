using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>The manifest: one row for each page. A page without its row does not exist, whatever is stored.</summary>
sealed class PageManifest(Database database, MasterKeys keys, TimeProvider time)
{
    const string Select = "SELECT query_id, page_number, row_start, row_count, json_size, stored_size, digest FROM pages";

    const string SelectOne = $"{Select} WHERE query_id = @id ORDER BY page_number";

    /// <summary>The manifest of a query, in order.</summary>
    public Task<List<PageRow>> ReadAsync(Guid queryId) => database.ReadAsync(PageOf, SelectOne, ("id", queryId));

    /// <summary>The same in a transaction.</summary>
    public static Task<List<PageRow>> ReadAsync(DbTransaction t, Guid queryId) => t.ReadAsync(PageOf, SelectOne, ("id", queryId));

    /// <summary>The manifests of some hundred queries, each in order.</summary>
    public static async Task<ILookup<Guid, PageRow>> ReadManyAsync(Database database, IReadOnlyList<Guid> queryIds)
    {
        if (queryIds.Count == 0)
            return Array.Empty<PageRow>().ToLookup(p => p.QueryId);
        var (list, values) = QueryTable.In(queryIds);
        return (await database.ReadAsync(PageOf, $"{Select} WHERE query_id IN {list} ORDER BY query_id, page_number", values)).ToLookup(p => p.QueryId);
    }

    /// <summary>Whether a Link may deliver pages of a query under this claim, and the key to store them with.</summary>
    /// <returns>Null: no, or no longer.</returns>
    public async Task<DataKey?> KeyForUploadAsync(Guid linkId, Guid queryId, Guid claimId)
    {
        var rows = await database.ReadAsync(r => r.BytesOrNull(0),
            """
            SELECT wrapped_key FROM queries
            WHERE id = @id AND link_id = @link AND claim_id = @claim AND mode = 'async' AND status IN ('executing', 'uploading')
            """,
            ("id", queryId), ("link", linkId), ("claim", claimId));
        return rows is [{ } wrapped] ? keys.OpenDataKey(queryId, wrapped) : null;
    }

    /// <summary>Puts a page, whose bytes are stored already, into the manifest: from then on it exists.</summary>
    public Task<AddedPage> AddAsync(Guid claimId, PageRow page) => database.WriteAsync<AddedPage>(async t =>
    {
        var query = await LockedQuery.ReadAsync(t, database, page.QueryId);
        if (query is null || query.ClaimId != claimId || query.Status is not (QueryStatus.Executing or QueryStatus.Uploading))
            return new(AddPageResult.NotWanted, await LeftOverAsync(t, query, page));
        var added = await t.RunAsync(
            """
            INSERT INTO pages (query_id, page_number, row_start, row_count, json_size, stored_size, digest, created_at)
            VALUES (@id, @number, @start, @count, @json, @stored, @digest, @now) ON CONFLICT DO NOTHING
            """,
            ("id", page.QueryId), ("number", page.PageNumber), ("start", page.RowStart), ("count", page.RowCount),
            ("json", page.JsonSize), ("stored", page.StoredSize), ("digest", page.Digest), ("now", time.GetUtcNow().Ms()));
        if (added > 0)
            return new(AddPageResult.Added);
        var there = (await ReadAsync(t, page.QueryId)).Find(p => p.PageNumber == page.PageNumber);
        // With the same digest it is the same file, whatever else is said of it now; the first word stays, and is what the Complete is held against.
        return there?.Digest == page.Digest ? new(AddPageResult.AlreadyThere) : new(AddPageResult.Different, LeftOverPages.ThisPage);
    });

    /// <summary>Of these, what stored bytes there may be: the manifest of what is kept, nothing for what is not or is unknown.</summary>
    /// <returns>Without those that still run: what they have may get its row at any moment.</returns>
    public async Task<IReadOnlyDictionary<Guid, IReadOnlyList<PageName>>> StoredPagesAsync(IReadOnlyList<Guid> queryIds)
    {
        var (list, values) = QueryTable.In(queryIds);
        var known = await database.ReadAsync(
            r => (Id: r.GetGuid(0), Status: QueryLifecycle.Parse(r.GetString(1))), $"SELECT id, status FROM queries WHERE id IN {list}", values);
        var manifest = await ReadManyAsync(database, queryIds);
        var running = known.Where(q => !QueryLifecycle.IsFinal(q.Status)).Select(q => q.Id).ToHashSet();
        return queryIds.Where(id => !running.Contains(id))
            .ToDictionary(id => id, IReadOnlyList<PageName> (id) => [.. manifest[id].Select(p => new PageName(p.PageNumber, p.Digest))]);
    }

    /// <summary>What becomes of the bytes of a page that came too late. Of a query that runs under another claim they stay: the same page may be that claim's.</summary>
    static async Task<LeftOverPages> LeftOverAsync(DbTransaction t, LockedQuery? query, PageRow page)
    {
        if (query is null || !QueryLifecycle.IsFinal(query.Status))
            return LeftOverPages.None;
        var manifest = await ReadAsync(t, page.QueryId);
        if (manifest.Count == 0)
            return LeftOverPages.All;
        return manifest.Exists(p => p.PageNumber == page.PageNumber && p.Digest == page.Digest) ? LeftOverPages.None : LeftOverPages.ThisPage;
    }

    static PageRow PageOf(DbDataReader r) =>
        new(r.GetGuid(0), r.GetInt32(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.GetString(6));
}
