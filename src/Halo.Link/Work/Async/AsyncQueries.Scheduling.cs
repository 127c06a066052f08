using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

// What the loop does: claims into the journal, queries into slots, reports onto the line. All of it in the loop, but for LiveAsync.
sealed partial class AsyncQueries
{
    /// <summary>So long a claim waits here for a place that the practice's rule (maxConcurrent) leaves free; then it goes back into the queue.</summary>
    /// <remarks>Below the grace that the API gives a claim: a query that it has settled must not begin.</remarks>
    static readonly TimeSpan LongestHold = TimeSpan.FromSeconds(5);

    /// <summary>Into the journal, synced, in one transaction, before anything else is done with them.</summary>
    /// <param name="bytes">Of each in their message.</param>
    async ValueTask TakeAsync(IReadOnlyList<ArrivedClaim> claims, int bytes)
    {
        List<AsyncQuery> fresh = [];
        var known = true;
        // The last word on a query counts, should there be two.
        foreach (var (claim, readable) in claims.GroupBy(c => c.Claim.QueryId).Select(g => g.Last()))
        {
            if (_held.TryGetValue(claim.QueryId, out var held) && held.Entry.Phase != ClaimPhase.HandedBack)
            {
                if (held.Entry.ClaimId != claim.ClaimId)
                    held.Rebind(claim);
                continue;
            }
            known &= _tools.Desk.TryFind(claim.QueryId, out var before);
            fresh.Add(new(EntryOf(claim, readable, before), claim, _tools) { Bytes = bytes });
        }
        Release(claims.Count - fresh.Count, bytes);
        if (fresh.Count == 0)
            return;
        var mayBegin = known && _tools.Desk.TrySave([.. fresh.Select(q => q.Entry)]);
        foreach (var query in fresh)
        {
            if (_held.Remove(query.Id, out var handedBack))
                Release(1, handedBack.Bytes);
            _held[query.Id] = query;
            if (mayBegin && !query.Ended)
                _ready.Enqueue(query);
        }
        var ended = fresh.FindAll(q => q.Ended);
        if (!mayBegin)
            AsyncQuery.EndAll(fresh.Where(q => !q.Ended).Select(q => (q, Reports.From(Endings.JournalRefused))), _tools);
        foreach (var query in ended)
            await SendReportAsync(query);
    }

    /// <param name="before">What the journal knows of the query; null: nothing.</param>
    static JournalEntry EntryOf(Claim claim, bool readable, JournalEntry? before)
    {
        var entry = new JournalEntry(claim.QueryId, claim.ClaimId, claim.Number, claim.SiteId, claim.IntegratorId, ClaimPhase.Claimed);
        if (before is { Begun: true })
            return entry with { Phase = ClaimPhase.Ended, Begun = true, Report = before.Report ?? Reports.From(Endings.LinkDied) };
        if (!readable)
            return entry with { Phase = ClaimPhase.Ended, Report = Reports.From(Endings.NotUnderstood) };
        return RequestBounds.FaultOf(claim) is { } fault ? entry with { Phase = ClaimPhase.Ended, Report = Reports.From(Endings.OutOfRange(fault)) } : entry;
    }

    /// <summary>Begins what has a slot, gives back what has to go, asks for more where slots are left.</summary>
    async ValueTask ScheduleAsync()
    {
        var held = 0;
        List<AsyncQuery> unwanted = [];
        for (var waiting = _ready.Count; waiting > 0; waiting--)
        {
            var next = _ready.Dequeue();
            if (next.Ended)
                continue;
            if (_stopping || next.Reason != StopReason.None)
                unwanted.Add(next);
            else if (_executing >= _slots)
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
        AsyncQuery.EndAll(
            unwanted.Select(q => (q, q.Reason is StopReason.None or StopReason.LinkStopping ? Reports.HandedBack : Reports.From(Endings.Cancelled(Executed.No)))), _tools);
        // What the practice holds back takes nobody else's slot, as long as it is not much.
        var free = _uploading >= _options.MaxUploading || Volatile.Read(ref _claims) > MostClaims / 2 || held > _slots ? 0 : _slots - _executing - (_ready.Count - held);
        // While no database can be had the queries wait at the API.
        if (free <= 0 || _stopping || _paused || !_workMayWait || _asked > 0 || _commands.IsAllUnavailable)
            return;
        _asked = free;
        _workMayWait = false;
        var request = new ClaimRequest(free) { ExceptSites = _commands.UnavailableSites is { Count: > 0 } except ? [.. except.Take(ClaimRequest.MostExceptSites)] : null };
        if (!await _session.SendAsync(FrameKind.ClaimRequest, Guid.Empty, request, ProtocolJson.Default.ClaimRequest))
            _asked = 0; // The next Welcome asks again.
    }

    bool TryBegin(AsyncQuery query)
    {
        // Claimed before its database was away, or by an API that does not heed what it was asked.
        if (_commands.UnavailableSites.Contains(query.Claim!.SiteId))
            return false;
        if (_commands.TryEnter(query.Claim))
            return true;
        // First the mark, then the second look: a place freed in between is seen by one of the two.
        Volatile.Write(ref _heldBack, 1);
        return _commands.TryEnter(query.Claim);
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
            _loop.Post(() =>
            {
                // Said by the timer, not measured again: it may come some milliseconds early, and no other would follow.
                query.WasHeldLongEnough = true;
                return ScheduleAsync();
            });
        }, null, LongestHold, Timeout.InfiniteTimeSpan);
        return true;
    }

    /// <summary>Runs a query to its last report, beside the loop.</summary>
    void Live(AsyncQuery query, bool execute)
    {
        if (execute)
            _executing++;
        else
            _uploading++;
        var life = Task.Run(() => LiveAsync(query, execute));
        _lives.Add(life);
        life.ContinueWith(ended => _loop.Post(() =>
        {
            _uploading--;
            _lives.Remove(ended);
            return ScheduleAsync();
        }), TaskScheduler.Default);
    }

    /// <summary>Beside the loop.</summary>
    async Task LiveAsync(AsyncQuery query, bool execute)
    {
        if (execute)
        {
            try
            {
                await query.ExecuteAsync();
            }
            catch (Exception e)
            {
                LogFault(FaultText.Of(e));
                await query.EndAsync(Endings.Fault(begun: true));
            }
            finally
            {
                _commands.Leave(query.Claim!);
                _loop.Post(() =>
                {
                    _executing--;
                    _uploading++;
                    return ScheduleAsync();
                });
            }
        }
        try
        {
            await query.DeliverAsync();
        }
        catch (Exception e)
        {
            LogFault(FaultText.Of(e));
            await query.EndAsync(Reports.PageLost(new Report(Guid.Empty, ReportKind.UploadFailed), Executed.Yes));
        }
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

    void Leave(AsyncQuery query)
    {
        if (_held.GetValueOrDefault(query.Id) != query)
            return;
        _held.Remove(query.Id);
        Release(1, query.Bytes);
    }

    /// <summary>Claims are settled, or were none of their own.</summary>
    /// <param name="bytes">Of each.</param>
    void Release(int claims, int bytes)
    {
        Interlocked.Add(ref _claims, -claims);
        Interlocked.Add(ref _claimBytes, -(long)claims * bytes);
    }

    async ValueTask SendReportAsync(AsyncQuery query)
    {
        if (query.Pending is not { } report)
            return;
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

    /// <summary>Its last report cannot be told, or ended a session: it is told without what it brought.</summary>
    async ValueTask TellWithoutAsync(AsyncQuery query, Report report)
    {
        if (Reports.Untold(report) is not { } small)
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
