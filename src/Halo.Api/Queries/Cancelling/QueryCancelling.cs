using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Settling;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;

namespace Halo.Api.Queries.Cancelling;

/// <summary>An integrator's wish to stop a query. What no Link has ends at once; what one has ends as that Link says.</summary>
/// <remarks>
/// The wish is in the ledger before the Link is told, and each new session of the Link is told again, so none is lost.
/// Whether the query ended before the wish arrived is the Link's to say: the API never calls it cancelled by itself
/// while the Link can still speak.
/// </remarks>
sealed partial class QueryCancelling(
    Cancellations ledger, QueryReader queries, SettlementEffects effects, ILinkGateway gateway, ImmediateQueries immediate, PendingQueries pending, ILogger<QueryCancelling> log)
{
    /// <summary>Asks for a query to be stopped.</summary>
    /// <returns>Where it stands now, and whether it was final before; null: there is no such query of this integrator at this site.</returns>
    public async Task<(Query Query, bool WasFinal)?> AskAsync(Guid integratorId, Guid siteId, Guid queryId)
    {
        await pending.TryFlushAsync(queryId);
        var result = await ledger.AskAsync(integratorId, siteId, queryId);
        await effects.ApplyAsync(result.Settled);
        if (result.Status is null)
            return null;
        if (result.AskLink is { } linkId && gateway.Find(linkId) is { } session)
            Tell(session, queryId);
        return await queries.FindAsync(integratorId, siteId, queryId) is { } record
            ? (QueryView.Of(record), result.WasFinal)
            : null;
    }

    /// <summary>A session is open: the Link may have been away when these were asked for.</summary>
    public void Repeat(LinkSession session) => session.Work.Add(async () =>
    {
        try
        {
            foreach (var queryId in await ledger.AskedOfAsync(session.LinkId))
            {
                immediate.Stop(queryId);
                session.Cancel(queryId);
            }
        }
        catch (Exception e)
        {
            // The next session asks again.
            LogNotRepeated(session.LinkId, e.GetType().Name);
            await session.CloseAsync(LineCloseReason.LedgerFailed);
        }
    });

    /// <summary>
    /// After the claims that are on their way out: a Link ignores the Cancel of a query that it does not have yet, and the ledger
    /// calls a query the Link's before the reply with the claim has left.
    /// </summary>
    void Tell(LinkSession session, Guid queryId)
    {
        immediate.Stop(queryId);
        session.Work.Add(() =>
        {
            session.Cancel(queryId);
            return Task.CompletedTask;
        });
    }

    [LoggerMessage(1222, LogLevel.Error, "Failed to read which queries of Link {LinkId} are to be cancelled ({Exception}). Closing its session; the next one asks again.")]
    partial void LogNotRepeated(Guid linkId, string exception);
}
