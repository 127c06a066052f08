using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>Takes out of the ledger what has been kept as long as it should, in steps between which other writes go.</summary>
sealed class LedgerRetention(Database database)
{
    const int Step = 200, QueriesInStep = 50, PagesInStep = 500;

    // As the index on it says.
    const string KeptShorter = "wrapped_key IS NOT NULL AND completed_at IS NOT NULL AND kept_for IS NOT NULL";

    /// <summary>What asked to be kept for less time, and is due.</summary>
    internal static readonly string DueShorter = $"SELECT id FROM queries WHERE {KeptShorter} AND completed_at + kept_for <= @now ORDER BY completed_at + kept_for LIMIT {QueriesInStep}";

    /// <summary>When the next of that falls due.</summary>
    internal const string NextShorter = $"SELECT MIN(completed_at + kept_for) FROM queries WHERE {KeptShorter}";

    string ForTaking => database.ForUpdate.Length == 0 ? "" : $"{database.ForUpdate} SKIP LOCKED";

    /// <summary>
    /// Takes manifest, key and details of what was final by then, and of what asked to be kept for less time, oldest first, some in one call.
    /// The stored bytes of the queries that are named are the caller's to remove.
    /// </summary>
    /// <returns>What went; nothing: there is no more.</returns>
    public async Task<Forgotten> ForgetResultsAsync(DateTimeOffset completedUntil, DateTimeOffset now) => await database.WriteAsync(async t =>
    {
        var due = await t.ReadAsync(r => r.GetGuid(0),
            $"""
            SELECT id FROM queries WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL AND completed_at <= @until
            ORDER BY completed_at LIMIT {QueriesInStep}{ForTaking}
            """,
            ("until", completedUntil.Ms()));
        if (due.Count == 0)
            due = await t.ReadAsync(r => r.GetGuid(0), DueShorter + ForTaking, ("now", now.Ms()));
        var (finished, pages, bytes) = (new List<Guid>(), 0, 0L);
        foreach (var id in due)
        {
            var sizes = await t.ReadAsync(r => r.GetInt64(0),
                $"""
                DELETE FROM pages WHERE query_id = @id AND page_number IN (
                  SELECT page_number FROM pages WHERE query_id = @id ORDER BY page_number LIMIT {PagesInStep - pages})
                RETURNING stored_size
                """,
                ("id", id));
            pages += sizes.Count;
            bytes += sizes.Sum();
            // The rest of its pages is for the next step.
            if (pages >= PagesInStep)
                break;
            finished.Add(id);
        }
        if (finished.Count > 0)
        {
            // Without its key nothing that is left anywhere of a query can be read.
            var (list, values) = QueryTable.In(finished);
            await t.RunAsync($"UPDATE queries SET wrapped_key = NULL, detail = NULL WHERE id IN {list}", values);
        }
        return new Forgotten(finished, pages, bytes);
    });

    /// <summary>Takes manifest, key and details of one query at its integrator's wish, at once; its row stays. The stored bytes are the caller's to remove.</summary>
    /// <param name="also">What else goes in the same transaction.</param>
    /// <returns>The query's state; null: this integrator has no such query at this site. Where it is not final, nothing went.</returns>
    public Task<QueryStatus?> RemoveResultsAsync(Guid integratorId, Guid siteId, Guid queryId, Func<DbTransaction, Task> also) => database.WriteAsync<QueryStatus?>(async t =>
    {
        if (await LockedQuery.ReadAsync(t, database, queryId) is not { } query || query.IntegratorId != integratorId || query.SiteId != siteId)
            return null;
        if (!QueryLifecycle.IsFinal(query.Status))
            return query.Status;
        await t.RunAsync("DELETE FROM pages WHERE query_id = @id", ("id", queryId));
        await t.RunAsync("UPDATE queries SET wrapped_key = NULL, detail = NULL WHERE id = @id", ("id", queryId));
        await also(t);
        return query.Status;
    });

    /// <summary>When the oldest of what is still kept became final; null: nothing is kept.</summary>
    public async Task<DateTimeOffset?> OldestKeptAsync() => (await database.ReadAsync(r => r.TimeOrNull(0),
        "SELECT MIN(completed_at) FROM queries WHERE wrapped_key IS NOT NULL AND completed_at IS NOT NULL"))[0];

    /// <summary>When the next of those falls due that asked to be kept for less time; null: there is none.</summary>
    public async Task<DateTimeOffset?> NextKeptShorterAsync() => (await database.ReadAsync(r => r.TimeOrNull(0), NextShorter))[0];

    /// <summary>Takes rows of the ledger that were accepted before, oldest first, some in one call. What still has results stays.</summary>
    public async Task<int> ForgetQueriesAsync(DateTimeOffset acceptedBefore) => await database.WriteAsync(t => t.RunAsync(
        $"""
        DELETE FROM queries WHERE id IN (
          SELECT id FROM queries WHERE id < @bound AND completed_at IS NOT NULL AND wrapped_key IS NULL ORDER BY id LIMIT {Step}{ForTaking})
        """,
        ("bound", QueryFilter.FirstIdOf(acceptedBefore))));

    /// <summary>When the oldest query of the ledger was accepted; null: there is none.</summary>
    public async Task<DateTimeOffset?> OldestQueryAsync() =>
        await database.ReadAsync(r => r.Time(0), "SELECT created_at FROM queries ORDER BY id LIMIT 1") is [var oldest] ? oldest : null;
}

/// <summary>What one step of retention took.</summary>
/// <param name="Finished">Queries of which nothing is kept any more.</param>
/// <param name="Pages">Rows of the manifest.</param>
/// <param name="Bytes">Theirs, as stored.</param>
sealed record Forgotten(IReadOnlyList<Guid> Finished, int Pages, long Bytes)
{
    /// <summary>Whether anything went.</summary>
    public bool IsAny => Finished.Count > 0 || Pages > 0;
}
