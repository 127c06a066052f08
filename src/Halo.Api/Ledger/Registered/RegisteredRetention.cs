using Halo.Api.Ledger.Records;
using Halo.Api.Storage;

namespace Halo.Api.Ledger.Registered;

/// <summary>Takes away what registered queries gave, once it has been kept as long as it should.</summary>
sealed class RegisteredRetention(Database database)
{
    const int Step = 50;

    /// <summary>Takes changes that are older, and everything of those that ended before; some in one call.</summary>
    /// <returns>How much went; 0: there is no more.</returns>
    public Task<int> ForgetResultsAsync(DateTimeOffset until) => database.WriteAsync(async t =>
    {
        var changes = await t.RunAsync(
            $"""
            DELETE FROM registered_changes WHERE (registered_id, number) IN (SELECT registered_id, number FROM registered_changes WHERE at <= @until ORDER BY at LIMIT {Step})
            """, ("until", until.Ms()));
        var ended = await t.ReadAsync(r => r.GetGuid(0),
            $"SELECT id FROM registered_queries WHERE wrapped_key IS NOT NULL AND COALESCE(completed_at, expires_at) <= @until LIMIT {Step}", ("until", until.Ms()));
        if (ended.Count > 0)
        {
            var (list, values) = QueryTable.In(ended);
            await t.RunAsync($"DELETE FROM registered_changes WHERE registered_id IN {list}", values);
            await t.RunAsync($"UPDATE registered_queries SET wrapped_key = NULL, command = NULL, detail = NULL, result = NULL WHERE id IN {list}", values);
        }
        return changes + ended.Count;
    });

    /// <summary>Takes those that ended before, some in one call.</summary>
    public Task<int> ForgetQueriesAsync(DateTimeOffset endedBefore) => database.WriteAsync(t => t.RunAsync(
        $"""
        DELETE FROM registered_queries WHERE id IN (
          SELECT id FROM registered_queries WHERE wrapped_key IS NULL AND COALESCE(completed_at, expires_at) < @bound LIMIT {Step})
        """, ("bound", endedBefore.Ms())));

    /// <summary>When the oldest of what is kept ended, or will end; null: nothing is kept.</summary>
    public async Task<DateTimeOffset?> OldestAsync()
    {
        var ended = (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(COALESCE(completed_at, expires_at)) FROM registered_queries WHERE wrapped_key IS NOT NULL"))[0];
        var change = (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(at) FROM registered_changes"))[0];
        return ended is null || change < ended ? change ?? ended : ended;
    }
}
