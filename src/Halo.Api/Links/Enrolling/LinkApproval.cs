using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Api.Links.Sessions;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.LinkProtocol;

namespace Halo.Api.Links.Enrolling;

/// <summary>Gives and takes a Link's right to be here.</summary>
sealed class LinkApproval(Database database, LinkDirectory links, ILinkGateway gateway, SiteDirectory sites, SiteNotifier notifier, AuditLog audit, TimeProvider time)
{
    /// <summary>Sets it; taken away, its session is closed at once and its tokens open nothing when this returns.</summary>
    /// <param name="named">Of a Link that waits, the sites that the operator approves; null: all that it named when it enrolled.</param>
    /// <returns>The Link; null where there is none.</returns>
    public async Task<LinkRecord?> SetAsync(Guid linkId, LinkStatus status, OperatorDeed deed, IReadOnlyCollection<Guid>? named = null)
    {
        if (links.Find(linkId) is null)
            return null;
        var word = status.ToString().ToLowerInvariant();
        await database.WriteAsync(async transaction =>
        {
            if (status == LinkStatus.Enrolled)
                await GiveAuthorityAsync(transaction, linkId, named);
            var before = (await transaction.ReadAsync(r => r.GetString(0), $"SELECT status FROM links WHERE id = @id{database.ForUpdate}", ("id", linkId))).SingleOrDefault();
            await transaction.RunAsync("UPDATE links SET status = @word, updated_at = @now WHERE id = @id",
                ("word", word), ("id", linkId), ("now", time.GetUtcNow().Ms()));
            await audit.WriteAsync(transaction, $"link.{word}", linkId.ToString(), deed, new JsonObject { ["before"] = before });
            return 0;
        });
        var link = await links.RefreshAsync(linkId);
        await sites.RefreshLinkAsync(linkId);
        // Approved, it may serve its practices now: their other sites are told.
        notifier.Tell([.. sites.OfLink(linkId).Select(s => s.Id)]);
        if (status == LinkStatus.Revoked && gateway.Find(linkId) is { } session)
            await session.CloseAsync(LineCloseReason.Revoked);
        return link;
    }

    /// <summary>Approval proves a practice: sites of a Link that waited become authoritative where their practice has no such site.</summary>
    async Task GiveAuthorityAsync(DbTransaction transaction, Guid linkId, IReadOnlyCollection<Guid>? named)
    {
        var waiting = await transaction.ReadAsync(r => r.GetGuid(0),
            "SELECT s.id FROM sites s JOIN links l ON l.id = s.link_id WHERE l.id = @link AND l.status = 'waiting' ORDER BY s.created_at, s.id",
            ("link", linkId));
        foreach (var siteId in waiting.Where(id => named?.Contains(id) != false))
        {
            await transaction.RunAsync(
                """
                UPDATE sites SET authoritative = TRUE, updated_at = @now WHERE id = @id AND NOT EXISTS (
                  SELECT 1 FROM sites o WHERE o.pms_id = sites.pms_id AND o.pms_name = sites.pms_name AND o.authoritative)
                """,
                ("id", siteId), ("now", time.GetUtcNow().Ms()));
        }
    }
}
