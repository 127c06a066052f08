using System.Collections.Concurrent;
using System.Threading.Channels;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Async;

/// <summary>The async queries that this Link has claimed: asks for them, keeps them in the journal, runs them, tells how they end.</summary>
/// <remarks>
/// What the session calls returns at once: everything is done in order by one loop, so neither the disk's sync nor a slow line
/// ever delays an immediate query. Call <see cref="SettleAsync"/> once before the first session.
/// </remarks>
sealed partial class AsyncQueries : IAsyncDisposable
{
    /// <summary>Claims until they are settled; with half as many the Link asks for no more. All of them stand in the next Hello, which has a bound.</summary>
    const int MostClaims = 1000;

    /// <summary>More than an API that acknowledges every claim and cancels every query at once has to say.</summary>
    const int MostMail = 10 * MostClaims;

    /// <summary>Bytes of it, those of claims apart.</summary>
    const long MostMailBytes = 64L << 20;

    /// <summary>Bytes of claims from their arrival until they are settled. A Link holds some 20 of an API in order, of at most 16 MiB each by its default.</summary>
    const long MostClaimBytes = 512L << 20;

    readonly AsyncOptions _options;
    readonly ClaimedCommands? _places;
    readonly TimeProvider _time;
    int _slots;
    readonly CurrentSession _session;
    readonly AsyncQueryContext _tools;
    readonly ILogger<AsyncQueries> _logger;
    readonly Lock _gate = new();
    readonly ConcurrentDictionary<Guid, AsyncQuery> _held = new();
    readonly ConcurrentQueue<ArrivedClaim> _arrived = new();
    readonly Queue<AsyncQuery> _ready = new();
    readonly HashSet<Task> _lives = [];
    readonly Channel<(Func<ValueTask> Work, int Bytes)> _mail = Channel.CreateUnbounded<(Func<ValueTask>, int)>(new() { SingleReader = true });
    readonly List<AsyncQuery> _settled = [];
    readonly Task _loop;
    int _executing;
    int _uploading;
    int _mailed;
    long _mailBytes;
    int _welcomes;
    int _scheduling;
    long _claimBytes;
    int _claims;
    int _asked;
    int _heldBack;
    bool _workMayWait;
    bool _stopping;
    volatile bool _disposed;

    public AsyncQueries(
        AsyncOptions options,
        ClaimJournal journal,
        Spool spool,
        Uploader uploader,
        CurrentSession session,
        ExecuteClaim execute,
        TimeProvider time,
        ILogger<AsyncQueries> logger,
        (ClaimedCommands Commands, PracticeConcurrency Places)? practice = null)
    {
        _options = options;
        _places = practice?.Commands;
        _time = time;
        _slots = options.Slots;
        _session = session;
        _logger = logger;
        _tools = new AsyncQueryContext(journal, new(journal, logger), spool, uploader, execute, time, logger, q => Post(() => SendReportAsync(q)), q => Post(() => Forget(q)))
        {
            IsReachable = _places is { } commands ? commands.IsReachableAsync : null,
        };
        _loop = Task.Run(ReadMailAsync);
        if (practice is { } rules)
            rules.Places.Freed += _ => OnPlaceFreed();
    }

    /// <summary>For Hello: every claim that is not settled, those that have just arrived included. Read it when the session before has ended.</summary>
    public IReadOnlyList<HeldClaim> Held
    {
        get
        {
            lock (_gate)
            {
                TakeArrived();
                return [.. _held.Values.Select(q => q.Entry.ToHeld()).OrderBy(c => c.Number)];
            }
        }
    }

    /// <summary>For Hello: the highest claim number ever seen. Read it after <see cref="Held"/>.</summary>
    public long LastClaimNumber => _tools.Journal.LastClaimNumber;

    /// <summary>Queries in the databases now.</summary>
    public int Executing => Volatile.Read(ref _executing);

    /// <summary>Queries whose pages are on their way, the databases having answered.</summary>
    public int Uploading => Volatile.Read(ref _uploading);

