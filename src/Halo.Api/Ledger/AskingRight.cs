using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>Whether an integrator may still ask a site, for what a Link had and what is to wait again: who took the right away cancelled only what waited then.</summary>
static class AskingRight
{
    /// <summary>Looks in the transaction that queues; whoever takes the right away meanwhile waits for it, and finds what it queued.</summary>
    /// <returns>How the query ends instead; null: it may wait.</returns>
    public static async Task<Settlement?> EndOfTakenAsync(DbTransaction t, Database database, Guid siteId, Guid integratorId)
    {
        (string, object?)[] ids = [("site", siteId), ("integrator", integratorId)];
        var held = await t.ReadAsync(r => r.GetGuid(0),
            $"""
            SELECT s.id FROM sites s JOIN pairings p ON p.site_id = s.id JOIN integrators i ON i.id = p.integrator_id
            WHERE s.id = @site AND i.id = @integrator AND s.status = 'active' AND s.authoritative AND i.enabled{database.ForShare}
            """, ids);
        if (held.Count > 0)
            return null;
        var isUninstalled = (await t.ReadAsync(r => r.GetString(0), "SELECT status FROM sites WHERE id = @site", ("site", siteId))) is ["uninstalled"];
        return Settlement.Of(QueryStatus.Cancelled, Mover.Api, Executed.No, isUninstalled ? FailureCodes.SiteUninstalled : FailureCodes.CancelledByOperator);
    }
}
