using System.Text.Json.Nodes;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites.State;

/// <summary>
/// Sites whose Link was uninstalled, or that were taken out of its settings. They keep id, authority and pairings: a Link that
/// comes back with its data directory makes them active again. What waits there is cancelled.
/// </summary>
sealed partial class SiteUninstaller(
    Database database, SiteDirectory directory, LinkDirectory links, Cancellations cancellations, SettlementEffects effects, AvailabilityHistory history, AuditLog audit, TimeProvider time,
    ILogger<SiteUninstaller> log)
{
    /// <summary>The whole Link was uninstalled.</summary>
    public async Task LinkAsync(Guid linkId)
    {
        links.Heard(linkId, closedInOrder: true);
        await SitesAsync(linkId, []);
    }

    /// <summary>Every site of the Link that is not among those that it still has.</summary>
    public async Task SitesAsync(Guid linkId, IReadOnlyCollection<Guid> kept)
    {
        var gone = directory.OfLink(linkId).Where(s => s.Status is SiteStatus.Active or SiteStatus.Initialising && !kept.Contains(s.Id))
            .Select(s => s.Id).ToList();
        if (gone.Count == 0)
            return;
        var settled = new List<SettledQuery>();
        await database.WriteAsync(async t =>
        {
            settled.Clear();
            foreach (var id in gone.Order())
            {
                if (await t.RunAsync("UPDATE sites SET status = 'uninstalled', updated_at = @now WHERE id = @id AND status IN ('active', 'initialising')",
                    ("id", id), ("now", time.GetUtcNow().Ms())) == 0)
                    continue;
                await t.RunAsync("DELETE FROM pairing_codes WHERE site_id = @id", ("id", id));
                var cancelled = await cancellations.CancelQueuedAsync(t, id, null, FailureCodes.SiteUninstalled);
                settled.AddRange(cancelled);
                await audit.WriteAsync(t, "site.uninstalled", id.ToString(), "link", new JsonObject { ["cancelled"] = cancelled.Count });
            }
            return 0;
        });
        await effects.ApplyAsync(settled);
        await directory.RefreshAsync(gone);
        history.Note(gone, SiteContact.Offline);
        // What was let in by the old snapshot meanwhile.
        foreach (var id in gone)
            await effects.ApplyAsync(await cancellations.CancelQueuedAsync(id, null, FailureCodes.SiteUninstalled));
        LogUninstalled(linkId, string.Join(", ", gone));
    }

    [LoggerMessage(1121, LogLevel.Information, "Link {LinkId} no longer serves: {Sites}. They are uninstalled until it names them again; what waited there is cancelled.")]
    partial void LogUninstalled(Guid linkId, string sites);
}
