using System.Data.Common;
using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    const string SelectPages =
        "SELECT query_id, page_number, row_start, row_count, json_size, stored_size, digest FROM pages WHERE query_id = @id ORDER BY page_number";

    /// <summary>The manifest of a query, in order.</summary>
    public Task<List<PageRow>> PagesAsync(Guid queryId) => database.ReadAsync(PageOf, SelectPages, ("id", queryId));

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
    /// <remarks>Refused for good, it removes the bytes again.</remarks>
    public async Task<AddPageResult> AddPageAsync(Guid claimId, PageRow page)
    {
        var (result, drop) = await database.WriteAsync(async t =>
        {
            var held = await HoldAsync(t, page.QueryId);
            if (held is null || held.ClaimId != claimId || held.Status is not (QueryStatus.Executing or QueryStatus.Uploading))
                return (AddPageResult.NotWanted, await LeftOverAsync(t, held, page));
            var added = await t.RunAsync(
                """
                INSERT INTO pages (query_id, page_number, row_start, row_count, json_size, stored_size, digest, created_at)
                VALUES (@id, @number, @start, @count, @json, @stored, @digest, @now) ON CONFLICT DO NOTHING
                """,
                ("id", page.QueryId), ("number", page.PageNumber), ("start", page.RowStart), ("count", page.RowCount),
                ("json", page.JsonSize), ("stored", page.StoredSize), ("digest", page.Digest), ("now", Now));
            if (added > 0)
                return (AddPageResult.Added, Drop.Nothing);
            var there = (await t.ReadAsync(PageOf, SelectPages, ("id", page.QueryId))).Find(p => p.PageNumber == page.PageNumber);
            // With the same digest it is the same file, whatever else is said of it now; the first word stays, and is what the Complete is held against.
            return there?.Digest == page.Digest ? (AddPageResult.AlreadyThere, Drop.Nothing) : (AddPageResult.Different, Drop.This);
        });
        if (drop == Drop.All)
            await pages.DeleteAsync(page.QueryId, CancellationToken.None);
        else if (drop == Drop.This)
            await pages.DeletePageAsync(page.QueryId, page.PageNumber, page.Digest, CancellationToken.None);
        return result;
    }

    /// <summary>Every page is delivered, or there are none: successful if the manifest says the same, else the missing pages.</summary>
    public async Task<MoveResult> CompleteAsync(Guid queryId, Guid claimId, Report report, SessionReference? by = null)
    {
        var result = await TryCompleteAsync(queryId, claimId, report, by);
        if (result.Moved)
        {
            Tell(queryId, QueryMode.Async, QueryStatus.Successful);
            Telemetry.Worked(QueryMode.Async, report.Timings, report.UploadMs, report.Rows, report.Size);
            await RemoveStraysAsync(queryId);
        }
        return result;
    }

    /// <summary>What an earlier claim delivered, or a page whose row was never written.</summary>
    async Task RemoveStraysAsync(Guid queryId)
    {
        try
        {
            await pages.KeepOnlyAsync(queryId, [.. (await PagesAsync(queryId)).Select(p => new PageName(p.PageNumber, p.Digest))], CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They harm nobody; the look for orphans at the next start finds them.
        }
    }

    Task<MoveResult> TryCompleteAsync(Guid queryId, Guid claimId, Report report, SessionReference? by) =>
        ReportAsync(queryId, claimId, by, async (t, held) =>
        {
            if (QueryLifecycle.IsFinal(held.Status))
                return new(held.Status == QueryStatus.Successful, held.Status);
            var manifest = await t.ReadAsync(PageOf, SelectPages, ("id", queryId));
            if (Manifest.Compare(manifest, report, held.Rows) is { } missing)
                return new(false, held.Status) { MissingPages = missing };
            // The report that it is uploading may have been lost; this one says as much.
            if (held.Status == QueryStatus.Executing && report.PageCount > 0)
                await UploadingAsync(t, held, report);
            await SettleAsync(t, await HoldAsync(t, queryId) ?? held, new(QueryStatus.Successful, Mover.Link)
            {
                Rows = report.Rows,
                RowsAffected = report.RowsAffected,
                Size = report.PageCount > 0 ? manifest.Sum(p => p.JsonSize) : report.Size,
                ResultSets = report.ResultSets > 0 || report.RowsAffected is not null ? report.ResultSets : null,
                Timings = report.Timings,
                UploadMs = report.UploadMs,
                Columns = report.Columns,
                Parameters = report.Parameters,
                Notices = report.Notices,
            });
            await t.RunAsync("UPDATE queries SET page_count = @pages, digest = @digest WHERE id = @id",
                ("id", queryId), ("pages", report.PageCount), ("digest", report.Digest));
            return new(true, QueryStatus.Successful) { Moved = true };
        });

    /// <summary>What becomes of the bytes of a page that came too late. Of a query that runs under another claim they stay: the same page may be that claim's.</summary>
    static async Task<Drop> LeftOverAsync(DbTransaction t, Held? held, PageRow page)
    {
        if (held is null || !QueryLifecycle.IsFinal(held.Status))
            return Drop.Nothing;
        var manifest = await t.ReadAsync(PageOf, SelectPages, ("id", page.QueryId));
        if (manifest.Count == 0)
            return Drop.All;
        return manifest.Exists(p => p.PageNumber == page.PageNumber && p.Digest == page.Digest) ? Drop.Nothing : Drop.This;
    }

    /// <summary>Which stored bytes are nobody's.</summary>
    enum Drop
    {
        Nothing,
        This,
        All,
    }

    static PageRow PageOf(DbDataReader r) =>
        new(r.GetGuid(0), r.GetInt32(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.GetString(6));
}