    /// <summary>From now on so many in the databases at once; what runs goes on.</summary>
    public void Resize(int slots)
    {
        Volatile.Write(ref _slots, slots);
        Post(ScheduleAsync);
    }

    /// <summary>Decides every entry that an earlier run left in the journal, and removes pages that belong to none. Reports follow with the first Welcome.</summary>
    public Task SettleAsync() => Task.Run(async () =>
    {
        var entries = _tools.Journal.ReadHeld();
        var leftOvers = _tools.Spool.RemoveAllBut(entries.Select(e => e.QueryId).ToHashSet());
        List<(AsyncQuery, Report)> ends = [];
        foreach (var entry in entries)
        {
            var query = new AsyncQuery(entry, claim: null, _tools);
            _held[query.Id] = query;
            _claims++;
            switch (entry.Phase)
            {
                case ClaimPhase.Claimed:
                    ends.Add((query, Endings.NotBegun));
                    break;
                case ClaimPhase.Uploading when entry.Report is not null:
                    Live(query, execute: false);
                    break;
                case ClaimPhase.Uploading:
                    ends.Add((query, Endings.PageLost(new Report(entry.ClaimId, ReportKind.UploadFailed), Contracts.Queries.Executed.Yes)));
                    break;
                case ClaimPhase.Executing:
                case ClaimPhase.Ended when entry.Report is null:
                    ends.Add((query, Endings.DiedExecuting));
                    break;
            }
        }
        AsyncQuery.EndAll(ends, _tools);
        if (entries.Count > 0 || leftOvers > 0)
            LogSettled(entries.Count, leftOvers);
    });

    /// <summary>A session is open: verdicts first, then what was not acknowledged, then new work.</summary>
    /// <param name="bytes">Of its message.</param>
    public void OnWelcome(Welcome welcome, int bytes = 0)
    {
        var session = Interlocked.Increment(ref _welcomes);
        Post(() => session == Volatile.Read(ref _welcomes) ? BeginSessionAsync(welcome) : ValueTask.CompletedTask, bytes);
    }

    async ValueTask BeginSessionAsync(Welcome welcome)
    {
        foreach (var drop in welcome.Claims.Where(c => c.Verdict == Verdict.Drop))
        {
            if (_held.Values.FirstOrDefault(q => q.Entry.ClaimId == drop.ClaimId) is { } query)
                await DropAsync(query);
        }
        foreach (var query in _held.Values)
            await SendReportAsync(query);
        _asked = 0;
        _workMayWait = true;
        await ScheduleAsync();
    }

