using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Data.Common;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.Line;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>
/// The immediate queries that were sent, each until its caller has its answer and the ledger all that is known of it. The one place
/// that writes their accepts and ends: most end before it is written, and are one row, written once.
/// </summary>
/// <remarks>
/// What is still open after <see cref="HeldFor"/>, and what the store refused, is written by one sweep. It runs while something is to
/// be written, and sleeps otherwise. Whoever must find a query in the ledger calls <see cref="FlushAsync"/> first.
/// </remarks>
sealed partial class PendingQueries(
    ImmediateLedger ledger, SettlementEffects effects, DeadlineWatch deadlines, TimeProvider time, ILogger<PendingQueries> log) : IAsyncDisposable
{
    /// <summary>
    /// How long an accept waits for its end, at least. More than a small query takes where many callers share the processors: sooner, each of theirs would be
    /// two writes again, just when the store is busiest. What it may cost is the record of a query that only reads, whose caller has no answer yet.
    /// </summary>
    public static readonly TimeSpan HeldFor = TimeSpan.FromMilliseconds(50);

    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(2), StopWithin = TimeSpan.FromSeconds(1);

    // In one go: a store that is away costs one of these, not all that waits.
    const int Step = 200;

    readonly ConcurrentDictionary<Guid, PendingQuery> _all = new();
    readonly Lock _lock = new();
    readonly Queue<(PendingQuery Pending, long Since)> _queue = new();
    readonly LogThrottle _refusals = new(time, perMinute: 2);
    ITimer? _timer;
    Task _sweep = Task.CompletedTask;
    int _refused;
    bool _isArmed;
    bool _isStopped;

    /// <summary>Queries that the store refused to take, and has not taken since.</summary>
    public int Refused => Volatile.Read(ref _refused);

    /// <summary>Completes when every caller that waits now has its answer.</summary>
    public Task AllAnswered => Task.WhenAll(_all.Values.Where(p => p.Record.HasCaller).Select(p => (Task)p.Answer));

    /// <summary>From now on it can be found. Its accept is the caller's to write, or to leave open.</summary>
    public void Add(PendingQuery pending) => _all[pending.QueryId] = pending;

    /// <summary>The query; null where nobody waits for it and the ledger has it.</summary>
    public PendingQuery? Find(Guid queryId) => _all.GetValueOrDefault(queryId);

    /// <summary>Those that were sent over this session and whose end is not known; whoever still writes an accept will find the session gone.</summary>
    public IReadOnlyList<PendingQuery> OpenOf(LinkSession session) =>
        [.. _all.Values.Where(p => ReferenceEquals(p.Session, session) && p.Record is { End: null, Accept: not AcceptState.OwnWrite } && !p.Answer.IsCompleted)];

    /// <summary>Its accept is written with its end, or soon.</summary>
    public void AcceptLater(PendingQuery pending)
    {
        lock (_lock)
        {
            pending.Record.Accept = AcceptState.Open;
            Queue(pending, HeldFor);
        }
    }

    /// <summary>Its accept is written now; where the store refuses, later.</summary>
    public Task AcceptNowAsync(PendingQuery pending)
    {
        lock (_lock)
            pending.Record.Accept = AcceptState.Open;
        return WriteAcceptAsync(pending);
    }

    /// <summary>Its accept is written before it is sent, or it is not accepted.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public async Task<bool> TryAcceptAsync(PendingQuery pending, AcceptCondition? condition)
    {
        if (condition is null)
            await ledger.RecordSentAsync(pending.Sent);
        else if (!await ledger.RecordSentAsync(pending.Sent, condition))
            return false;
        deadlines.Hint(pending.Sent.Deadline);
        lock (_lock)
            pending.Record.Accept = AcceptState.Written;
        return true;
    }

    /// <summary>Its end is known. The first that is known counts; it is kept until the store has taken it.</summary>
    /// <returns>What the ledger made of it, once that is durable; null: it had ended before, in whatever way.</returns>
    public async Task<MoveResult?> SettleAsync(PendingQuery pending, Settlement end, LinkSession? toldBy = null)
    {
        bool isFirst;
        lock (_lock)
        {
            isFirst = pending.Record.End is null;
            pending.Record.End ??= end.At is null ? end with { At = time.GetUtcNow() } : end;
            pending.Record.ToldBy = toldBy ?? pending.Record.ToldBy;
            // Its caller may have left since it was found: until the store has its end, whoever flushes finds it.
            if (!pending.Record.IsSettled)
                _all[pending.QueryId] = pending;
        }
        var result = await WriteEndAsync(pending);
        if (!isFirst)
            toldBy?.Acknowledge(pending.QueryId);
        return isFirst ? result : null;
    }

    /// <summary>The service has settled these in the ledger: their callers are told what it says.</summary>
    public void TellSettled(IEnumerable<Guid> queryIds)
    {
        foreach (var id in queryIds)
            Find(id)?.Tell(null);
    }

    /// <summary>Its caller has its answer, or left.</summary>
    public void Leave(PendingQuery pending)
    {
        lock (_lock)
        {
            pending.Record.HasCaller = false;
            if (!pending.Record.IsUnwritten)
                _all.TryRemove(pending.QueryId, out _);
        }
    }

    /// <summary>Writes what is known of these and not in the ledger yet.</summary>
    /// <exception cref="Exception">The store refused.</exception>
    public Task FlushAsync(Func<PendingQuery, bool> which)
    {
        List<Task>? writes = null;
        foreach (var (_, pending) in _all)
        {
            if (pending.Record.IsUnwritten && which(pending))
                (writes ??= []).Add(WriteAsync(pending));
        }
        return writes is null ? Task.CompletedTask : Task.WhenAll(writes);
    }

    /// <summary>Writes the ends that are known, before deadlines end queries.</summary>
    /// <returns>Those whose end the store refused: how they ended is known, whatever their deadline.</returns>
    public async Task<IReadOnlySet<Guid>> FlushEndsAsync()
    {
        await TryFlushAsync(q => q.Record.End is not null);
        return Refused == 0 ? FrozenSet<Guid>.Empty : _all.Values.Where(q => q.Record is { End: not null, IsRefused: true }).Select(q => q.QueryId).ToHashSet();
    }

    /// <summary>The same before something is read: where the store refuses, what it has is read.</summary>
    public async Task TryFlushAsync(Func<PendingQuery, bool> which) =>
        await FlushAsync(which).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    /// <inheritdoc cref="TryFlushAsync(Func{PendingQuery, bool})"/>
    public Task TryFlushAsync(Guid queryId) => Find(queryId) is { Record.IsUnwritten: true } pending
        ? TryFlushAsync(other => ReferenceEquals(other, pending))
        : Task.CompletedTask;

    /// <summary>Writes what is open, as far as the store takes it.</summary>
    public async ValueTask DisposeAsync()
    {
        Task sweep;
        lock (_lock)
        {
            _isStopped = true;
            sweep = _sweep;
        }
        if (_timer is not null)
            await _timer.DisposeAsync();
        await Task.WhenAll(sweep, TryFlushAsync(_ => true)).WaitAsync(StopWithin, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    Task WriteAsync(PendingQuery pending) => pending.Record.End is null ? WriteAcceptAsync(pending) : WriteEndAsync(pending);

    async Task WriteAcceptAsync(PendingQuery pending)
    {
        try
        {
            await ledger.RecordSentAsync(pending.Sent);
        }
        catch (Exception e)
        {
            Refuse(pending, e);
            throw;
        }
        deadlines.Hint(pending.Sent.Deadline);
        lock (_lock)
        {
            pending.Record.Accept = AcceptState.Written;
            Taken(pending);
        }
    }

    /// <summary>One write at a time for each: who comes meanwhile waits for the same.</summary>
    Task<MoveResult> WriteEndAsync(PendingQuery pending)
    {
        lock (pending.Record.Gate)
        {
            return pending.Record.EndWrite is { IsCompleted: false } or { IsCompletedSuccessfully: true }
                ? pending.Record.EndWrite
                : pending.Record.EndWrite = RecordEndAsync(pending, pending.Record.End!, makesRow: pending.Record.Accept == AcceptState.Open);
        }
    }

    /// <param name="makesRow">Where it has none. What its sender was to write first and could not, was never accepted.</param>
    async Task<MoveResult> RecordEndAsync(PendingQuery pending, Settlement end, bool makesRow)
    {
        MoveResult result;
        try
        {
            result = makesRow
                ? await ledger.SettleAsync(pending.Sent, end)
                : await ledger.SettleAsync(pending.QueryId, end, pending.Sent.Session);
        }
        catch (DbException e) when (StorageException.RefusesContent(e) && ImmediateSettlements.Untold(end) is { } bare)
        {
            // A Link said what the store has no place for, and never will: without it the end is written and told.
            lock (_lock)
                pending.Record.End = bare;
            return await RecordEndAsync(pending, bare, makesRow);
        }
        catch (Exception e)
        {
            Refuse(pending, e);
            throw;
        }
        if (result.Moved)
            effects.Apply(pending.QueryId, end);
        LinkSession? toldBy;
        lock (_lock)
        {
            pending.Record.IsSettled = true;
            toldBy = pending.Record.ToldBy;
            Taken(pending);
        }
        pending.Tell(result.Accepted && end.By == Mover.Link ? end : null);
        toldBy?.Acknowledge(pending.QueryId);
        return result;
    }

    void Taken(PendingQuery pending)
    {
        if (pending.Record.IsRefused)
        {
            pending.Record.IsRefused = false;
            _refused--;
        }
        if (!pending.Record.HasCaller && !pending.Record.IsUnwritten)
            _all.TryRemove(pending.QueryId, out _);
    }

    void Refuse(PendingQuery pending, Exception e)
    {
        lock (_lock)
        {
            // An accept that fails after the end was taken: nothing of it is left to write.
            if (!pending.Record.IsUnwritten)
                return;
            if (!pending.Record.IsRefused)
            {
                pending.Record.IsRefused = true;
                _refused++;
            }
            Queue(pending, RetryAfter);
        }
        if (_refusals.Lets(out var suppressed))
            LogRefused(pending.QueryId, e.GetType().Name, suppressed);
    }

    /// <summary>Under the lock.</summary>
    void Queue(PendingQuery pending, TimeSpan wait)
    {
        if (pending.Record.IsQueued)
            return;
        pending.Record.IsQueued = true;
        _queue.Enqueue((pending, time.GetTimestamp()));
        Arm(wait);
    }

    void Arm(TimeSpan wait)
    {
        if (_isArmed || _isStopped)
            return;
        _isArmed = true;
        _timer ??= time.CreateTimer(static me => ((PendingQueries)me!).Sweep(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
    }

    // Never two at once: the timer is set again at its end.
    void Sweep() => _sweep = SweepAsync();

    async Task SweepAsync()
    {
        var isTaken = true;
        while (isTaken && Due() is { Count: > 0 } due)
        {
            var writes = Task.WhenAll(due.ConvertAll(WriteAsync));
            await writes.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            isTaken = writes.IsCompletedSuccessfully;
        }
        lock (_lock)
        {
            _isArmed = false;
            if (_queue.Count > 0)
                Arm(isTaken ? HeldFor : RetryAfter);
        }
    }

    List<PendingQuery> Due()
    {
        var due = new List<PendingQuery>();
        lock (_lock)
        {
            while (due.Count < Step && _queue.TryPeek(out var first) && time.GetElapsedTime(first.Since) >= HeldFor)
            {
                _queue.Dequeue();
                first.Pending.Record.IsQueued = false;
                if (first.Pending.Record.IsUnwritten)
                    due.Add(first.Pending);
            }
        }
        return due;
    }

    [LoggerMessage(1210, LogLevel.Error, "Failed to record query {QueryId} ({Exception}); retrying until the store takes it. {Suppressed} similar failures suppressed.")]
    partial void LogRefused(Guid queryId, string exception, int suppressed);
}
