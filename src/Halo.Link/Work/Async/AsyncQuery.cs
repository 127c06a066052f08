using System.Diagnostics.CodeAnalysis;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Async;

/// <summary>What every claimed query works with.</summary>
/// <param name="Desk">Where entries go into <paramref name="Journal"/>.</param>
/// <param name="Send">Sends the query's pending report after those before it; returns at once.</param>
/// <param name="Forget">The query is settled: takes it off the list.</param>
sealed record AsyncQueryContext(
    ClaimJournal Journal,
    JournalWriter Desk,
    Spool Spool,
    Uploader Uploader,
    IClaimedCommands Commands,
    TimeProvider Time,
    ILogger Logger,
    Action<AsyncQuery> Send,
    Action<AsyncQuery> Forget);

/// <summary>The life of one claimed query, from the journal to the last report: execute, deliver, tell.</summary>
/// <remarks><see cref="ExecuteAsync"/> and <see cref="DeliverAsync"/> follow one another; all else may be called at any time.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "The source has no timer and no handle; disposing it would race with its callers.")]
sealed partial class AsyncQuery(JournalEntry entry, Claim? claim, AsyncQueryContext tools)
{
    readonly Lock _lock = new();
    readonly CancellationTokenSource _cancel = new();
    readonly ClaimRecord _record = new(entry, tools.Desk);
    PageDelivery? _delivery;
    long _answered;
    StopReason _reason;

    public Guid Id { get; } = entry.QueryId;

    /// <summary>What was claimed; null of one that an earlier run claimed.</summary>
    public Claim? Claim => claim;

    /// <summary>Of its claim's message.</summary>
    public int Bytes { get; init; }

    /// <summary>Whether the practice's rules, or its database, once kept it from beginning.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Whether they did for so long that it is to go back into the queue.</summary>
    public bool WasHeldLongEnough { get; set; }

    /// <summary>As it stands in the journal.</summary>
    public JournalEntry Entry => _record.Entry;

    /// <summary>The last report, under the present claim, until the API has acknowledged it.</summary>
    public Report? Pending => _record.Pending;

    /// <summary>Whether its last report is made.</summary>
    public bool Ended => Entry.Phase is ClaimPhase.Ended or ClaimPhase.HandedBack;

    /// <summary>Whether its last report is made, and is of this kind. Phase and report change together: a late word on an earlier report ends nothing.</summary>
    public bool EndedWith(ReportKind kind) => Entry is { Phase: ClaimPhase.Ended or ClaimPhase.HandedBack, Report: { } last } && last.Kind == kind;

    /// <summary>Why it is being stopped.</summary>
    public StopReason Reason
    {
        get
        {
            lock (_lock)
                return _reason;
        }
    }

    /// <summary>Gives it to the database and, if it answers in full, leaves it <see cref="ClaimPhase.Uploading"/>.</summary>
    public async Task ExecuteAsync()
    {
        var reachable = Reason != StopReason.None || await tools.Commands.IsReachableAsync(claim!, _cancel.Token);
        // Also where it was asked to stop meanwhile: nothing of it has begun.
        if (Reason != StopReason.None)
        {
            await EndStoppedAsync(new(Ending.Cancelled, Executed.No), null);
            return;
        }
        if (!reachable)
        {
            await EndAsync(Reports.HandedBack);
            return;
        }
        if (!_record.Update(e => e with { Phase = ClaimPhase.Executing, Begun = true }))
        {
            await EndAsync(Endings.JournalRefused);
            return;
        }
        if (claim!.KeyHash is { } taking)
        {
            if (!tools.Desk.TryTakeKey(taking, Id, out var known))
            {
                await EndAsync(Endings.JournalRefused);
                return;
            }
            if (known is { } executed)
            {
                await EndAsync(Endings.AlreadyExecuted(executed));
                return;
            }
        }
        var delivery = _delivery = new PageDelivery(tools.Uploader, Id, () => Entry.ClaimId, () => Stop(StopReason.PagesFailed));
        await using var sink = new PageSink(tools.Spool, Id, Math.Max(1, claim.PageBytes), TellColumns, page => delivery.Add(page.Number));
        ExecutionResult result;
        using var span = Telemetry.StartQuery(QueryMode.Async, Id, claim.SiteId, claim.TraceParent);
        try
        {
            result = await tools.Commands.RunAsync(claim, sink, _cancel.Token);
        }
        catch (Exception e)
        {
            LogFault(tools.Logger, Id, e.GetType().Name);
            await sink.DisposeAsync();
            await EndAsync(Endings.Fault(begun: true));
            return;
        }
        _answered = tools.Time.GetTimestamp();
        if (claim.KeyHash is { } taken)
            tools.Desk.SettleKey(taken, Id, result.Executed);
        Telemetry.Ended(QueryMode.Async, result.Ending, result.Timings);
        await sink.DisposeAsync();
        await ConcludeAsync(result, ((ISiteCommand)claim).IsNonQuery ? null : sink);
    }