    /// <summary>The API ended a session for what it was told in it: what was not acknowledged is told without what it brought, so that none ends a session twice.</summary>
    public void OnRejected() => Post(async () =>
    {
        List<(AsyncQuery, Report Told, Report Smaller)> smaller = [];
        foreach (var query in _held.Values)
        {
            if (query.Pending is not { } report)
                continue;
            if (Endings.Untold(report) is not { } small || small.Kind != report.Kind)
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
        if (Interlocked.Exchange(ref _scheduling, 1) != 0)
            return;
        Post(() =>
        {
            Volatile.Write(ref _scheduling, 0);
            _workMayWait = true;
            return ScheduleAsync();
        });
    }

    /// <summary>The API says more, and faster, than one in order ever does: the session is to be dropped, before it fills the memory.</summary>
    /// <param name="claimBytes">Of a message with claims that has just come; 0: of another.</param>
    public bool IsOverrun(int claimBytes = 0) => Volatile.Read(ref _mailed) > MostMail || Volatile.Read(ref _mailBytes) > MostMailBytes
        || claimBytes > 0 && (Volatile.Read(ref _claimBytes) + claimBytes > MostClaimBytes || Volatile.Read(ref _claims) > MostClaims);

    /// <summary>A place of a practice is free: what waits for one may begin, and what was handed back may be claimed again.</summary>
    void OnPlaceFreed()
    {
        if (Interlocked.Exchange(ref _heldBack, 0) != 0)
            OnWorkAvailable();
    }

    /// <summary>The answer to a request of this session: claims that are this Link's now. Empty: it waits until it is told of work.</summary>
    /// <param name="bytes">Of their message.</param>
    public void OnClaims(IReadOnlyList<ArrivedClaim> claims, int bytes = 0)
    {
        foreach (var claim in claims)
        {
            Interlocked.Add(ref _claimBytes, bytes / claims.Count);
            Interlocked.Increment(ref _claims);
            _arrived.Enqueue(claim with { Bytes = bytes / claims.Count });
        }
        Post(() =>
        {
            _asked = 0;
            _workMayWait |= claims.Count > 0;
            return ScheduleAsync();
        });
    }

    /// <summary>What the ledger made of a report.</summary>
    /// <param name="bytes">Of its message.</param>
    public void OnReportAck(Guid queryId, ReportAck ack, int bytes = 0) => Post(async () =>
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

    /// <summary>Stops a query, wherever it is; nothing where it is not this Link's, or has ended. Claims that came before are taken before.</summary>
    public void Cancel(Guid queryId) => Post(() =>
    {
        if (!_held.TryGetValue(queryId, out var query) || query.Ended)
            return ValueTask.CompletedTask;
        query.Stop(StopReason.Asked);
        return ScheduleAsync();
    });

    /// <summary>Takes no more work; hands back what is not begun, cancels what the databases have, leaves pages for the next run.</summary>
    /// <param name="giveUp">When to return at the latest: the journal then has what the next start needs.</param>
    public async Task StopAsync(CancellationToken giveUp)
    {
        Post(() =>
        {
            lock (_gate)
            {
                _stopping = true;
                foreach (var query in _held.Values.Except(_ready).Where(q => !q.Ended))
                    query.Stop(StopReason.LinkStopping);
            }
            return ScheduleAsync();
        });
        try
        {
            await BarrierAsync().WaitAsync(giveUp);
            Task[] lives;
            lock (_gate)
                lives = [.. _lives];
            await Task.WhenAll(lives).WaitAsync(giveUp);
            await BarrierAsync().WaitAsync(giveUp);
        }
        catch (OperationCanceledException)
        {
            LogStopIncomplete();
        }
    }

    /// <summary>Ends the loop; after <see cref="StopAsync"/>. Journal, spool and uploader are the owner's to dispose, after this.</summary>
    /// <remarks>What waits in the loop by then is passed over: the next start settles it from the journal.</remarks>
    public async ValueTask DisposeAsync()
    {
        _disposed = true;
        _mail.Writer.TryComplete();
        await _loop;
    }

    /// <param name="bytes">That it keeps of a message.</param>
    /// <returns>False after the end: nothing is done any more.</returns>
    bool Post(Func<ValueTask> work, int bytes = 0)
    {
        Interlocked.Increment(ref _mailed);
        Interlocked.Add(ref _mailBytes, bytes);
        return _mail.Writer.TryWrite((work, bytes));
    }

    Task BarrierAsync()
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var comes = Post(() =>
        {
            reached.SetResult();
            return ValueTask.CompletedTask;
        });
        return comes ? reached.Task : Task.CompletedTask;
    }

    async Task ReadMailAsync()
    {
        while (await _mail.Reader.WaitToReadAsync())
        {
            while (_mail.Reader.TryRead(out var next))
            {
                Interlocked.Decrement(ref _mailed);
                Interlocked.Add(ref _mailBytes, -next.Bytes);
                if (_disposed)
                    continue;
                try
                {
                    await next.Work();
                }
                catch (Exception e)
                {
                    LogFault(FaultText.Of(e));
                }
            }
            SettleForgotten();
        }
    }

    [LoggerMessage(2110, LogLevel.Information, "The journal held {Claims} claims of an earlier run, the spool left-overs of {LeftOvers} queries; decided.")]
    partial void LogSettled(int claims, int leftOvers);

    [LoggerMessage(2111, LogLevel.Warning, "Stopping took too long; the next start settles what is open.")]
    partial void LogStopIncomplete();

    [LoggerMessage(2112, LogLevel.Error, "A fault in handling async work: {Fault}")]
    partial void LogFault(string fault);
}
