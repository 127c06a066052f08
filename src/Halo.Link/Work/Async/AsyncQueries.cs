using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Transport;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Async;

/// <summary>The async queries that this Link has claimed: asks for them, keeps them in the journal, runs them, tells how they end.</summary>
/// <remarks>
/// What the session calls returns at once: everything is done in order by one loop, so neither the disk's sync nor a slow line
/// ever delays an immediate query, and what the loop alone touches needs no lock. Call <see cref="SettleAsync"/> once before the first session.
/// </remarks>
sealed partial class AsyncQueries : IAsyncDisposable
{
    /// <summary>Claims until they are settled; with half as many the Link asks for no more. All of them stand in the next Hello, which has a bound.</summary>
    const int MostClaims = 1000;

    /// <summary>More than an API that acknowledges every claim and cancels every query at once has to say.</summary>
    const int MostPosted = 10 * MostClaims;

    /// <summary>Bytes of it, those of claims apart.</summary>
    const long MostPostedBytes = 64L << 20;

    /// <summary>Bytes of claims from their arrival until they are settled. A Link holds some 20 of an API in order, of at most 16 MiB each by its default.</summary>
    const long MostClaimBytes = 512L << 20;

    readonly AsyncOptions _options;
    readonly TimeProvider _time;
    readonly CurrentSession _session;
    readonly IClaimedCommands _commands;
    readonly AsyncQueryContext _tools;
    readonly ILogger<AsyncQueries> _logger;
    readonly WorkLoop _loop;

    // The loop's own.
    readonly Dictionary<Guid, AsyncQuery> _held = [];
    readonly Queue<AsyncQuery> _ready = new();
    readonly HashSet<Task> _lives = [];
    readonly List<AsyncQuery> _settled = [];
    int _slots;
    int _executing;
    int _uploading;
    int _asked;
    bool _workMayWait;
    bool _stopping, _paused;

    // Written by whoever calls.
    int _welcomes;
    int _workTold;
    int _heldBack;
    int _claims;
    long _claimBytes;

    public AsyncQueries(
        AsyncOptions options, ClaimJournal journal, Spool spool, Uploader uploader, CurrentSession session, IClaimedCommands commands, TimeProvider time, ILogger<AsyncQueries> logger)
    {
        (_options, _slots, _session, _commands, _time, _logger) = (options, options.Slots, session, commands, time, logger);
        _loop = new(SettleForgotten, e => LogFault(FaultText.Of(e)));
        _tools = new(journal, new(journal, logger), spool, uploader, commands, time, logger, q => _loop.Post(() => SendReportAsync(q)), q => _loop.Post(() => Forget(q)));
        commands.PlaceFreed += OnPlaceFreed;
    }

    /// <summary>Queries in the databases now.</summary>
    public int Executing => Volatile.Read(ref _executing);

    /// <summary>Queries whose pages are on their way, the databases having answered.</summary>
    public int Uploading => Volatile.Read(ref _uploading);

    /// <summary>For Hello: every claim that is not settled, and the highest claim number ever seen. Ask when the session before has ended: what it brought is among them.</summary>
    public Task<(IReadOnlyList<HeldClaim> Claims, long LastNumber)> HeldAsync() => _loop.AskAsync<(IReadOnlyList<HeldClaim>, long)>(() =>
        ([.. _held.Values.Select(q => q.Entry.ToHeld()).OrderBy(c => c.Number)], _tools.Journal.LastClaimNumber));

    /// <summary>From now on so many in the databases at once; what runs goes on.</summary>
    public void Resize(int slots) => _loop.Post(() =>
    {
        _slots = slots;
        return ScheduleAsync();
    });

    /// <summary>No more is asked for, or it is again; what is here goes on.</summary>
    public void Pause(bool paused) => _loop.Post(() =>
    {
        (_paused, _workMayWait) = (paused, true);
        return ScheduleAsync();
    });

