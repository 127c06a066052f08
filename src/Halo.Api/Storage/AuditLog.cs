using System.Data.Common;
using System.Text.Json.Nodes;
using Dapper;

namespace Halo.Api.Storage;

/// <summary>Who did what, written in the transaction of the deed.</summary>
public sealed class AuditLog(TimeProvider time)
{
    /// <summary>Adds a line. Subjects are ids, never content.</summary>
    public Task WriteAsync(DbTransaction transaction, string action, string subject, string actor = "operator", JsonObject? detail = null)
    {
        var now = time.GetUtcNow();
        return transaction.Connection!.ExecuteAsync(
            "INSERT INTO audit (id, at, actor, action, subject, detail) VALUES (@id, @at, @actor, @action, @subject, @detail)",
            new { id = Guid.CreateVersion7(now), at = now.ToUnixTimeMilliseconds(), actor, action, subject, detail = detail?.ToJsonString() }, transaction);
    }
}
