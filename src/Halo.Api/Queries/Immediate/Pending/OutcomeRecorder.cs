using System.Data.Common;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>What became of immediate queries that were sent: by the Link's word, or by what its going says. Recorded first, then told.</summary>
sealed partial class OutcomeRecorder(
    ImmediateLedger ledger, SettlementEffects effects, ILinkGateway gateway, PendingQueries pending, UnheldMessageLog unheld, TimeProvider time, ILogger<OutcomeRecorder> log)
{
    /// <summary>
    /// The Link says how it ended: recorded first, acknowledged and answered then. Of a query that its run does not hold nothing is done.
    /// What the store refuses is not acknowledged: <see cref="PendingQueries"/> writes it as soon as the store takes it, and where it
    /// knows nothing of it the session is closed, so that the Link tells it again.
    /// </summary>
    /// <param name="query">The query; null where nobody waits for it and its accept is in the ledger.</param>
    public async Task RecordAsync(LinkSession session, Guid queryId, PendingQuery? query, Outcome outcome)
    {
        if (query is not null && !query.MayEndBy(session))
        {
            unheld.Met(session.LinkId, FrameKind.Outcome);
            return;
        }
        var end = ImmediateSettlements.From(outcome, time.GetUtcNow(), query?.Sent.Query.Notices);
        try
        {
            if (query is not null)
                await pending.SettleAsync(query, end, session);
            else if ((await SettleAsync(queryId, end, outcome.Record, session.Reference)).NotHeld)
                unheld.Met(session.LinkId, FrameKind.Outcome);
            else
                session.Acknowledge(queryId);
        }
        catch (Exception e)
        {
            if (query is not null)
            {
                query.Tell(end, isRecorded: false);
                return;
            }
            LogNotRecorded(queryId, session.LinkId, e.GetType().Name);
            await session.CloseAsync(LineCloseReason.LedgerFailed);
        }
    }

    /// <summary>It never left this process: that is true whether or not the store takes it now.</summary>
    /// <returns>The same with its time. Null: it had ended otherwise before; what the ledger has stands.</returns>
    public async Task<Settlement?> TakeBackAsync(PendingQuery query, Settlement end)
    {
        end = end with { At = time.GetUtcNow() };
        try
        {
            return await pending.SettleAsync(query, end) is { Moved: true } ? end : null;
        }
        catch (Exception)
        {
            // It is written as soon as the store takes it.
            return end;
        }
    }

    /// <summary>
    /// The line broke while the command was being sent. The Hello that settles such queries may have come before this one was
    /// known here; so it is settled once more by what the next session's Hello says that its run has.
    /// </summary>
    public async Task SettleBySuccessorAsync(PendingQuery query)
    {
        var patience = query.Sent.Deadline - query.Sent.At;
        using var limit = new CancellationTokenSource(patience, time);
        var next = await gateway.WaitAsync(query.Session.LinkId, limit.Token, except: query.Session);
        if (next is null || next.Immediates.Contains(query.QueryId))
            return;
        var sameRun = next.RunId == query.Session.RunId;
        await TrySettleAsync(query, sameRun ? ImmediateSettlements.NeverSent : ImmediateSettlements.LinkLost);
    }

    /// <summary>
    /// The Link has closed this session in order and its run is over, or it was revoked: what it has not told by now it never will. What its last
    /// words do not name it never began, and never will; where it left without last words, nothing is known.
    /// </summary>
    public async Task SettleByFarewellAsync(LinkSession session)
    {
        foreach (var query in pending.OpenOf(session))
        {
            var neverBegun = session.Farewell is { } farewell && !farewell.Immediates.Contains(query.QueryId);
            await TrySettleAsync(query, neverBegun ? ImmediateSettlements.NeverBegun : ImmediateSettlements.LinkLost);
        }
    }

    /// <summary>One of which nothing is held here. Where the ledger has nothing either, this service ended before it wrote the accept, and the Link brings what it needs.</summary>
    async Task<MoveResult> SettleAsync(Guid queryId, Settlement end, byte[]? record, SessionReference by)
    {
        try
        {
            var result = await ledger.SettleAsync(queryId, end, by);
            if (result.Status is null && record is not null && ledger.FromRecord(record, queryId, by) is { } sent)
                result = await ledger.SettleAsync(sent, end);
            if (result.Moved)
                effects.Apply(queryId, end);
            return result;
        }
        catch (DbException e) when (StorageException.RefusesContent(e) && ImmediateSettlements.Untold(end) is { } bare)
        {
            return await SettleAsync(queryId, bare, record, by);
        }
    }

    async Task TrySettleAsync(PendingQuery query, Settlement end)
    {
        try
        {
            await pending.SettleAsync(query, end);
        }
        catch (Exception)
        {
            // It is written as soon as the store takes it.
        }
    }

    [LoggerMessage(1214, LogLevel.Error, "Failed to record the outcome of query {QueryId} ({Exception}). Closing the session of Link {LinkId} so that it redelivers.")]
    partial void LogNotRecorded(Guid queryId, Guid linkId, string exception);
}
