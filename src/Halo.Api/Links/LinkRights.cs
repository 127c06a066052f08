using Dapper;
using Halo.Api.Storage;
using Halo.LinkProtocol;

namespace Halo.Api.Links;

/// <summary>Gives and takes a Link's right to be here.</summary>
public sealed class LinkRights(Database database, LinkDirectory links, LinkSessions sessions, AuditLog audit, TimeProvider time)
{
    /// <summary>Sets it; taken away, its session is closed at once and its tokens open nothing when this returns.</summary>
    /// <returns>The Link; null where there is none.</returns>
    public async Task<LinkRecord?> SetAsync(Guid linkId, LinkStatus status)
    {
        if (links.Find(linkId) is null)
            return null;
        var word = status.ToString().ToLowerInvariant();
        await database.WriteAsync(async transaction =>
        {
            await transaction.Connection!.ExecuteAsync("UPDATE links SET status = @word, updated_at = @now WHERE id = @linkId",
                new { word, linkId, now = time.GetUtcNow().ToUnixTimeMilliseconds() }, transaction);
            await audit.WriteAsync(transaction, $"link.{word}", linkId.ToString());
            return 0;
        });
        var link = await links.RefreshAsync(linkId);
        if (status == LinkStatus.Revoked && sessions.Find(linkId) is { } session)
        {
            await session.Line.CloseAsync(LineCloseReason.Revoked);
            session.Line.Abort(LineCloseReason.Revoked);
        }
        return link;
    }
}
