using Halo.Api.Links;
using Halo.Api.Observability;
using Halo.Api.Queries.Ledger;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using LinkSession = Halo.Api.Links.LinkSession;

namespace Halo.Api.Queries.Immediate;

/// <summary>What became of immediate queries that were sent: by the Link's word, or by what its going says. Settled first, then told.</summary>
sealed partial class ImmediateJudging(
    QueryLedger ledger, LinkSessions sessions, ImmediateExchanges exchanges, UnheldQueries unheld, TimeProvider time, ILogger<ImmediateJudging> log) : IDisposable
{
    readonly Unrecorded _unrecorded = new(time);
    readonly Seldom _notSettled = new(time);

    /// <summary>Records that a query is being sent. Where the store does not take that, it is made up for when the end is known.</summary>
    /// <param name="isTold">The caller is told its id before the end: then it is in the ledger by itself.</param>
    /// <returns>When it is durable; it fails with the store.</returns>
    public Task RecordSent(ImmediateExchange exchange, NewQuery query, DateTimeOffset sentAt, TimeSpan patience, bool isTold)
    {
        if (!isTold)
            exchange.Sent = ledger.RecordSent(query, exchange.Session.Reference, sentAt, sentAt + patience);
        var recorded = exchange.Sent?.Recorded ?? RecordAsync();
        exchange.Recorded = _unrecorded.Watch(query.Id, recorded, RecordAsync, patience);
        return recorded;

        Task RecordAsync() => ledger.RecordSentAsync(query, exchange.Session.Reference, sentAt, sentAt + patience);
    }

    /// <summary>The Link says how it ended: settled first, acknowledged and answered then. Of a query that its run does not hold nothing is done.</summary>
    public async Task SettleAsync(LinkSession session, Guid queryId, Outcome outcome)
    {
        var exchange = exchanges.Find(queryId);
        if (exchange is not null && !exchange.MayEndBy(session))
        {
            unheld.Met(session.LinkId, FrameKind.Outcome);
            return;
        }
        try
        {
            var result = await SettleAsync(queryId, ImmediateEndings.From(outcome, exchange?.Notices), exchange, session.Reference);
            if (result.NotHeld)
            {
                unheld.Met(session.LinkId, FrameKind.Outcome);
                return;
            }
            exchange?.Complete(new ImmediateEnd(result.Accepted ? outcome : null, result.At ?? time.GetUtcNow()));
            session.Acknowledge(queryId);
        }
        catch (Exception e)
        {
            // Not acknowledged: the Link keeps the outcome and tells it again in its next session, which may be far off.
            TellNotSettled(queryId, e);
            _unrecorded.Later(queryId, async () =>
            {
                await SettleAsync(queryId, ImmediateEndings.From(outcome, exchange?.Notices), by: session.Reference);
                session.Acknowledge(queryId);
            });
            exchange?.Complete(new ImmediateEnd(outcome, time.GetUtcNow()) { Recorded = false });
        }
    }

    /// <summary>Queries whose end is known here and waits for the store: no Hello may judge them by what its run does not know.</summary>
    public IReadOnlyList<Guid> Ended => _unrecorded.Ends;

    /// <summary>It never left this process: that is true whether or not the store takes it now.</summary>
    /// <returns>When. Null: the going of its session was quicker and settled it otherwise; what the ledger has stands.</returns>
    public async Task<DateTimeOffset?> TakeBackAsync(Guid queryId, Settlement settlement)
    {
        MoveResult? result = null;
        try
        {
            result = await SettleAsync(queryId, settlement);
            if (result is { Moved: false, Status: not null })
                return null;
        }
        catch (Exception e)
        {
            TellNotSettled(queryId, e);
            _unrecorded.Later(queryId, () => SettleAsync(queryId, settlement));
        }
        return result?.At ?? time.GetUtcNow();
    }

    /// <summary>
    /// The line broke while the command was being sent. The Hello that judges such queries may have come before this one was in
    /// the ledger; so it is judged once more by what the next session's Hello says that its run has.
    /// </summary>
    public async Task JudgeBySuccessorAsync(ImmediateExchange exchange, TimeSpan patience)
    {
        try
        {
            using var limit = new CancellationTokenSource(patience, time);
            await exchange.Recorded;
            var next = await sessions.WaitAsync(exchange.Session.LinkId, limit.Token, except: exchange.Session);
            if (next is null || next.Immediates.Contains(exchange.QueryId))
                return;
            var sameRun = next.RunId == exchange.Session.RunId;
            await JudgeAsync(exchange, sameRun ? ImmediateEndings.NeverSent : ImmediateEndings.LinkLost);
        }
        catch (Exception e)
        {
            // Its deadline settles it.
            TellNotSettled(exchange.QueryId, e);
        }
    }

    /// <summary>
    /// The Link has closed this session in order and its run is over, or it was revoked: what it has not told by now it never will. What its last
    /// words do not name it never began, and never will; where it left without last words, nothing is known.
    /// </summary>
    public async Task JudgeByFarewellAsync(LinkSession session)
    {
        foreach (var exchange in exchanges.OpenOf(session))
        {
            try
            {
                var neverBegun = session.Farewell is { } farewell && !farewell.Immediates.Contains(exchange.QueryId);
                await exchange.Recorded;
                await JudgeAsync(exchange, neverBegun ? ImmediateEndings.NeverBegun : ImmediateEndings.LinkLost);
            }
            catch (Exception e)
            {
                // Its deadline settles it.
                TellNotSettled(exchange.QueryId, e);
            }
        }
    }

    /// <summary>Where the Link's own word was quicker, that has the rows, and completes it.</summary>
    async Task JudgeAsync(ImmediateExchange exchange, Settlement settlement)
    {
        if (await SettleAsync(exchange.QueryId, settlement) is { Moved: true } or { Status: not QueryStatus.Successful })
            exchanges.CompleteBySettling([exchange.QueryId]);
    }

    /// <summary>Where the ledger does not know it, the accept failed with the store: it is written now, or nothing is said.</summary>
    /// <param name="exchange">Where it is known: its caller may have left meanwhile.</param>
    /// <param name="by">The session that tells it; null: the service's own word.</param>
    async Task<MoveResult> SettleAsync(Guid queryId, Settlement settlement, ImmediateExchange? exchange = null, Ledger.LinkSession? by = null)
    {
        var result = await ledger.SettleImmediateAsync(queryId, settlement, exchange?.Sent, by);
        if (result.Status is not null)
            return result;
        // Both were in one group: that the accept failed may be known to the store and not yet here.
        if ((exchange ?? exchanges.Find(queryId)) is { } accepted)
            await accepted.Recorded;
        await _unrecorded.RecordAsync(queryId);
        return await ledger.SettleImmediateAsync(queryId, settlement, by: by);
    }

    /// <inheritdoc/>
    public void Dispose() => _unrecorded.Dispose();

    void TellNotSettled(Guid queryId, Exception e)
    {
        if (_notSettled.Meets(out var times))
            LogNotSettled(queryId, e.GetType().Name, times);
    }

    [LoggerMessage(1210, LogLevel.Error, "The end of query {QueryId} could not be recorded ({Exception}); it is tried again. So it was with {Queries} since this was last said")]
    partial void LogNotSettled(Guid queryId, string exception, int queries);
}
