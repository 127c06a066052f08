using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Backup;

/// <summary>
/// A ledger that went back to an earlier moment must give nothing out again that a Link may have done meanwhile: every query
/// that was not final becomes <c>executionFailed</c>, executed <c>unknown</c>.
/// </summary>
static class RestoredLedger
{
    static readonly string Settle =
        $"""
        UPDATE queries SET status = 'executionFailed', executed = 'unknown', settled_by = 'restore', completed_at = @now, updated_at = @now,
          deadline_at = NULL, error_type = @type, error_code = @error, failure_code = '{FailureCodes.Restored}'
        WHERE ({QueryLifecycle.MayBecome(QueryStatus.ExecutionFailed, Mover.Restore, QueryMode.Async)})
          OR ({QueryLifecycle.MayBecome(QueryStatus.ExecutionFailed, Mover.Restore, QueryMode.Immediate)})
        """;

    /// <summary>Settles, in one transaction, and forgets what belonged to the queries and to sessions that are gone.</summary>
    /// <returns>How many queries were settled.</returns>
    public static Task<int> SettleAsync(Database database, TimeProvider time) => database.WriteAsync(async t =>
    {
        var error = Failures.Of(FailureCodes.Restored);
        var settled = await t.RunAsync(Settle, ("now", time.GetUtcNow().Ms()), ("type", error.ErrorType), ("error", error.ErrorCode));
        await t.RunAsync("DELETE FROM query_commands");
        await t.RunAsync($"DELETE FROM pages WHERE query_id IN (SELECT id FROM queries WHERE failure_code = '{FailureCodes.Restored}')");
        await t.RunAsync("DELETE FROM link_sessions");
        return settled;
    });
}
