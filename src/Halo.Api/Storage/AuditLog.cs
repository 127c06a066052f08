using System.Data.Common;
using System.Text.Json.Nodes;
using Dapper;

namespace Halo.Api.Storage;

/// <summary>Who did what, written in the transaction of the deed.</summary>
sealed class AuditLog(Database database, TimeProvider time)
{
    /// <summary>Adds a line. Subjects are ids, never content.</summary>
    public Task WriteAsync(DbTransaction transaction, string action, string subject, string actor = "operator", JsonObject? detail = null)
    {
        var now = time.GetUtcNow();
        return transaction.Connection!.ExecuteAsync(
            "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (@id, @at, @actor, @action, @subject, @detail)",
            new { id = Guid.CreateVersion7(now), at = now.ToUnixTimeMilliseconds(), actor, action, subject, detail = detail?.ToJsonString() }, transaction);
    }

    /// <summary>Takes the oldest lines from before, some in one call.</summary>
    /// <returns>How many went.</returns>
    public Task<int> ForgetAsync(DateTimeOffset before) => database.CommitAsync(new(
        "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < @before ORDER BY at LIMIT 200)", ("before", before.Ms())));

    /// <summary>The time of the oldest line; null: there is none.</summary>
    public async Task<DateTimeOffset?> OldestAsync() => (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(at) FROM audit"))[0];
}
