using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    // So much in one transaction: other writes go between the steps.
    const int QueriesInStep = 50, PagesInStep = 500;

    string ForTaking => database.ForUpdate.Length == 0 ? "" : $"{database.ForUpdate} SKIP LOCKED";

    /// <summary>Takes the results and details of what was final by then, oldest first, some in one call: manifest and key, then the bytes.</summary>
    /// <returns>What went; nothing: there is no more.</returns>
    public async Task<Forgotten> ForgetResultsAsync(DateTimeOffset completedUntil)
    {
        var (gone, all) = await database.WriteAsync(async t =>
        {
            var due = await t.ReadAsync(r => r.GetGuid(0),
                $"""
                SELECT id FROM queries WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL AND completed_at <= @until
                ORDER BY completed_at LIMIT {QueriesInStep}{ForTaking}
                """,
                ("until", completedUntil.Ms()));
            var (finished, sum) = (new List<Guid>(), new Forgotten(0, 0, 0));
            foreach (var id in due)
            {
                var sizes = await t.ReadAsync(r => r.GetInt64(0),
                    $"""
                    DELETE FROM pages WHERE query_id = @id AND page_number IN (
                      SELECT page_number FROM pages WHERE query_id = @id ORDER BY page_number LIMIT {PagesInStep - sum.Pages})
                    RETURNING stored_size
                    """,
                    ("id", id));
                sum = sum with { Pages = sum.Pages + sizes.Count, Bytes = sum.Bytes + sizes.Sum() };
                // The rest of its pages is for the next step.
                if (sum.Pages >= PagesInStep)
                    break;
                finished.Add(id);
            }
            if (finished.Count > 0)
            {
                // Without its key nothing that is left anywhere of a query can be read.
                var (list, values) = LedgerSql.In(finished);
                await t.RunAsync($"UPDATE queries SET wrapped_key = NULL, detail = NULL WHERE id IN {list}", values);
            }
            return (finished, sum with { Queries = finished.Count });
        });
        foreach (var id in gone)
            await pages.DeleteAsync(id, CancellationToken.None);
        return all;
    }

    /// <summary>When the oldest of what is still kept became final; null: nothing is kept.</summary>
    public async Task<DateTimeOffset?> OldestKeptAsync() => (await database.ReadAsync(r => r.TimeOrNull(0),
        "SELECT MIN(completed_at) FROM queries WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL"))[0];

    /// <summary>Takes rows of the ledger that were accepted before, oldest first, some in one call. What still has results stays.</summary>
    public async Task<int> ForgetQueriesAsync(DateTimeOffset acceptedBefore) => await database.WriteAsync(t => t.RunAsync(
        $"""
        DELETE FROM queries WHERE id IN (
          SELECT id FROM queries WHERE id < @bound AND completed_at IS NOT NULL AND wrapped_key IS NULL ORDER BY id LIMIT {Step}{ForTaking})
        """,
        ("bound", FirstIdOf(acceptedBefore))));

    /// <summary>When the oldest query of the ledger was accepted; null: there is none.</summary>
    public async Task<DateTimeOffset?> OldestQueryAsync() =>
        await database.ReadAsync(r => r.Time(0), "SELECT created_at FROM queries ORDER BY id LIMIT 1") is [var oldest] ? oldest : null;

    /// <summary>Of these, what stored bytes there may be: the manifest of what is kept, nothing for what is not or is unknown.</summary>
    /// <returns>Without those that still run: what they have may get its row at any moment.</returns>
    public async Task<IReadOnlyDictionary<Guid, IReadOnlyList<PageName>>> StoredPagesAsync(IReadOnlyList<Guid> queryIds)
    {
        var (list, values) = LedgerSql.In(queryIds);
        var known = await database.ReadAsync(
            r => (Id: r.GetGuid(0), Status: QueryLifecycle.Parse(r.GetString(1))), $"SELECT id, status FROM queries WHERE id IN {list}", values);
        var manifest = await PagesOfAsync(queryIds);
        var running = known.Where(q => !QueryLifecycle.IsFinal(q.Status)).Select(q => q.Id).ToHashSet();
        return queryIds.Where(id => !running.Contains(id))
            .ToDictionary(id => id, IReadOnlyList<PageName> (id) => [.. manifest[id].Select(p => new PageName(p.PageNumber, p.Digest))]);
    }
}

/// <summary>What one step of retention took.</summary>
/// <param name="Queries">Queries of which nothing is kept any more.</param>
/// <param name="Pages">Their pages.</param>
/// <param name="Bytes">As stored.</param>
sealed record Forgotten(int Queries, int Pages, long Bytes)
{
    /// <summary>Whether anything went.</summary>
    public bool IsAny => Queries > 0 || Pages > 0;
}
