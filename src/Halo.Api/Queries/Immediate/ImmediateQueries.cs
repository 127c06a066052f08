using System.Collections.Concurrent;
using Halo.Api.Integrators;
using Halo.Api.Links;
using Halo.Api.Queries.Ledger;
using Halo.Api.Queries.Requests;
using Halo.Api.Sites;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using LinkSession = Halo.Api.Links.LinkSession;

namespace Halo.Api.Queries.Immediate;

/// <summary>
/// Immediate queries: one HTTP call, one trip to the Link and back.
/// (1) find the session, (2) hand the accept to the ledger's next group commit, (3) send, (4) gather what comes,
/// (5) answer when the ledger has the end. What ends after its caller has gone is settled all the same.
/// </summary>
public sealed partial class ImmediateQueries(
    QueryLedger ledger, LinkSessions sessions, Availability availability, QueryLimits limits, TimeProvider time, ILogger<ImmediateQueries> log) : IDisposable
{
    readonly ConcurrentDictionary<Guid, ImmediateExchange> _exchanges = new();
    readonly CancellationTokenSource _stopping = new();

    /// <summary>Runs a query and waits for its end; the answer holds pooled buffers and is to be disposed.</summary>
    /// <param name="callerGone">The caller left: the statement is cancelled, its end is still recorded.</param>
    public async Task<ImmediateAnswer> RunAsync(Integrator integrator, SiteRecord site, QuerySubmission submission, CancellationToken callerGone)
    {
        var accepted = time.GetTimestamp();
        var query = NewQueryFor(integrator, site, submission);
        // 1. The session, waited for while the site counts as online.
        using var queueTime = new CancellationTokenSource(TimeSpan.FromMilliseconds(submission.MaxTimeInQueue), time);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(callerGone, queueTime.Token, _stopping.Token);
        var session = sessions.Find(site.LinkId);
        if (session is null)
        {
            var now = availability.Of(site.LinkId);
            if (now != SiteAvailability.Online)
                return await RefuseAsync(query, ImmediateEndings.SiteAway(now));
            session = await sessions.WaitAsync(site.LinkId, waiting.Token);
            if (session is null)
                return await RefuseAsync(query, ImmediateEndings.QueueTimeout(submission.MaxTimeInQueue));
        }
        // 2. The accept is in the ledger's hands before the command leaves; the outcome's commit carries both.
        var left = Math.Max(0, submission.MaxTimeInQueue - (int)time.GetElapsedTime(accepted).TotalMilliseconds);
        var patience = TimeSpan.FromMilliseconds(left + query.ExecutionLimit + limits.GraceMs);
        var sentAt = time.GetUtcNow();
        var exchange = new ImmediateExchange(query.Id, session);
        _exchanges[query.Id] = exchange;
        var recorded = ledger.RecordSentAsync(query, session.Reference, sentAt, sentAt + patience);
        // 3. Away. "At once or not at all" (0) still lets a frame that is being sent come to its end.
        if (!await TrySendAsync(session, query, submission, left, submission.MaxTimeInQueue == 0 ? callerGone : waiting.Token))
            return await TakeBackAsync(exchange, query, recorded, submission);
        // 4. and 5.
        return await WaitForEndAsync(exchange, query, sentAt, patience, callerGone);
    }

    /// <summary>The columns arrived.</summary>
    public void OnColumns(Guid queryId, ResultHead head)
    {
        if (_exchanges.TryGetValue(queryId, out var exchange))
            exchange.Columns = head.Columns;
    }

    /// <summary>A piece of the rows arrived.</summary>
    public void OnRows(LinkSession session, Guid queryId, ReadOnlyMemory<byte> rows)
    {
        if (!_exchanges.TryGetValue(queryId, out var exchange) || !ReferenceEquals(exchange.Session, session))
            return;
        var grant = exchange.Add(rows.Span, limits.ImmediateResultBytes, ProtocolLimits.CreditWindowBytes);
        if (grant > 0)
            session.Grant(queryId, grant);
    }

    /// <summary>The Link says how it ended: settled first, acknowledged and answered then.</summary>
    public void OnOutcome(LinkSession session, Guid queryId, Outcome outcome) => _ = SettleAsync(session, queryId, outcome);

    /// <summary>A session's Hello showed that these never arrived, or that the run that had them is gone; the ledger has it.</summary>
    public void OnSettledByHello(IEnumerable<Guid> queryIds)
    {
        foreach (var id in queryIds)
        {
            if (_exchanges.TryGetValue(id, out var exchange))
                exchange.Complete(new ImmediateEnd(null, time.GetUtcNow()));
        }
    }

    /// <summary>The service stops: what is under way may still end; what has not by then is answered as of unknown fate.</summary>
    public async Task DrainAsync(TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within, time);
        await Task.WhenAll(_exchanges.Values.Select(e => (Task)e.End)).WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stopping.CancelAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    async Task SettleAsync(LinkSession session, Guid queryId, Outcome outcome)
    {
        _exchanges.TryGetValue(queryId, out var exchange);
        try
        {
            var result = await ledger.SettleImmediateAsync(queryId, ImmediateEndings.From(outcome));
            exchange?.Complete(new ImmediateEnd(result.Accepted ? outcome : null, time.GetUtcNow()));
            await session.AcknowledgeAsync(queryId);
        }
        catch (Exception e)
        {
            // Not acknowledged: the Link keeps the outcome and tells it again in its next session.
            LogNotSettled(queryId, e.GetType().Name);
            exchange?.Fail(e);
        }
    }

    async Task<bool> TrySendAsync(LinkSession session, NewQuery query, QuerySubmission submission, int waitMs, CancellationToken giveUp)
    {
        try
        {
            await session.ExecuteAsync(query.Id,
                new Execute(query.SiteId, query.IntegratorId, submission.Command, waitMs, query.ExecutionLimit, limits.ImmediateResultBytes)
                {
                    Catalogue = submission.Catalogue,
                    ResultSet = submission.ResultSet,
                    Tag = submission.Tag,
                }, giveUp);
            // Sent, or the line broke on the way: then the Link's next Hello says whether it arrived.
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    async Task<ImmediateAnswer> WaitForEndAsync(
        ImmediateExchange exchange, NewQuery query, DateTimeOffset sentAt, TimeSpan patience, CancellationToken callerGone)
    {
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, callerGone, _stopping.Token);
        try
        {
            var end = await exchange.End.WaitAsync(either.Token);
            return end.Outcome is { } outcome
                ? ImmediateAnswer.Of(query, sentAt, end, outcome, exchange)
                : await ShowAsync(query, exchange);
        }
        catch (OperationCanceledException)
        {
            (sessions.Find(exchange.Session.LinkId) ?? exchange.Session).Cancel(query.Id);
            exchange.Dispose();
            return ImmediateAnswer.NoAnswer(query, sentAt, time.GetUtcNow());
        }
        finally
        {
            _exchanges.TryRemove(query.Id, out _);
        }
    }

    /// <summary>It never left this process: nothing ran, and the ledger hears so.</summary>
    async Task<ImmediateAnswer> TakeBackAsync(ImmediateExchange exchange, NewQuery query, Task recorded, QuerySubmission submission)
    {
        _exchanges.TryRemove(query.Id, out _);
        exchange.Dispose();
        await recorded;
        var settlement = ImmediateEndings.QueueTimeout(submission.MaxTimeInQueue);
        await ledger.SettleImmediateAsync(query.Id, settlement);
        return ImmediateAnswer.Of(query, settlement, time.GetUtcNow());
    }

    async Task<ImmediateAnswer> RefuseAsync(NewQuery query, Settlement settlement)
    {
        await ledger.RecordRefusedAsync(query, settlement);
        return ImmediateAnswer.Of(query, settlement, time.GetUtcNow());
    }

    /// <summary>The service settled it: the answer is what the ledger says.</summary>
    async Task<ImmediateAnswer> ShowAsync(NewQuery query, ImmediateExchange exchange)
    {
        exchange.Dispose();
        var record = await ledger.FindAsync(query.IntegratorId, query.SiteId, query.Id)
            ?? throw new InvalidOperationException("An accepted query is not in the ledger.");
        return ImmediateAnswer.Of(QueryView.Of(record, time.GetUtcNow()));
    }

    NewQuery NewQueryFor(Integrator integrator, SiteRecord site, QuerySubmission submission)
    {
        var now = time.GetUtcNow();
        return submission.ToNewQuery(Guid.CreateVersion7(now), integrator.Id, site.Id, submission.ExecutionLimitMs(limits), now);
    }

    [LoggerMessage(1210, LogLevel.Error, "The end of query {QueryId} could not be recorded ({Exception}); its Link keeps it and tells it again")]
    partial void LogNotSettled(Guid queryId, string exception);
}
