using Halo.Api.Links.Sessions;
using Halo.Api.Storage;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sites.Pairings;

/// <summary>Takes in the codes that practices make. Each opens its site to one integrator, once, within a day.</summary>
sealed partial class PairingCodes(Database database, SiteDirectory sites, PairingKey key, AuditLog audit, TimeProvider time, ILogger<PairingCodes> log)
{
    static readonly TimeSpan Life = TimeSpan.FromHours(24);
    const int MostOfASite = 20;

    /// <summary>A Link brought a code; it is answered when the code is durable.</summary>
    public Task OnCode(LinkSession session, PairingCode message) => session.Work.Add(async () =>
    {
        try
        {
            session.Tell(await TakeAsync(session, message));
        }
        catch (Exception e)
        {
            LogFailed(session.LinkId, e.GetType().Name);
            session.Tell(new PairingCodeAck(message.RequestId, false, "The Halo API could not store the code. Try again shortly."));
        }
    });

    async Task<PairingCodeAck> TakeAsync(LinkSession session, PairingCode message)
    {
        if (!session.SiteIds.Contains(message.SiteId) || sites.Find(message.SiteId) is not { } site || site.LinkId != session.LinkId)
            return new(message.RequestId, false, "The Halo API does not know this site as one of this Link's.");
        if (site.Status == SiteStatus.Removed)
            return new(message.RequestId, false, "An operator removed this site; nobody can pair with it.");
        if (!PairingCode.IsCode(message.Code))
            return new(message.RequestId, false, "This is no pairing code that the Halo API knows.");
        var now = time.GetUtcNow();
        var until = now + Life;
        await database.WriteAsync(async t =>
        {
            await t.RunAsync(
                """
                DELETE FROM pairing_codes WHERE site_id = @site AND (expires_at <= @now OR id NOT IN (
                  SELECT c.id FROM pairing_codes c WHERE c.site_id = @site ORDER BY c.created_at DESC, c.id DESC LIMIT @keep))
                """, ("site", site.Id), ("now", now.Ms()), ("keep", MostOfASite - 1));
            await t.RunAsync("INSERT INTO pairing_codes (id, site_id, code_hmac, expires_at, created_at) VALUES (@id, @site, @hmac, @until, @now)",
                ("id", Guid.CreateVersion7(now)), ("site", site.Id), ("hmac", key.Hash(site.Id, message.Code)), ("until", until.Ms()), ("now", now.Ms()));
            await audit.WriteAsync(t, "site.pairing-code-made", site.Id.ToString(), "link");
            return 0;
        });
        return new(message.RequestId, true, site.Authoritative
            ? "Give it to one integrator. It works once."
            : "Give it to one integrator. It works once, and not before the operator has made this site the authoritative one of its practice.")
        {
            ExpiresAt = until,
        };
    }

    [LoggerMessage(1120, LogLevel.Error, "A pairing code of Link {LinkId} could not be stored: {Exception}")]
    partial void LogFailed(Guid linkId, string exception);
}