    /// <summary>Delivers what is not delivered yet and ends it; returns at once where there is nothing to deliver.</summary>
    public async Task DeliverAsync()
    {
        if (Entry is not { Phase: ClaimPhase.Uploading, Report: { } known } uploading)
            return;
        var delivery = _delivery ??= Resume();
        delivery.Complete();
        var left = TimeSpan.FromMilliseconds(uploading.UploadDeadline ?? 0) - tools.Journal.Uptime;
        await using (tools.Time.CreateTimer(_ => Stop(StopReason.UploadLimit), null, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan))
        {
            if (Reason != StopReason.None)
                _ = delivery.StopAsync();
            switch (await delivery.Completion)
            {
                case UploadEnd.Delivered:
                    await EndAsync(known with
                    {
                        Kind = ReportKind.Complete,
                        UploadMs = _answered == 0 ? null : tools.Time.GetElapsedTime(_answered).TotalMilliseconds,
                    });
                    break;
                case UploadEnd.Settled:
                    await DropAsync();
                    break;
                case UploadEnd.Stopped:
                    await EndStoppedUploadAsync(known);
                    break;
                default:
                    await EndAsync(Reports.PageLost(known, Executed.Yes));
                    break;
            }
        }
    }

    /// <summary>Stops it, whatever it is doing; its end follows.</summary>
    public void Stop(StopReason reason)
    {
        lock (_lock)
        {
            if (_reason == StopReason.None || reason == StopReason.Dropped)
                _reason = reason;
        }
        _ = _cancel.CancelAsync();
        if (reason != StopReason.PagesFailed)
            _ = _delivery?.StopAsync();
    }

    /// <summary>The reports that wait, with less in them: in one transaction.</summary>
    public static void ReplaceAll(IEnumerable<(AsyncQuery Query, Report Told, Report Smaller)> reports, AsyncQueryContext tools) =>
        ClaimRecord.ReplaceAll(reports.Select(r => (r.Query._record, r.Told, r.Smaller)), tools.Desk);

    /// <summary>Ends with reports that are known already what does not run: after a restart, or before it began. In one transaction, since a thousand may be held.</summary>
    public static void EndAll(IEnumerable<(AsyncQuery Query, Report Report)> ends, AsyncQueryContext tools)
    {
        (AsyncQuery Query, Report Report)[] all = [.. ends];
        ClaimRecord.UpdateAll(all.Select(r => (r.Query._record, (Func<JournalEntry, JournalEntry>)(e => e with { Phase = PhaseOf(r.Report), Report = r.Report }))), tools.Desk);
        foreach (var (query, report) in all)
        {
            query.SendReport();
            if (!KeepsPages(report))
                query.RemovePages();
        }
    }

    /// <summary>Ends it as the Link itself ends it.</summary>
    public Task EndAsync(ExecutionResult result) => EndAsync(Reports.From(result));

    /// <summary>Ends it with a report that is known already.</summary>
    public async Task EndAsync(Report report)
    {
        if (report.Kind != ReportKind.Complete && _delivery is { } delivery)
            await delivery.StopAsync();
        Tell(report, e => e with { Phase = PhaseOf(report) });
        if (!KeepsPages(report))
            RemovePages();
    }

    /// <summary>The pages of a whole result stay until the API says that it has them all. What was handed back has none; those of its next claim, which may be there by now, have the same id.</summary>
    static bool KeepsPages(Report last) => last.Kind is ReportKind.Complete or ReportKind.HandBack;

    /// <summary>A second claim of the query: from now on it is reported under that.</summary>
    public void Rebind(Claim second)
    {
        _record.Update(e => e with { ClaimId = second.ClaimId, Number = second.Number });
        if (Pending is not null)
            tools.Send(this);
    }

    /// <summary>The API misses pages after Complete: makes it uploading again, with these.</summary>
    /// <returns>False: they are not here any more, and it has ended so.</returns>
    public async Task<bool> SendAgainAsync(IReadOnlyList<int> missing)
    {
        if (Entry is not { Phase: ClaimPhase.Ended, Report: { Kind: ReportKind.Complete } known } || Reason != StopReason.None)
            return false;
        var here = tools.Spool.Pages(Id).Select(p => p.Page).ToHashSet();
        if (!missing.All(here.Contains))
        {
            await EndAsync(Reports.PageLost(known, Executed.Yes));
            return false;
        }
        if (_delivery is { } old)
            await old.StopAsync();
        _delivery = new PageDelivery(tools.Uploader, Id, () => Entry.ClaimId, () => { });
        foreach (var page in missing)
            _delivery.Add(page);
        _record.Update(e => e with { Phase = ClaimPhase.Uploading, Report = known with { Kind = ReportKind.Uploading, UploadMs = null } });
        return true;
    }