    /// <summary>Decides every entry that an earlier run left in the journal, and removes pages that belong to none. Reports follow with the first Welcome.</summary>
    public Task SettleAsync() => _loop.AskAsync(() =>
    {
        var entries = _tools.Journal.ReadHeld();
        var leftOvers = _tools.Spool.RemoveAllBut(entries.Select(e => e.QueryId).ToHashSet());
        List<(AsyncQuery, Report)> ends = [];
        foreach (var entry in entries)
        {
            var query = new AsyncQuery(entry, claim: null, _tools);
            _held[query.Id] = query;
            Interlocked.Increment(ref _claims);
            switch (entry.Phase)
            {
                case ClaimPhase.Claimed:
                    ends.Add((query, Reports.From(Endings.LinkDiedBeforeItBegan)));
                    break;
                case ClaimPhase.Uploading when entry.Report is not null:
                    Live(query, execute: false);
                    break;
                case ClaimPhase.Uploading:
                    ends.Add((query, Reports.PageLost(new Report(entry.ClaimId, ReportKind.UploadFailed), Contracts.Queries.Executed.Yes)));
                    break;
                case ClaimPhase.Executing:
                case ClaimPhase.Ended when entry.Report is null:
                    ends.Add((query, Reports.From(Endings.LinkDied)));
                    break;
            }
        }
        AsyncQuery.EndAll(ends, _tools);
        if (entries.Count > 0 || leftOvers > 0)
            LogSettled(entries.Count, leftOvers);
        return true;
    });

    /// <summary>A session is open: verdicts first, then what was not acknowledged, then new work.</summary>
    /// <param name="bytes">Of its message.</param>
    public void OnWelcome(Welcome welcome, int bytes = 0)
    {
        var session = Interlocked.Increment(ref _welcomes);
        _loop.Post(() => session == Volatile.Read(ref _welcomes) ? BeginSessionAsync(welcome) : ValueTask.CompletedTask, bytes);
    }

    /// <summary>The API ended a session for what it was told in it: what was not acknowledged is told without what it brought, so that none ends a session twice.</summary>
    public void OnRejected() => _loop.Post(async () =>
    {
        List<(AsyncQuery, Report Told, Report Smaller)> smaller = [];
        foreach (var query in _held.Values.ToList())
        {
            if (query.Pending is not { } report)
                continue;
            if (Reports.Untold(report) is not { } small || small.Kind != report.Kind)
                await TellWithoutAsync(query, report);
            else if (small != report)
                smaller.Add((query, report, small));
        }
        AsyncQuery.ReplaceAll(smaller, _tools);
    });

    /// <summary>There may be work at the API.</summary>
    public void OnWorkAvailable()
    {
        // Said again before it is looked at, it says nothing new.
        if (Interlocked.Exchange(ref _workTold, 1) != 0)
            return;
        _loop.Post(() =>
        {
            Volatile.Write(ref _workTold, 0);
            _workMayWait = true;
            return ScheduleAsync();
        });
    }

    /// <summary>The answer to a request of this session: claims that are this Link's now. Empty: it waits until it is told of work.</summary>
    /// <param name="bytes">Of their message.</param>
    public void OnClaims(IReadOnlyList<ArrivedClaim> claims, int bytes = 0)
    {
        var each = claims.Count == 0 ? 0 : bytes / claims.Count;
        Interlocked.Add(ref _claims, claims.Count);
        Interlocked.Add(ref _claimBytes, (long)each * claims.Count);
        _loop.Post(async () =>
        {
            _asked = 0;
            _workMayWait |= claims.Count > 0;
            await TakeAsync(claims, each);
            await ScheduleAsync();
        });
    }

