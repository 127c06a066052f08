using System.Collections.Concurrent;
using Halo.Api.Basics;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Line;
using Halo.LinkProtocol;

namespace Halo.Api.Links.Sessions;

/// <summary>The sessions that this node holds: which socket leads to which Link.</summary>
sealed class LinkSessions(Database database, ApiOptions options, TimeProvider time) : ILinkGateway, IDisposable
{
    readonly ConcurrentDictionary<Guid, LinkSession> _open = new();
    readonly ConcurrentDictionary<Guid, TaskCompletionSource<LinkSession>> _awaited = new();
    readonly KeyedLock _opening = new();
    readonly InUse _serving = new();

    // Runs that held a session when this node went down. After the start they go first: another run may be a clone.
    readonly ConcurrentDictionary<Guid, EarlierRun> _earlier = new();
    ITimer? _startup;
    int _waiting;
    bool _stopping;

    /// <summary>How long another run waits on its line while the place is kept; then it is told to come again. Shorter than Links wait for a Welcome.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public ICollection<LinkSession> All => _open.Values;

    /// <inheritdoc/>
    public LinkSession? Find(Guid linkId) => _open.GetValueOrDefault(linkId);

    /// <inheritdoc/>
    public async Task<LinkSession?> WaitAsync(Guid linkId, CancellationToken giveUp, LinkSession? except = null)
    {
        while (FindOther() is null && !giveUp.IsCancellationRequested)
        {
            var waiter = _awaited.GetOrAdd(linkId, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
            if (FindOther() is { } session)
                return session;
            await ((Task)waiter.Task).WaitAsync(giveUp).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return FindOther();

        LinkSession? FindOther() => Find(linkId) is { } found && !ReferenceEquals(found, except) ? found : null;
    }

    /// <summary>Reads who held a session of this node when it went down, at start.</summary>
    public async Task LoadAsync()
    {
        var held = await database.ReadAsync(r => (Link: r.GetGuid(0), Run: r.GetGuid(1)), "SELECT link_id, run_id FROM link_sessions WHERE node_address = @node",
            ("node", options.NodeAddress));
        foreach (var (link, run) in held)
            _earlier[link] = new(run);
        _startup = time.CreateTimer(_ => ForgetEarlier(), null, options.Links.ReturnWithin, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// For <see cref="LivenessOptions.ReturnWithin"/> after the start, another run than the one that held the session before goes
    /// behind it, unless it follows that one.
    /// </summary>
    /// <param name="runId">The run that wants a session.</param>
    /// <param name="before">Runs that are over since it began.</param>
    /// <param name="gone">Its line is dead.</param>
    /// <returns>False: the place is still kept.</returns>
    public async Task<bool> LetEarlierRunFirstAsync(Guid linkId, Guid runId, IReadOnlyList<Guid> before, CancellationToken gone)
    {
        if (!_earlier.TryGetValue(linkId, out var earlier) || earlier.RunId == runId || before.Contains(earlier.RunId))
            return true;
        using var tooLong = new CancellationTokenSource(LongestWait, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(gone, tooLong.Token);
        Interlocked.Increment(ref _waiting);
        await earlier.Settled.Task.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Interlocked.Decrement(ref _waiting);
        return earlier.Settled.Task.IsCompleted;
    }

    /// <summary>How many runs wait so at this moment.</summary>
    public int WaitingRuns => Volatile.Read(ref _waiting);

    /// <summary>Opens a session to the queries of its Link, in memory and in the directory of sessions.</summary>
    public void Open(LinkSession session)
    {
        _open[session.LinkId] = session;
        database.CommitLater(KeyOf(session.LinkId), new(
            """
            INSERT INTO link_sessions (link_id, session_id, run_id, node_address, opened_at) VALUES (@link, @session, @run, @node, @now)
            ON CONFLICT (link_id) DO UPDATE SET session_id = excluded.session_id, run_id = excluded.run_id,
              node_address = excluded.node_address, opened_at = excluded.opened_at
            """,
            ("link", session.LinkId), ("session", session.Id), ("run", session.RunId), ("node", options.NodeAddress),
            ("now", session.OpenedAt.ToUnixTimeMilliseconds())));
        if (_earlier.TryRemove(session.LinkId, out var earlier))
            earlier.Settled.TrySetResult();
        if (_awaited.TryRemove(session.LinkId, out var waiter))
            waiter.TrySetResult(session);
        if (_stopping)
            _ = session.CloseAsync(LineCloseReason.ApiStopping);
    }

    /// <summary>Takes a session out, unless a newer one has its place.</summary>
    /// <param name="gone">Its run does not come back by itself.</param>
    /// <returns>Whether it was the Link's current one.</returns>
    public bool Close(LinkSession session, bool gone = false)
    {
        var current = _open.TryRemove(new KeyValuePair<Guid, LinkSession>(session.LinkId, session));
        // One that this node itself ends stays written: its run goes first at the next start. Where another took its place, the row is that one's.
        if (current && (gone || !_stopping))
        {
            // Not by the session's id: the row may be an older one's, where this one's was never written. Of another node with this address it is younger.
            database.CommitLater(KeyOf(session.LinkId), new(
                "DELETE FROM link_sessions WHERE link_id = @link AND node_address = @node AND opened_at <= @opened",
                ("link", session.LinkId), ("node", options.NodeAddress), ("opened", session.OpenedAt.ToUnixTimeMilliseconds())));
        }
        return current;
    }

    static object KeyOf(Guid linkId) => ("link_sessions", linkId);

    /// <summary>Waits until nobody else changes which session the Link has, or what follows from that; disposing lets the next one in.</summary>
    public Task<IDisposable> LockAsync(Guid linkId) => _opening.LockAsync(linkId);

    /// <summary>Makes room for a new session: the same run's older one is replaced; another run's has to prove that it lives.</summary>
    /// <remarks>The caller has the Link locked, until it has opened its session.</remarks>
    /// <returns>
    /// Whether there is room: not where another run of this Link answers, a cloned or restored server, which must not answer for the live one. And the
    /// session that was taken out for it, whose end nobody else notes.
    /// </returns>
    public async Task<(bool IsRoom, LinkSession? Replaced)> MakeRoomAsync(Guid linkId, Guid runId)
    {
        if (Find(linkId) is not { } older)
            return (true, null);
        if (older.RunId != runId && await AnswersAsync(older))
            return (false, null);
        var replaced = Close(older) ? older : null;
        await older.CloseAsync(LineCloseReason.Replaced);
        return (true, replaced);
    }

    /// <summary>Tells every Link that this node stops, so that it comes back soon.</summary>
    public Task CloseAllAsync()
    {
        _stopping = true;
        return Task.WhenAll(All.Select(s => s.CloseAsync(LineCloseReason.ApiStopping)));
    }

    /// <summary>A connection of a Link is served until this is disposed: its session, and then what is written of its end.</summary>
    public IDisposable Serve() => _serving.Enter();

    /// <summary>Completes when no connection of a Link is served, so that nothing is written any more of how it ended.</summary>
    public Task WhenAllEndedAsync() => _serving.WhenEmptyAsync();

    void ForgetEarlier()
    {
        foreach (var link in _earlier.Keys)
        {
            if (_earlier.TryRemove(link, out var earlier))
                earlier.Settled.TrySetResult();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _startup?.Dispose();

    async Task<bool> AnswersAsync(LinkSession session)
    {
        using var limit = new CancellationTokenSource(options.Links.Line.DeadAfterPing, time);
        return await session.ProbeAsync(limit.Token);
    }

    sealed record EarlierRun(Guid RunId)
    {
        public TaskCompletionSource Settled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
