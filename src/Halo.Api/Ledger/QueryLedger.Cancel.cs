using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    /// <summary>The integrator wants it stopped: a queued query is cancelled now, a running one is marked and its Link must be told.</summary>
    public async Task<CancelResult> AskCancelAsync(Guid integratorId, Guid siteId, Guid queryId)
    {
        IReadOnlyList<SettledQuery> settled = [];
        var result = await database.WriteAsync<CancelResult>(async t =>
        {
            settled = [];
            if (await HoldAsync(t, queryId) is not { } held || await DeadlineOfTheirsAsync(t, integratorId, siteId, queryId) is not [var deadline])
                return new(null, null);
            switch (held.Status)
            {
                case QueryStatus.Queued when deadline <= Now:
                    // Readers see it as expired from that moment on, so a wish that comes later cannot change it.
                    settled = await SettleManyAsync(t, [queryId], QueryMode.Async, EndingAtDeadline(QueryStatus.Queued, cancelAsked: false), deadline.Value);
                    return new(QueryStatus.ExpiredInQueue, null) { WasFinal = true };
                case QueryStatus.Queued:
                    settled = await SettleManyAsync(t, [queryId], QueryMode.Async,
                        new(QueryStatus.Cancelled, Mover.Integrator, Executed.No, FailureCodes.CancelledByIntegrator), Now);
                    return new(QueryStatus.Cancelled, null);
                case QueryStatus.Executing or QueryStatus.Uploading:
                    await t.RunAsync("UPDATE queries SET cancel_asked_at = COALESCE(cancel_asked_at, @now) WHERE id = @id",
                        ("id", queryId), ("now", Now));
                    return new(held.Status, held.LinkId);
                default:
                    return new(held.Status, null) { WasFinal = true };
            }
        });
        // Not of what had ended before: that was told then, and as what it was.
        await ConcludeAsync(settled);
        return result;
    }

    /// <summary>
    /// Inside the transaction of what was decided: what waits for this site, or comes from this integrator, is cancelled; what runs finishes.
    /// Give the result to <see cref="ConcludeAsync"/> after the commit.
    /// </summary>
    /// <param name="siteId">Of this site alone, where given.</param>
    /// <param name="integratorId">Of this integrator alone, where given.</param>
    /// <param name="code">Why: one of <see cref="FailureCodes"/>.</param>
    public async Task<IReadOnlyList<SettledQuery>> CancelQueuedAsync(
        DbTransaction t, Guid? siteId, Guid? integratorId, string code = FailureCodes.CancelledByOperator)
    {
        if (siteId is null && integratorId is null)
            throw new ArgumentException("Name a site, an integrator or both.");
        var waiting = await t.ReadAsync(r => r.GetGuid(0),
            $"""
            SELECT id FROM queries WHERE status = 'queued'
            {(siteId is null ? "" : "AND site_id = @site")} {(integratorId is null ? "" : "AND integrator_id = @integrator")}
            """,
            [.. Given("site", siteId), .. Given("integrator", integratorId)]);
        return await SettleManyAsync(t, waiting, QueryMode.Async,
            new(QueryStatus.Cancelled, Mover.Operator, Executed.No, code), Now);
    }

    /// <summary>Of this Link, what is still to be stopped: told again in each of its sessions.</summary>
    public Task<List<Guid>> CancelsAskedAsync(Guid linkId) => database.ReadAsync(r => r.GetGuid(0),
        "SELECT id FROM queries WHERE link_id = @link AND status IN ('executing', 'uploading') AND cancel_asked_at IS NOT NULL",
        ("link", linkId));

    static Task<List<long?>> DeadlineOfTheirsAsync(DbTransaction t, Guid integratorId, Guid siteId, Guid queryId) =>
        t.ReadAsync(r => r.LongOrNull(0), "SELECT deadline_at FROM queries WHERE id = @id AND integrator_id = @integrator AND site_id = @site",
            ("id", queryId), ("integrator", integratorId), ("site", siteId));

    static IEnumerable<(string, object?)> Given(string name, Guid? id) => id is null ? [] : [(name, id)];
}