    /// <summary>What the ledger made of a report.</summary>
    /// <param name="bytes">Of its message.</param>
    public void OnReportAck(Guid queryId, ReportAck ack, int bytes = 0) => _loop.Post(async () =>
    {
        // A newer API's kind of answer settles nothing: the report is told again in the next session.
        if (ack.Kind == ReportKind.Unknown || !_held.TryGetValue(queryId, out var query) || query.Entry.ClaimId != ack.ClaimId)
            return;
        if (ack is { Kind: ReportKind.Complete, MissingPages: { Count: > 0 } missing })
        {
            if (await query.SendAgainAsync(missing))
                Live(query, execute: false);
        }
        else if (!ack.Accepted)
            await DropAsync(query);
        else if (query.EndedWith(ack.Kind))
        {
            await Forget(query);
            if (Volatile.Read(ref _claims) == MostClaims / 2)
                await ScheduleAsync();
        }
        else
            query.Acknowledged(ack.Kind);
    }, bytes);

    /// <summary>Stops a query, wherever it is; nothing where it is not this Link's, or has ended.</summary>
    public void Cancel(Guid queryId) => _loop.Post(() =>
    {
        if (!_held.TryGetValue(queryId, out var query) || query.Ended)
            return ValueTask.CompletedTask;
        query.Stop(StopReason.Asked);
        return ScheduleAsync();
    });

    /// <summary>The API says more, and faster, than one in order ever does: the session is to be dropped, before it fills the memory.</summary>
    /// <param name="claimBytes">Of a message with claims that has just come; 0: of another.</param>
    public bool IsOverrun(int claimBytes = 0) => _loop.Count > MostPosted || _loop.Bytes > MostPostedBytes
        || claimBytes > 0 && (Volatile.Read(ref _claimBytes) + claimBytes > MostClaimBytes || Volatile.Read(ref _claims) > MostClaims);

    /// <summary>Takes no more work; hands back what is not begun, cancels what the databases have, leaves pages for the next run.</summary>
    /// <param name="giveUp">When to return at the latest: the journal then has what the next start needs.</param>
    public async Task StopAsync(CancellationToken giveUp)
    {
        _loop.Post(() =>
        {
            _stopping = true;
            foreach (var query in _held.Values.Except(_ready).Where(q => !q.Ended))
                query.Stop(StopReason.LinkStopping);
            return ScheduleAsync();
        });
        try
        {
            await Task.WhenAll(await _loop.AskAsync(() => _lives.ToArray()).WaitAsync(giveUp)).WaitAsync(giveUp);
            // What they had to tell has left.
            await _loop.AskAsync(() => true).WaitAsync(giveUp);
        }
        catch (OperationCanceledException)
        {
            LogStopIncomplete();
        }
    }

    /// <summary>Ends the loop; after <see cref="StopAsync"/>. Journal, spool and uploader are the owner's to dispose, after this.</summary>
    /// <remarks>What waits in the loop by then is passed over: the next start settles it from the journal.</remarks>
    public ValueTask DisposeAsync() => _loop.DisposeAsync();

    /// <summary>A place of a practice is free: what waits for one may begin, and what was handed back may be claimed again.</summary>
    void OnPlaceFreed()
    {
        if (Interlocked.Exchange(ref _heldBack, 0) != 0)
            OnWorkAvailable();
    }

    async ValueTask BeginSessionAsync(Welcome welcome)
    {
        foreach (var drop in welcome.Claims.Where(c => c.Verdict == Verdict.Drop))
        {
            if (_held.Values.FirstOrDefault(q => q.Entry.ClaimId == drop.ClaimId) is { } query)
                await DropAsync(query);
        }
        foreach (var query in _held.Values.ToList())
            await SendReportAsync(query);
        _asked = 0;
        _workMayWait = true;
        await ScheduleAsync();
    }

    [LoggerMessage(2110, LogLevel.Information, "The journal held {Claims} claims of an earlier run, the spool left-overs of {LeftOvers} queries; decided.")]
    partial void LogSettled(int claims, int leftOvers);

    [LoggerMessage(2111, LogLevel.Warning, "Stopping took too long; the next start settles what is open.")]
    partial void LogStopIncomplete();

    [LoggerMessage(2112, LogLevel.Error, "A fault in handling async work: {Fault}")]
    partial void LogFault(string fault);
}
