using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>
/// A ledger that went back to an earlier moment must give nothing out again that a Link may have done meanwhile: every query
/// that was not final becomes <c>executionFailed</c>, executed <c>unknown</c>.
/// </summary>
static class RestoredLedger
{
    /// <summary>Settles, in one transaction, and forgets what belonged to the queries and to sessions that are gone.</summary>
    /// <returns>How many queries were settled.</returns>
    public static Task<int> SettleAsync(Database database, TimeProvider time) => database.WriteAsync(async t =>
    {
        // Whoever follows events has numbers of what is gone now: nothing that comes gets one of them, and what is settled here comes first.
        await t.RunAsync("UPDATE event_counters SET last_number = last_number + 1000000000");
        var (settled, end) = (0, Settlement.Of(QueryStatus.ExecutionFailed, Mover.Restore, Executed.Unknown, FailureCodes.Restored));
        var open = await t.ReadAsync(r => (Id: r.GetGuid(0), Mode: QueryTable.ParseMode(r.GetString(1))), "SELECT id, mode FROM queries WHERE completed_at IS NULL");
        foreach (var group in open.GroupBy(q => q.Mode, q => q.Id))
            settled += (await SettlementWriter.SettleAsync(t, [.. group], group.Key, end, time.GetUtcNow().Ms())).Count;
        // Of a survey's sites that waited then, some may have been asked since.
        await t.RunAsync(
            "UPDATE survey_sites SET state = 'refused', refused_code = @code, refused_text = @text WHERE state = 'waiting'",
            ("code", FailureCodes.Restored), ("text", "The service was restored from a backup; whether this site was asked since that was made is not known."));
        await t.RunAsync("DELETE FROM link_sessions");
        // Who signed out since then stays signed out.
        await t.RunAsync("DELETE FROM console_sessions");
        return settled;
    });
}