    /// <summary>Forgets that a report waits, once it was acknowledged and another will follow.</summary>
    public void Acknowledged(ReportKind kind) => _record.Acknowledged(kind);

    PageDelivery Resume()
    {
        var delivery = new PageDelivery(tools.Uploader, Id, () => Entry.ClaimId, () => { });
        foreach (var (page, sent) in tools.Spool.Pages(Id))
        {
            if (!sent)
                delivery.Add(page);
        }
        return delivery;
    }

    async Task ConcludeAsync(ExecutionResult result, PageSink? pages)
    {
        var whole = result.Ending == Ending.Successful;
        if (whole && pages is null)
            await EndAsync(Reports.From(result, ReportKind.Complete, null));
        else if (whole && Reason is StopReason.None or StopReason.LinkStopping)
            await BeginUploadingAsync(Reports.From(result, ReportKind.Uploading, pages));
        else if (result.Ending == Ending.Failed)
            await EndAsync(Reports.From(result, ReportKind.Failed, pages));
        else
            await EndStoppedAsync(result, pages);
    }

    async Task BeginUploadingAsync(Report report)
    {
        try
        {
            // The journal says "whole" only of what a power loss cannot take.
            tools.Spool.Sync(Id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogFault(tools.Logger, Id, e.GetType().Name);
            await EndAsync(Reports.PageLost(report, Executed.Yes));
            return;
        }
        var deadline = tools.Journal.Uptime + TimeSpan.FromMilliseconds(claim!.UploadLimitMs);
        Tell(report, e => e with { Phase = ClaimPhase.Uploading, UploadDeadline = (long)deadline.TotalMilliseconds });
    }

    /// <summary>It was cancelled, or it is rows that nobody wants any more.</summary>
    async Task EndStoppedAsync(ExecutionResult result, PageSink? pages)
    {
        switch (Reason)
        {
            case StopReason.Dropped:
                await DropAsync(Reports.From(Endings.Cancelled(result.Executed)));
                break;
            case StopReason.LinkStopping when !Entry.Begun:
                await EndAsync(Reports.HandedBack);
                break;
            case StopReason.LinkStopping:
                await EndAsync(Endings.LinkStopping(result));
                break;
            case StopReason.PagesFailed when _delivery is { } delivery && await delivery.Completion == UploadEnd.Settled:
                await DropAsync(Reports.From(Endings.Cancelled(result.Executed)));
                break;
            case StopReason.PagesFailed:
                await EndAsync(Reports.PageLost(Reports.From(result, ReportKind.UploadFailed, pages), result.Executed));
                break;
            default:
                await EndAsync(Endings.Cancelled(result.Executed));
                break;
        }
    }

    async Task EndStoppedUploadAsync(Report known)
    {
        switch (Reason)
        {
            case StopReason.LinkStopping:
                // The journal has it as uploading: the next run goes on.
                break;
            case StopReason.Untold:
                // Its last report is made.
                break;
            case StopReason.UploadLimit:
                await EndAsync(Reports.UploadTimeout(known));
                break;
            case StopReason.Dropped:
                await DropAsync();
                break;
            default:
                await EndAsync(Endings.Cancelled(Executed.Yes));
                break;
        }
    }

    async Task DropAsync(Report? known = null)
    {
        if (_delivery is { } delivery)
            await delivery.StopAsync();
        if (known is not null)
            _record.Update(e => e with { Phase = ClaimPhase.Ended, Report = known });
        tools.Forget(this);
    }

    void TellColumns(IReadOnlyList<ResultColumn> columns)
    {
        _record.Await(new Report(Guid.Empty, ReportKind.Reading) { Columns = columns });
        tools.Send(this);
    }

    /// <summary>Into the journal first, then to the API.</summary>
    void Tell(Report report, Func<JournalEntry, JournalEntry> change)
    {
        _record.Update(e => change(e) with { Report = report });
        SendReport();
    }

    /// <summary>Its report stands in the journal: now the API is to hear it, unless it has settled the query otherwise.</summary>
    void SendReport()
    {
        if (Reason == StopReason.Dropped)
            tools.Forget(this);
        else
            tools.Send(this);
    }

    static ClaimPhase PhaseOf(Report last) => last.Kind == ReportKind.HandBack ? ClaimPhase.HandedBack : ClaimPhase.Ended;

    /// <summary>Nobody wants its pages any more.</summary>
    public void RemovePages()
    {
        try
        {
            tools.Spool.Remove(Id);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogLeft(tools.Logger, Id, e.GetType().Name);
        }
    }

    [LoggerMessage(2101, LogLevel.Error, "Query {QueryId} met a fault of the agent's own: {Kind}.")]
    static partial void LogFault(ILogger logger, Guid queryId, string kind);

    [LoggerMessage(2103, LogLevel.Warning, "The pages of query {QueryId} could not be removed ({Kind}); the next start removes what belongs to no claim.")]
    static partial void LogLeft(ILogger logger, Guid queryId, string kind);
}
