using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate;

/// <summary>
/// Immediate queries: one HTTP call, one trip to the Link and back.
/// (1) find the session and room for the rows, (2) accept: durably, where the command may write or has a key, else in memory,
/// (3) send, (4) gather what comes, (5) answer when the ledger has the end. What ends after its caller has gone is settled all the same.
/// </summary>
sealed class ImmediateQueries(
    ImmediateLedger ledger, QueryReader queries, SettlementEffects effects, SiteAccess access, ILinkGateway gateway, Availability availability, PendingQueries pending, OutcomeRecorder outcomes,
    QueryAdmission admission, QueryWaiters waiters, ResultMemoryBudget memory, MasterKeys keys, QueryLimits limits, TimeProvider time) : IDisposable
{
    readonly CancellationTokenSource _stopping = new();

    /// <summary>Runs a query and waits for its end; the answer holds pooled buffers and is to be disposed.</summary>
    /// <param name="condition">What has to hold in the accepting transaction, which is durable then before the command leaves; null: nothing.</param>
    /// <param name="callerGone">The caller left: the statement is cancelled, its end is still recorded.</param>
    /// <param name="withdrawn">It is not wanted any more, as long as it is not accepted.</param>
    /// <param name="stream">Where rows go as they come, without the limit on their size; null: into the answer.</param>
    /// <returns>Null: the condition does not hold, and nothing was sent.</returns>
    public async Task<ImmediateAnswer?> RunAsync(
        IntegratorCaller caller, SiteRecord site, QuerySubmission submission, AcceptCondition? condition, CancellationToken callerGone, CancellationToken withdrawn,
        RowFlow? stream = null)
    {
        using var place = admission.BeginImmediate(site.Id);
        var accepted = time.GetTimestamp();
        var query = submission.ToNewQuery(caller.Integrator.Id, site.Id, limits, time.GetUtcNow());
        using var span = Telemetry.StartQuery(query.Id, query.Mode, query.SiteId, query.IntegratorId);
        // 1. The session, waited for while the site counts as online.
        using var queueTime = new CancellationTokenSource(TimeSpan.FromMilliseconds(submission.MaxTimeInQueue), time);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(callerGone, queueTime.Token, _stopping.Token);
        using var entry = withdrawn.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(waiting.Token, withdrawn) : null;
        var giveUp = entry?.Token ?? waiting.Token;
        var session = gateway.Find(site.LinkId);
        var hasWaited = session is null;
        if (session is null)
        {
            var now = availability.Of(site.LinkId);
            if (now != SiteAvailability.Online)
                return await RefuseAsync(query, ImmediateSettlements.SiteAway(now));
            session = await gateway.WaitAsync(site.LinkId, giveUp);
            if (session is null)
                return await RefuseAsync(query, withdrawn.IsCancellationRequested ? ImmediateSettlements.Withdrawn : ImmediateSettlements.QueueTimeout(submission.MaxTimeInQueue));
        }
        var entering = memory.EnterAsync(grows: stream is null, bytes => session.Grant(query.Id, bytes), giveUp);
        hasWaited |= !entering.IsCompleted;
        if (await entering is not { } room)
            return await RefuseAsync(query, withdrawn.IsCancellationRequested ? ImmediateSettlements.Withdrawn : ImmediateSettlements.NoRoom(submission.MaxTimeInQueue));
        // 2. What may write is in the record before anybody is given it; of what reads, accept and end are one row, written once.
        var left = Math.Max(0, submission.MaxTimeInQueue - (int)time.GetElapsedTime(accepted).TotalMilliseconds);
        var patience = TimeSpan.FromMilliseconds(left + query.ExecutionLimit + limits.GraceMs);
        var sentAt = time.GetUtcNow();
        var accept = new SentQuery(query, session.Reference, sentAt, sentAt + patience);
        var isFirst = condition is not null || submission.Kind == SubmissionKind.Run && submission.Commands.Any(CommandEffects.MayWrite);
        var command = new Execute(query.SiteId, query.IntegratorId, submission is { Batch: null, Kind: SubmissionKind.Run } ? submission.Command : null, left, query.ExecutionLimit, stream is null ? limits.ImmediateResultBytes : long.MaxValue)
        {
            Batch = submission.Batch,
            Describe = submission.Kind == SubmissionKind.Description ? submission.Command : null,
            Schema = submission.Kind == SubmissionKind.Schema,
            Catalogue = submission.Catalogue,
            ResultSet = submission.ResultSet,
            Tag = submission.Tag,
            TraceParent = Telemetry.TraceParent,
            KeyHash = submission.KeyHash,
            Record = isFirst ? null : SentRecord.Write(accept, keys),
        };
        var sent = new PendingQuery(accept, session, room, stream);
        stream?.Open(query.Id, bytes => session.Grant(query.Id, bytes));
        pending.Add(sent);
        if (isFirst)
        {
            if (!await TryAcceptAsync(sent, condition))
                return null;
            // Whoever would cancel it by its key waits for this.
            if (condition is not null)
                waiters.Wake(query.Id);
        }
        else if (stream is not null)
            // Its caller is told the id before the end.
            stream.Recorded = pending.AcceptNowAsync(sent);
        else
            pending.AcceptLater(sent);
        // Whoever let it in has just looked at the right to ask. What it waited for since (room, its accept, a session that may have brought another database) may have outlasted that.
        if ((hasWaited || isFirst) && access.ForQuery(caller, site.Id).Refusal is { } taken)
            return await TakeBackAsync(sent, ImmediateSettlements.RightTaken(taken));
        // 3. Away. "At once or not at all" (0) still lets a frame that is being sent come to its end.
        switch (await SendAsync(session, query.Id, command, submission.MaxTimeInQueue == 0 ? callerGone : waiting.Token))
        {
            case Sending.NotBegun when session.Gone.IsCancellationRequested:
                return await TakeBackAsync(sent, ImmediateSettlements.NeverSent);
            case Sending.NotBegun:
                return await TakeBackAsync(sent, ImmediateSettlements.QueueTimeout(submission.MaxTimeInQueue));
            case Sending.Broken:
                _ = outcomes.SettleBySuccessorAsync(sent);
                break;
        }
        if (sent.CancelAsked)
            session.Cancel(query.Id);
        // 4. and 5.
        var answer = await WaitForEndAsync(sent, patience, callerGone);
        if (span is not null)
            Telemetry.Conclude(span, QueryLifecycle.Word(answer.Query.Status), answer.Query.Status == QueryStatus.Successful);
        return answer;
    }

    /// <summary>It is to be stopped: a command that is just leaving is followed by its Cancel.</summary>
    public void Stop(Guid queryId)
    {
        if (pending.Find(queryId) is { } query)
            query.CancelAsked = true;
    }

    /// <summary>The service stops: what is under way may still end; what has not by then is answered as of unknown fate.</summary>
    public async Task DrainAsync(TimeSpan within)
    {
        using var limit = new CancellationTokenSource(within, time);
        await pending.AllAnswered.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stopping.CancelAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => _stopping.Dispose();

    async Task<bool> TryAcceptAsync(PendingQuery sent, AcceptCondition? condition)
    {
        var isAccepted = false;
        try
        {
            return isAccepted = await pending.TryAcceptAsync(sent, condition).OrRefuseAsync();
        }
        catch (RefusedException e) when (e.InnerException is not StorageException { NothingStored: true })
        {
            // Should it be stored after all, nobody must wait for an end that is never told.
            _ = outcomes.TakeBackAsync(sent, ImmediateSettlements.NeverSent);
            throw;
        }
        finally
        {
            if (!isAccepted)
            {
                pending.Leave(sent);
                sent.Dispose();
            }
        }
    }

    static async Task<Sending> SendAsync(LinkSession session, Guid queryId, Execute command, CancellationToken giveUp)
    {
        if (session.Gone.IsCancellationRequested)
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

    async Task<ImmediateAnswer> WaitForEndAsync(PendingQuery sent, TimeSpan patience, CancellationToken callerGone)
    {
        var (query, sentAt) = (sent.Sent.Query, sent.Sent.At);
        using var limit = new CancellationTokenSource(patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, callerGone, _stopping.Token);
        try
        {
            var (end, isRecorded) = await sent.Answer.WaitAsync(either.Token);
            if (end is not null)
                return isRecorded ? ImmediateAnswer.Of(query, sentAt, end, sent) : ImmediateAnswer.NotRecorded(query, sentAt, end, sent);
            sent.Dispose();
            return await ShowAsync(query);
        }
        catch (OperationCanceledException)
        {
            (gateway.Find(sent.Session.LinkId) ?? sent.Session).Cancel(query.Id);
            sent.Dispose();
            return ImmediateAnswer.NoAnswer(query, sentAt, time.GetUtcNow());
        }
        catch
        {
            sent.Dispose();
            throw;
        }
        finally
        {
            pending.Leave(sent);
        }
    }

    /// <summary>It never left this process: nothing ran, and the ledger hears so.</summary>
    async Task<ImmediateAnswer> TakeBackAsync(PendingQuery sent, Settlement end)
    {
        sent.Dispose();
        try
        {
            var query = sent.Sent.Query;
            return await outcomes.TakeBackAsync(sent, end) is { } taken ? ImmediateAnswer.Of(query, taken) : await ShowAsync(query);
        }
        finally
        {
            pending.Leave(sent);
        }
    }

    async Task<ImmediateAnswer> RefuseAsync(NewQuery query, Settlement end)
    {
        end = await ledger.RecordRefusedAsync(query, end).OrRefuseAsync();
        effects.Apply(query.Id, query.Mode, end.Status);
        return ImmediateAnswer.Of(query, end);
    }

    /// <summary>The service settled it: the answer is what the ledger says.</summary>
    async Task<ImmediateAnswer> ShowAsync(NewQuery query)
    {
        var record = await queries.FindAsync(query.IntegratorId, query.SiteId, query.Id)
            ?? throw new InvalidOperationException("An accepted query is not in the ledger.");
        return ImmediateAnswer.Of(QueryView.Of(record));
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
