using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Ledger.Registered;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>Cancelling: what no Link has ends at once, what one has is marked.</summary>
sealed class Cancellations(Database database, TimeProvider time)
{
    long Now => time.GetUtcNow().Ms();

    /// <summary>The integrator wants it stopped: a queued query is cancelled now, a running one is marked and its Link must be told.</summary>
    public Task<CancelResult> AskAsync(Guid integratorId, Guid siteId, Guid queryId) => database.WriteAsync<CancelResult>(async t =>
    {
        if (await LockedQuery.ReadAsync(t, database, queryId) is not { } query || query.IntegratorId != integratorId || query.SiteId != siteId)
            return new(null, null);
        switch (query.Status)
        {
            case QueryStatus.Queued when query.DeadlineAt is { } deadline && deadline <= Now:
                // Readers see it as expired from that moment on, so a wish that comes later cannot change it.
                return new(QueryStatus.ExpiredInQueue, null) { WasFinal = true, Settled = await SettleAsync(t, queryId, Deadlines.Expired, deadline) };
            case QueryStatus.Queued:
                return new(QueryStatus.Cancelled, null)
                {
                    Settled = await SettleAsync(t, queryId, Settlement.Of(QueryStatus.Cancelled, Mover.Integrator, Executed.No, FailureCodes.CancelledByIntegrator), Now),
                };
            case QueryStatus.Executing or QueryStatus.Uploading:
                await t.RunAsync("UPDATE queries SET cancel_asked_at = COALESCE(cancel_asked_at, @now) WHERE id = @id", ("id", queryId), ("now", Now));
                return new(query.Status, query.LinkId);
            default:
                return new(query.Status, null) { WasFinal = true };
        }
    });

    /// <summary>Inside the transaction of what was decided: what waits for this site, or comes from this integrator, is cancelled; what runs finishes.</summary>
    /// <param name="siteId">Of this site alone, where given.</param>
    /// <param name="integratorId">Of this integrator alone, where given.</param>
    /// <param name="code">Why: one of <see cref="FailureCodes"/>.</param>
    public async Task<IReadOnlyList<SettledQuery>> CancelQueuedAsync(
        DbTransaction t, Guid? siteId, Guid? integratorId, string code = FailureCodes.CancelledByOperator)
    {
        if (siteId is null && integratorId is null)
            throw new ArgumentException("Name a site, an integrator or both.");
        var whose = string.Join(" AND ", ((string?[])[siteId is null ? null : "site_id = @site", integratorId is null ? null : "integrator_id = @integrator"]).OfType<string>());
        (string, object?)[] ids = [.. Given("site", siteId), .. Given("integrator", integratorId)];
        // What surveys have not asked yet they ask no more.
        await t.RunAsync(
            $"""
            UPDATE survey_sites SET state = 'cancelled' WHERE state = 'waiting' {(siteId is null ? "" : "AND site_id = @site")}
              AND survey_id IN (SELECT id FROM surveys WHERE finished_at IS NULL {(integratorId is null ? "" : "AND integrator_id = @integrator")})
            """, ids);
        // What is registered there ends with the right to it.
        await t.RunAsync(RegisteredCancellation.Of(whose), [.. ids, ("now", Now)]);
        var waiting = await t.ReadAsync(r => r.GetGuid(0), $"SELECT id FROM queries WHERE status = 'queued' AND {whose}", ids);
        return await CancelQueuedAsync(t, waiting, code);
    }

    /// <summary>The same in a transaction of its own.</summary>
    public Task<IReadOnlyList<SettledQuery>> CancelQueuedAsync(Guid? siteId, Guid? integratorId, string code = FailureCodes.CancelledByOperator) =>
        database.WriteAsync(t => CancelQueuedAsync(t, siteId, integratorId, code));

    /// <summary>Of these queries, what still waits.</summary>
    public Task<IReadOnlyList<SettledQuery>> CancelQueuedAsync(IReadOnlyList<Guid> queryIds, string code) => database.WriteAsync(t => CancelQueuedAsync(t, queryIds, code));

    async Task<IReadOnlyList<SettledQuery>> CancelQueuedAsync(DbTransaction t, IReadOnlyList<Guid> queryIds, string code) =>
        await SettlementWriter.SettleAsync(t, queryIds, QueryMode.Async, Settlement.Of(QueryStatus.Cancelled, Mover.Operator, Executed.No, code), Now);

    /// <summary>Of this Link, what is still to be stopped: told again in each of its sessions.</summary>
    public Task<List<Guid>> AskedOfAsync(Guid linkId) => database.ReadAsync(r => r.GetGuid(0),
        "SELECT id FROM queries WHERE link_id = @link AND status IN ('executing', 'uploading') AND cancel_asked_at IS NOT NULL",
        ("link", linkId));

    static Task<List<SettledQuery>> SettleAsync(DbTransaction t, Guid queryId, Settlement end, long at) =>
        SettlementWriter.SettleAsync(t, [queryId], QueryMode.Async, end, at);

    static IEnumerable<(string, object?)> Given(string name, Guid? id) => id is null ? [] : [(name, id)];
}
