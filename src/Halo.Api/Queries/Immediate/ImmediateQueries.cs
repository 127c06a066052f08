using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Links;
using Halo.Api.Queries.Ledger;
using Halo.Api.Queries.Requests;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using LinkSession = Halo.Api.Links.LinkSession;

namespace Halo.Api.Queries.Immediate;

/// <summary>
/// Immediate queries: one HTTP call, one trip to the Link and back.
/// (1) find the session and room for the rows, (2) hand the accept to the ledger's next group commit, (3) send, (4) gather what
/// comes, (5) answer when the ledger has the end. What ends after its caller has gone is settled all the same.
/// </summary>
sealed class ImmediateQueries(
    QueryLedger ledger, SiteAccess access, LinkSessions sessions, Availability availability, ImmediateExchanges exchanges, ImmediateJudging judging,
    ImmediatePlaces places, ResultMemory memory, UnheldQueries unheld, QueryLimits limits, TimeProvider time) : IDisposable
{
    readonly CancellationTokenSource _stopping = new();

    /// <summary>Runs a query and waits for its end; the answer holds pooled buffers and is to be disposed.</summary>
    /// <param name="callerGone">The caller left: the statement is cancelled, its end is still recorded.</param>
    /// <param name="stream">Where rows go as they come, without the limit on their size; null: into the answer.</param>
    public async Task<ImmediateAnswer> RunAsync(
        IntegratorCaller caller, SiteRecord site, QuerySubmission submission, CancellationToken callerGone, RowFlow? stream = null) =>
        await RunAsync(caller, site, submission, null, callerGone, stream) ?? throw new System.Diagnostics.UnreachableException();

    /// <summary>The same under a condition: the accept is durable before the command leaves.</summary>
    /// <returns>Null: the condition does not hold, and nothing was sent.</returns>
    public async Task<ImmediateAnswer?> RunAsync(
        IntegratorCaller caller, SiteRecord site, QuerySubmission submission, AcceptCondition? condition, CancellationToken callerGone, RowFlow? stream = null)
    {
        using var place = places.Take(site.Id);
        var accepted = time.GetTimestamp();
        var query = NewQueryFor(caller.Integrator, site, submission);
        using var span = Telemetry.StartQuery(query);
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
        var room = await memory.EnterAsync(grows: stream is null, bytes => session.Grant(query.Id, bytes), waiting.Token);
        if (room is null)
            return await RefuseAsync(query, ImmediateEndings.NoRoom(submission.MaxTimeInQueue));
        // 2. The accept is in the ledger's hands before the command leaves; the outcome's commit carries both.
        var left = Math.Max(0, submission.MaxTimeInQueue - (int)time.GetElapsedTime(accepted).TotalMilliseconds);
        var patience = TimeSpan.FromMilliseconds(left + query.ExecutionLimit + limits.GraceMs);
        var sentAt = time.GetUtcNow();
        var command = LinkSession.Write(new Execute(query.SiteId, query.IntegratorId, submission.Command, left, query.ExecutionLimit,
            stream is null ? limits.ImmediateResultBytes : long.MaxValue)
        {
            Catalogue = submission.Catalogue,
            ResultSet = submission.ResultSet,
            Tag = submission.Tag,
            TraceParent = Telemetry.TraceParent,
            KeyHash = submission.KeyHash,
        });
        var exchange = new ImmediateExchange(query.Id, session, room, stream) { Notices = query.Notices };
        stream?.Open(query.Id, bytes => session.Grant(query.Id, bytes));
        exchanges.Add(exchange);
        if (condition is null)
        {
            var recorded = judging.RecordSent(exchange, query, sentAt, patience, isTold: stream is not null);
            stream?.Recorded = recorded;
        }
        else if (!await TryAcceptAsync(exchange, query, sentAt, patience, condition))
            return null;
        // What it waited for, room or a session that may have brought another database, may have outlasted the right to ask it.
        if (access.ForQuery(caller, site.Id).Refusal is { } taken)
            return await TakeBackAsync(exchange, query, ImmediateEndings.RightTaken(taken));
        // 3. Away. "At once or not at all" (0) still lets a frame that is being sent come to its end.
        switch (await SendAsync(session, query.Id, command, submission.MaxTimeInQueue == 0 ? callerGone : waiting.Token))
        {
            case Sending.NotBegun when session.Line.Dead.IsCancellationRequested:
                return await TakeBackAsync(exchange, query, ImmediateEndings.NeverSent);
            case Sending.NotBegun:
                return await TakeBackAsync(exchange, query, ImmediateEndings.QueueTimeout(submission.MaxTimeInQueue));
            case Sending.Broken:
                _ = judging.JudgeBySuccessorAsync(exchange, patience);
                break;
        }
        if (exchange.CancelAsked)
            session.Cancel(query.Id);
        // 4. and 5.
        var answer = await WaitForEndAsync(exchange, query, sentAt, patience, callerGone);
        Telemetry.Conclude(span, answer.Query.Status);
        return answer;
    }

    /// <summary>How many are on their way or running.</summary>
    public int UnderWay => places.Count;

    /// <summary>It is to be stopped: a command that is just leaving is followed by its Cancel.</summary>
    public void Stop(Guid queryId)
    {
        if (exchanges.Find(queryId) is { } exchange)
            exchange.CancelAsked = true;
    }

    /// <summary>The columns arrived.</summary>
    public void OnColumns(LinkSession session, Guid queryId, ResultHead head)
    {
        if (FindFor(session, queryId, FrameKind.Columns) is { } exchange)
            exchange.Columns = head.Columns;
    }

    /// <summary>The columns came in a message that cannot be read: the rows cannot be told without them.</summary>
    public void OnColumnsLost(LinkSession session, Guid queryId) => FindFor(session, queryId, FrameKind.Columns)?.Spoil();

    /// <summary>A piece of the rows arrived.</summary>
    public void OnRows(LinkSession session, Guid queryId, ReadOnlyMemory<byte> rows)
    {
        if (FindFor(session, queryId, FrameKind.Rows) is not { } exchange)
            return;
        var grant = exchange.Add(rows.Span, limits.ImmediateResultBytes, ProtocolLimits.CreditWindowBytes);
        if (grant > 0)
            session.Grant(queryId, grant);
    }

    /// <summary>The Link says how it ended: settled first, acknowledged and answered then.</summary>
    /// <returns>Completes when that is done.</returns>
    public Task OnOutcome(LinkSession session, Guid queryId, Outcome outcome) => judging.SettleAsync(session, queryId, outcome);

    /// <summary>A session's Hello showed that these never arrived, or that the run that had them is gone; the ledger has it.</summary>
    public void OnSettledByHello(IEnumerable<Guid> queryIds) => exchanges.CompleteBySettling(queryIds);

    /// <summary>Queries whose end is known here, though the ledger does not have it yet.</summary>
    public IReadOnlyList<Guid> Ended => judging.Ended;

    /// <summary>The Link has closed this session in order, or may not come back.</summary>
    public Task OnGoneAsync(LinkSession session) => judging.JudgeByFarewellAsync(session);

    /// <summary>The service stops: what is under way may still end; what has not by then is answered as of unknown fate.</summary>
    public async Task DrainAsync(TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within, time);
        await exchanges.AllEnded.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stopping.CancelAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    /// <summary>The exchange that was sent over this session; null where nobody waits any more, or it is another's.</summary>
    ImmediateExchange? FindFor(LinkSession session, Guid queryId, FrameKind kind)
    {
        var exchange = exchanges.Find(queryId);
        if (exchange is null || ReferenceEquals(exchange.Session, session))
            return exchange;
        if (!exchange.MayEndBy(session))
            unheld.Met(session.LinkId, kind);
        return null;
    }

    async Task<bool> TryAcceptAsync(ImmediateExchange exchange, NewQuery query, DateTimeOffset sentAt, TimeSpan patience, AcceptCondition condition)
    {
        var accepted = false;
        try
        {
            accepted = await ledger.RecordSentAsync(query, exchange.Session.Reference, sentAt, sentAt + patience, condition).OrRefuseAsync();
            return accepted;
        }
        catch (RefusedException e) when (e.InnerException is not StorageException { NothingStored: true })
        {
            // Should it be stored after all, its key's next request must not wait for an end that nobody tells.
            _ = judging.TakeBackAsync(query.Id, ImmediateEndings.NeverSent);
            throw;
        }
        finally
        {
            if (!accepted)
            {
                exchanges.Remove(query.Id);
                exchange.Dispose();
            }
        }
    }

    static async Task<Sending> SendAsync(LinkSession session, Guid queryId, byte[] command, CancellationToken giveUp)
    {
        if (session.Line.Dead.IsCancellationRequested)
            return Sending.NotBegun;
        try
        {
            return await session.ExecuteAsync(queryId, command, giveUp) ? Sending.Sent : Sending.Broken;
        }
        catch (OperationCanceledException)
        {
            return Sending.NotBegun;
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
            if (end is { Recorded: false, Outcome: { } told })
                return ImmediateAnswer.NotRecorded(query, sentAt, end.CompletedAt, told, exchange);
            if (end.Outcome is { } outcome)
                return ImmediateAnswer.Of(query, sentAt, end, outcome, exchange);
            exchange.Dispose();
            return await ShowAsync(query);
        }
        catch (OperationCanceledException)
        {
            (sessions.Find(exchange.Session.LinkId) ?? exchange.Session).Cancel(query.Id);
            exchange.Dispose();
            return ImmediateAnswer.NoAnswer(query, sentAt, time.GetUtcNow());
        }
        finally
        {
            exchanges.Remove(query.Id);
        }
    }

    /// <summary>It never left this process: nothing ran, and the ledger hears so.</summary>
    async Task<ImmediateAnswer> TakeBackAsync(ImmediateExchange exchange, NewQuery query, Settlement settlement)
    {
        exchanges.Remove(query.Id);
        exchange.Dispose();
        await exchange.Recorded;
        return await judging.TakeBackAsync(query.Id, settlement) is { } at ? ImmediateAnswer.Of(query, settlement, at) : await ShowAsync(query);
    }

    async Task<ImmediateAnswer> RefuseAsync(NewQuery query, Settlement settlement) =>
        ImmediateAnswer.Of(query, settlement, await ledger.RecordRefusedAsync(query, settlement).OrRefuseAsync());

    /// <summary>The service settled it: the answer is what the ledger says.</summary>
    async Task<ImmediateAnswer> ShowAsync(NewQuery query)
    {
        var record = await ledger.FindAsync(query.IntegratorId, query.SiteId, query.Id)
            ?? throw new InvalidOperationException("An accepted query is not in the ledger.");
        return ImmediateAnswer.Of(QueryView.Of(record));
    }

    NewQuery NewQueryFor(Integrator integrator, SiteRecord site, QuerySubmission submission)
    {
        var now = time.GetUtcNow();
        return submission.ToNewQuery(QueryIds.Next(now), integrator.Id, site.Id, submission.ExecutionLimitMs(limits), now);
    }
}

/// <summary>What became of sending a command.</summary>
enum Sending
{
    /// <summary>It is on its way.</summary>
    Sent,

    /// <summary>Nothing of it was sent.</summary>
    NotBegun,

    /// <summary>The line broke on the way: the Link may have it.</summary>
    Broken,
}
