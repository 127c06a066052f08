using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

// What the loop does: claims into the journal, queries into slots, reports onto the line.
sealed partial class AsyncQueries
{
    /// <summary>So long a claim waits here for a place that the practice's rule (maxConcurrent) leaves free; then it goes back into the queue.</summary>
    /// <remarks>Below the grace that the API gives a claim: a query that it has settled must not begin.</remarks>
    static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(5);

    /// <summary>Writes down what arrived, begins what has a slot, asks for more where slots are left.</summary>
    async ValueTask ScheduleAsync()
    {
        int wanted;
        var held = 0;
        List<AsyncQuery> unwanted = [];
        lock (_gate)
        {
            TakeArrived();
            for (var waiting = _ready.Count; waiting > 0; waiting--)
            {
                var next = _ready.Dequeue();
                if (next.Ended)
                    continue;
                if (_stopping || next.Reason != StopReason.None)
                    unwanted.Add(next);
                else if (_executing >= Volatile.Read(ref _slots))
                    _ready.Enqueue(next);
                else if (TryBegin(next))
                    Live(next, execute: true);
                else if (Hold(next))
                {
                    _ready.Enqueue(next);
                    held++;
                }
                else
                    unwanted.Add(next);
            }
            // What the practice holds back takes nobody else's slot, as long as it is not much.
            var slots = Volatile.Read(ref _slots);
            var free = _uploading >= _options.MaxUploading || Volatile.Read(ref _claims) > MostClaims / 2 || held > slots ? 0 : slots - _executing - (_ready.Count - held);
            // While no database can be had the queries wait at the API.
            wanted = _stopping || !_workMayWait || _asked > 0 || _places?.IsAllUnavailable == true ? 0 : Math.Max(0, free);
            _asked += wanted;
            _workMayWait &= wanted == 0;
        }
        AsyncQuery.EndAll(unwanted.Select(q => (q, q.Reason is StopReason.None or StopReason.LinkStopping ? Endings.HandedBack : Endings.Cancelled(Executed.No))), _tools);
        var request = new ClaimRequest(wanted) { ExceptSites = _places?.UnavailableSites is { Count: > 0 } except ? [.. except.Take(ClaimRequest.MostExceptSites)] : null };
        if (wanted > 0 && !await _session.SendAsync(FrameKind.ClaimRequest, Guid.Empty, request, ProtocolJson.Default.ClaimRequest))
            _asked = 0; // The next Welcome asks again.
    }

    bool TryBegin(AsyncQuery query)
    {
        if (_places is null)
            return true;
        // Claimed before its database was away, or by an API that does not heed what it was asked.
        if (_places.UnavailableSites.Contains(query.Claim!.SiteId))
            return false;
        if (_places.TryEnter(query.Claim))
            return true;
        // First the mark, then the second look: a place freed in between is seen by one of the two.
        Volatile.Write(ref _heldBack, 1);
        return _places.TryEnter(query.Claim!);
    }

    /// <returns>False: it has waited long enough.</returns>
    bool Hold(AsyncQuery query)
    {
        if (query.IsHeld)
            return !query.WasHeldLongEnough;
        query.IsHeld = true;
        ITimer? timer = null;
        timer = _time.CreateTimer(_ =>
        {
            timer?.Dispose();
            // Said by the timer, not measured again: it may come some milliseconds early, and no other would follow.
            query.WasHeldLongEnough = true;
            Post(ScheduleAsync);
        }, null, LongestHold, Timeout.InfiniteTimeSpan);
        return true;
    }

    /// <summary>Into the journal, synced, in one transaction, before anything else is done with them. Under the gate; never throws.</summary>
    void TakeArrived()
    {
        // The last word on a query counts, should there be two.
        Dictionary<Guid, ArrivedClaim> arrived = [];
        while (_arrived.TryDequeue(out var next))
        {
            if (arrived.Remove(next.Claim.QueryId, out var before))
                Release(before.Bytes);
            arrived[next.Claim.QueryId] = next;
        }
        List<AsyncQuery> fresh = [];
        var known = true;
        foreach (var next in arrived.Values)
        {
            var (claim, readable) = next;
            if (_held.TryGetValue(claim.QueryId, out var held) && held.Entry.Phase != ClaimPhase.HandedBack)
            {
                if (held.Entry.ClaimId != claim.ClaimId)
                    held.Rebind(claim);
                Release(next.Bytes);
                continue;
            }
            var entry = new JournalEntry(claim.QueryId, claim.ClaimId, claim.Number, claim.SiteId, claim.IntegratorId, ClaimPhase.Claimed);
            known &= _tools.Desk.TryFind(claim.QueryId, out var before);
            if (before is { Begun: true })
                entry = entry with { Phase = ClaimPhase.Ended, Begun = true, Report = before.Report ?? Endings.DiedExecuting };
            else if (!readable)
                entry = entry with { Phase = ClaimPhase.Ended, Report = Endings.Unreadable };
            else if (RequestBounds.FaultOf(claim) is { } fault)
                entry = entry with { Phase = ClaimPhase.Ended, Report = Endings.OutOfRange(fault) };
            fresh.Add(new AsyncQuery(entry, claim, _tools) { Bytes = next.Bytes });
        }
        if (fresh.Count == 0)
            return;
        var mayBegin = known && _tools.Desk.TrySave([.. fresh.Select(q => q.Entry)]);
        foreach (var query in fresh)
        {
            if (_held.TryRemove(query.Id, out var handedBack))
                Release(handedBack.Bytes);
            _held[query.Id] = query;
            if (query.Ended)
                Post(() => SendReportAsync(query));
            else if (!mayBegin)
                Post(() => new ValueTask(query.EndAsync(Endings.JournalRefused)));
            else
                _ready.Enqueue(query);
        }
    }

