using System.Collections.Concurrent;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Engines;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Immediate;

/// <summary>Immediate queries on this Link: each waits in its site's lane, runs once, and its outcome is kept until the API has it.</summary>
/// <remarks>
/// A session that breaks takes a query's rows with it; the command goes on to its end and its outcome is told in the next
/// session. What still waits in the lane then is not begun: nobody is left to take its rows.
/// </remarks>
sealed partial class ImmediateQueries(
    LocalSites sites, CommandExecutor executor, int slots, CurrentSession session, ImmediateGate gate, ClaimJournal journal, TimeProvider time, ILogger<ImmediateQueries> log)
{
    /// <summary>Bytes of commands that wait or run, all together: as many as the API holds of requests by its default.</summary>
    const long MostCommandBytes = 256L << 20;

    static readonly TimeSpan GraceOnStop = TimeSpan.FromSeconds(1.5);

    readonly ConcurrentDictionary<Guid, Lane> _lanes = LanesWithin(sites.Places);
    Func<Guid, int> _slots = _ => slots;
    readonly ConcurrentDictionary<Guid, ImmediateQuery> _queries = new();
    readonly ConcurrentDictionary<Guid, Task> _working = new();
    readonly SeenIds _seen = new();
    readonly JournalWriter _journal = new(journal, log);
    long _commandBytes;
    volatile bool _stopping;

    /// <summary>What is waiting, running, or not acknowledged: told in Hello.</summary>
    public IReadOnlyList<Guid> Held => [.. _queries.Keys];

    /// <summary>Waiting in the lanes.</summary>
    public int Waiting => _lanes.Values.Sum(l => l.Waiting);

    /// <summary>In the databases.</summary>
    public int Running => _lanes.Values.Sum(l => l.Running);

    /// <summary>From now on so many at once in the database of each site; what runs and what waits is not touched.</summary>
    public void Resize(Func<Guid, int> slotsOf)
    {
        Volatile.Write(ref _slots, slotsOf);
        foreach (var (siteId, lane) in _lanes)
            lane.Resize(slotsOf(siteId));
    }

    /// <summary>Takes a query that came by <paramref name="line"/>. Never waits.</summary>
    /// <param name="bytes">Of its message, which is kept in memory until it has ended.</param>
    public void Execute(Guid queryId, Execute asked, LineConnection line, int bytes = 0)
    {
        // Refused ones are not kept: all that are stand in the next Hello, and that has a bound.
        if ((_queries.Count >= ProtocolLimits.MaxHeld || Volatile.Read(ref _commandBytes) + bytes > MostCommandBytes) && !_queries.ContainsKey(queryId))
        {
            _ = SendOutcomeAsync(queryId, Outcomes.From(Endings.TooMany));
            return;
        }
        var query = new ImmediateQuery(queryId, asked, line, time.GetTimestamp());
        if (!_queries.TryAdd(queryId, query))
        {
            // Sent twice: the first one's outcome answers both.
            query.Dispose();
            if (_queries.GetValueOrDefault(queryId)?.Outcome is { } known)
                _ = SendOutcomeAsync(queryId, known);
            return;
        }
        if (!_seen.Add(queryId))
        {
            Conclude(query, Endings.SeenBefore);
            return;
        }
        if (!SaysOneThing(asked))
        {
            Conclude(query, Endings.NotUnderstood);
            return;
        }
        if (RequestBounds.FaultOf(asked) is { } fault)
        {
            Conclude(query, Endings.OutOfRange(fault));
            return;
        }
        Interlocked.Add(ref _commandBytes, bytes);
        var work = WorkAsync(query);
        if (work.IsCompleted)
        {
            Interlocked.Add(ref _commandBytes, -bytes);
            return;
        }
        _working[queryId] = work;
        work.ContinueWith(_ =>
        {
            Interlocked.Add(ref _commandBytes, -bytes);
            _working.TryRemove(queryId, out Task? _);
        }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Refuses a query whose message this version cannot read.</summary>
    public void Refuse(Guid queryId) => _ = SendOutcomeAsync(queryId, Outcomes.From(Endings.NotUnderstood));

    /// <summary>Stops a query; false: none of these has the id.</summary>
    public bool Cancel(Guid queryId)
    {
        if (!_queries.TryGetValue(queryId, out var query))
            return false;
        if (query.Outcome is null)
            query.Cancel();
        return true;
    }

    /// <summary>The API takes so many bytes of rows more.</summary>
    public void Grant(Guid queryId, uint bytes) => _queries.GetValueOrDefault(queryId)?.Credit.Add(bytes);

    /// <summary>The API has the outcome durably.</summary>
    public void Acknowledge(Guid queryId)
    {
        if (_queries.TryGetValue(queryId, out var query) && query.Outcome is not null)
            _queries.TryRemove(queryId, out _);
    }

    /// <summary>
    /// The API ended a session for what it was told in it. One of the outcomes there may be why: in the next session they are told
    /// without what they brought, so that none ends a session twice.
    /// </summary>
    public void OnRejected()
    {
        foreach (var query in _queries.Values)
            if (query.Outcome is { } outcome)
                query.Outcome = Outcomes.Untold(outcome);
    }

    /// <summary>A session is open: what earlier ones may not have carried is told again.</summary>
    public void OnWelcome() => _ = TellAgainAsync();

    /// <summary>One after the other: all at once would be all in memory at once.</summary>
    async Task TellAgainAsync()
    {
        foreach (var query in _queries.Values)
            if (query.Outcome is { } outcome)
                await SendOutcomeAsync(query.Id, query.Told(outcome));
    }

    /// <summary>Begins nothing more, lets what runs end for a moment, then stops it. Returns when all outcomes are sent or time is up.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        _stopping = true;
        foreach (var query in _queries.Values.Where(q => !q.Running && q.Outcome is null))
            query.Stop();
        try
        {
            await AllEndedAsync(deadline).WaitAsync(GraceOnStop, time, deadline);
        }
        catch (TimeoutException)
        {
            foreach (var query in _queries.Values.Where(q => q.Outcome is null))
                query.Stop();
            await AllEndedAsync(deadline);
        }
    }

    Task AllEndedAsync(CancellationToken deadline) => Task.WhenAll(_working.Values).WaitAsync(deadline);

    async Task WorkAsync(ImmediateQuery query)
    {
        var asked = query.Asked;
        ExecutionResult result;
        using var span = Telemetry.StartQuery(QueryMode.Immediate, query.Id, asked.SiteId, asked.TraceParent);
        try
        {
            var (target, refused) = sites.Resolve(asked);
            result = refused ?? await EnterAndRunAsync(query, target!);
        }
        catch (Exception e)
        {
            LogFault(query.Id, FaultText.Of(e));
            result = Endings.Fault(query.Running);
        }
        var outcome = Outcomes.From(result, ((ISiteCommand)asked).IsNonQuery ? 0 : query.Rows?.Size ?? 0, query.Waited.TotalMilliseconds);
        query.Outcome = outcome;
        Telemetry.Ended(QueryMode.Immediate, outcome.Ending, outcome.Timings);
        // A small result leaves with its outcome. Should the line be gone, the outcome alone is told: now, where the next session has begun, else by that.
        if (outcome.Ending != Ending.Successful || query.Rows is not { Holds: true } rows || !await SendAnswerAsync(query, rows, outcome))
            await SendOutcomeAsync(query.Id, query.Told(outcome));
        query.Dispose();
    }

    async ValueTask<ExecutionResult> EnterAndRunAsync(ImmediateQuery query, ExecutionTarget target)
    {
        var asked = query.Asked;
        if (_stopping)
            return Endings.LinkStoppedBeforeItBegan;
        var lane = LaneOf(asked.SiteId);
        var most = target.Rules.MaxConcurrent;
        switch (await lane.EnterAsync(asked.IntegratorId, TimeSpan.FromMilliseconds(asked.WaitMs), query.Cancelled,
            most is null ? null : () => sites.Places.TryEnter(asked.SiteId, asked.IntegratorId, most)))
        {
            case LaneEntry.Expired:
                return Endings.Expired;
            case LaneEntry.Cancelled:
                return query.StoppedByLink ? Endings.LinkStoppedBeforeItBegan : Endings.CancelledBeforeItBegan;
        }
        try
        {
            if (query.Line.Dead.IsCancellationRequested)
                return Endings.Expired;
            if (asked.KeyHash is { } taking && await TakeKeyAsync(query, taking) is { } notBegun)
                return notBegun;
            query.Running = true;
            query.Waited = time.GetElapsedTime(query.Arrived);
            gate.Enter();
            try
            {
                var result = await RunAsync(query, target);
                // Before it is told: where nothing ran, the key's next query may come at once.
                if (asked.KeyHash is { } taken)
                    await Task.Run(() => _journal.SettleKey(taken, query.Id, result.Executed));
                return result;
            }
            finally
            {
                gate.Leave();
            }
        }
        finally
        {
            lane.Leave();
            if (most is not null)
                sites.Places.Leave(asked.SiteId, asked.IntegratorId);
        }
    }

    /// <summary>Written down before it runs, away from the thread that reads the line.</summary>
    /// <returns>Why it must not run; null: it may.</returns>
    Task<ExecutionResult?> TakeKeyAsync(ImmediateQuery query, byte[] keyHash) => Task.Run(() =>
        keyHash.Length != KeyHash.Bytes ? Endings.NotUnderstood
        : !_journal.TryTakeKey(keyHash, query.Id, out var known) ? Endings.JournalRefused
        : known is { } executed ? Endings.AlreadyExecuted(executed)
        : null);

    async ValueTask<ExecutionResult> RunAsync(ImmediateQuery query, ExecutionTarget target)
    {
        var asked = query.Asked;
        var request = executor.RequestOf(query.Id, asked, target);
        var sink = query.Rows = new FrameRowSink(query.Id, query.Line, query.Credit, asked.MaxResultBytes, request.Protection!.SlowReader, time);
        var result = await executor.RunAsync(request, asked, target, sink, asked.MaxResultBytes, query.Cancelled);
        return sink.TooLarge && result.Ending == Ending.Successful ? Endings.TooLarge(result, asked.MaxResultBytes)
            : query.StoppedByLink && result.Ending == Ending.Cancelled ? Endings.LinkStopping(result)
            : result;
    }

    /// <summary>None yet; each will hear when the practice's rule (maxConcurrent) leaves a place free.</summary>
    static ConcurrentDictionary<Guid, Lane> LanesWithin(PracticeConcurrency places)
    {
        var lanes = new ConcurrentDictionary<Guid, Lane>();
        places.Freed += siteId => lanes.GetValueOrDefault(siteId)?.Offer();
        return lanes;
    }

    Lane LaneOf(Guid siteId)
    {
        if (_lanes.TryGetValue(siteId, out var known))
            return known;
        // Its size once it is where Resize finds it: a change meanwhile is not missed.
        var lane = _lanes.GetOrAdd(siteId, new Lane(1, time));
        lane.Resize(Volatile.Read(ref _slots)(siteId));
        return lane;
    }

    /// <summary>Whether it asks for one thing that this version knows.</summary>
    static bool SaysOneThing(Execute asked) =>
        new[] { asked.Command is not null, asked.Batch is not null, asked.Describe is not null, asked.Schema }.Count(asks => asks) == 1 && asked.Batch is not { Count: 0 };

    void Conclude(ImmediateQuery query, ExecutionResult result)
    {
        query.Outcome = Outcomes.From(result);
        query.Dispose();
        _ = SendOutcomeAsync(query.Id, query.Outcome);
    }

    /// <returns>False when its line is gone.</returns>
    async Task<bool> SendAnswerAsync(ImmediateQuery query, FrameRowSink rows, Outcome outcome)
    {
        try
        {
            return await rows.SendAnswerAsync(outcome);
        }
        catch (Exception e) when (e is FrameTooLargeException or OverBoundException)
        {
            LogFault(query.Id, FaultText.Of(e));
            await SendOutcomeAsync(query.Id, query.Told(query.Outcome = Outcomes.Untold(outcome)));
            return true;
        }
    }

    /// <summary>An outcome that no message can hold is told without what it brought.</summary>
    async Task SendOutcomeAsync(Guid queryId, Outcome outcome)
    {
        try
        {
            await session.SendAsync(FrameKind.Outcome, queryId, outcome, ProtocolJson.Default.Outcome);
        }
        catch (Exception e) when (e is FrameTooLargeException or OverBoundException)
        {
            LogFault(queryId, FaultText.Of(e));
            await session.SendAsync(FrameKind.Outcome, queryId, Outcomes.Untold(outcome) with { Record = outcome.Record }, ProtocolJson.Default.Outcome);
        }
    }

    [LoggerMessage(2100, LogLevel.Error, "Query {QueryId} met a fault of the Link's own: {Fault}")]
    partial void LogFault(Guid queryId, string fault);
}