    /// <summary>Runs a query to its last report, beside the loop.</summary>
    void Live(AsyncQuery query, bool execute)
    {
        lock (_gate)
        {
            if (execute)
                _executing++;
            else
                _uploading++;
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var life = LiveAsync(query, execute, started.Task);
            _lives.Add(life);
            _ = life.ContinueWith(ended => Post(() => RemoveLife(ended)), TaskScheduler.Default);
            started.SetResult();
        }
    }

    async Task LiveAsync(AsyncQuery query, bool execute, Task started)
    {
        await started;
        try
        {
            if (execute)
                await query.ExecuteAsync();
        }
        catch (Exception e)
        {
            LogFault(FaultText.Of(e));
            await query.EndAsync(Endings.Fault);
        }
        if (execute)
        {
            lock (_gate)
            {
                _executing--;
                _uploading++;
            }
            _places?.Leave(query.Claim!);
            Post(ScheduleAsync);
        }
        try
        {
            await query.DeliverAsync();
        }
        catch (Exception e)
        {
            LogFault(FaultText.Of(e));
            await query.EndAsync(Endings.PageLost(new Report(Guid.Empty, ReportKind.UploadFailed), Executed.Yes));
        }
        finally
        {
            lock (_gate)
                _uploading--;
        }
    }

    ValueTask RemoveLife(Task life)
    {
        lock (_gate)
            _lives.Remove(life);
        return ScheduleAsync();
    }

    /// <summary>The API has settled it otherwise. What runs is stopped first, and forgotten at its end.</summary>
    async ValueTask DropAsync(AsyncQuery query)
    {
        // First the reason, then the look: a query that ends at this moment is forgotten by itself, or seen to have ended.
        query.Stop(StopReason.Dropped);
        if (query.Ended)
            await Forget(query);
        else
            Leave(query);
        await ScheduleAsync();
    }

    ValueTask Forget(AsyncQuery query)
    {
        Leave(query);
        // Its pages stand under the query's id: those of a later claim of it are that one's.
        if (!_held.ContainsKey(query.Id))
            query.RemovePages();
        _settled.Add(query);
        if (_settled.Count >= MostClaims / 10)
            SettleForgotten();
        return ValueTask.CompletedTask;
    }

    /// <summary>Out of the journal, in one transaction, when the loop has nothing else to do or they are many. Should that not come any more, they are told again and dropped.</summary>
    void SettleForgotten()
    {
        if (_settled.Count == 0)
            return;
        _tools.Desk.Settle([.. _settled.Select(q => q.Entry)]);
        _settled.Clear();
    }

    /// <summary>A claim is settled, or was none of its own.</summary>
    void Release(int bytes)
    {
        Interlocked.Add(ref _claimBytes, -bytes);
        Interlocked.Decrement(ref _claims);
    }

    void Leave(AsyncQuery query)
    {
        if (_held.TryRemove(KeyValuePair.Create(query.Id, query)))
            Release(query.Bytes);
    }

    async ValueTask SendReportAsync(AsyncQuery query)
    {
        if (query.Pending is { } report)
        {
            try
            {
                await _session.SendAsync(FrameKind.Report, query.Id, report, ProtocolJson.Default.Report);
            }
            catch (Exception e) when (e is FrameTooLargeException or OverBoundException)
            {
                LogFault(FaultText.Of(e));
                await TellWithoutAsync(query, report);
            }
        }
    }

    /// <summary>Its last report cannot be told, or ended a session: it is told without what it brought.</summary>
    async ValueTask TellWithoutAsync(AsyncQuery query, Report report)
    {
        if (Endings.Untold(report) is not { } small)
            query.Acknowledged(report.Kind);
        else if (small.Kind == report.Kind)
            AsyncQuery.ReplaceAll([(query, report, small)], _tools);
        else
        {
            query.Stop(StopReason.Untold);
            await query.EndAsync(small);
        }
        if (query.Pending is { } next && next != report)
            await _session.SendAsync(FrameKind.Report, query.Id, next, ProtocolJson.Default.Report);
    }
}
