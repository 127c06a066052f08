using System.Data;
using System.Runtime.ExceptionServices;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>The connections of one login to one database. Who gives one back leaves nothing in it: it was reset right behind the command, or is at once, beside the answer.</summary>
/// <remarks>
/// In place of the driver's pool, whose reset travels with a connection's next use: until then the practice's database would keep the locks and temporary
/// tables that a command has left. A connection that idled is asked whether it lives before it is given a command, so that a server that restarted
/// between two queries costs neither of them anything.
/// </remarks>
sealed class PostgresPool : IAsyncDisposable
{
    /// <summary>No server restarts in less. Short queries one after the other never pay for the question, unless the server has said something meanwhile.</summary>
    static readonly TimeSpan TrustedFor = TimeSpan.FromMilliseconds(50);

    static readonly TimeSpan LongestPing = TimeSpan.FromSeconds(3);
    static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(2);

    readonly NpgsqlConnectionStringBuilder _options;
    readonly PostgresSessionSettings _settings;
    readonly PostgresConnectTurns _connecting;
    readonly TimeProvider _time;
    readonly SemaphoreSlim _places;
    readonly Lock _lock = new();
    readonly List<PostgresSession> _idle = [];
    readonly ITimer _pruning;
    Task _reset = Task.CompletedTask;
    Exception? _refused;
    int _refusals;
    bool _withoutOptions;
    bool _poolerKnown;
    bool _disposed;
    long _failedAt = long.MinValue;

    /// <param name="options">Of the connection string; pooling is this type's own.</param>
    /// <param name="connecting">Of the login.</param>
    public PostgresPool(NpgsqlConnectionStringBuilder options, PostgresSessionSettings settings, PostgresConnectTurns connecting, TimeProvider time)
    {
        (_options, _settings, _connecting, _time) = (options, settings, connecting, time);
        _places = new(options.MaxPoolSize);
        _pruning = time.CreateTimer(static pool => ((PostgresPool)pool!).Prune(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>A connection that lives and carries nothing.</summary>
    /// <param name="name">What it is to be called: one that is called so is preferred.</param>
    /// <param name="home">What a new one is called from its start: its reset returns to that by itself.</param>
    /// <param name="prepares">Whether <paramref name="prepare"/> has something to send beside the name.</param>
    /// <param name="prepare">Sent before it is given away, where it is called otherwise or <paramref name="prepares"/>; it tells whether the connection lives, too.</param>
    public async ValueTask<PostgresSession> RentAsync(string name, string home, bool prepares, Func<PostgresSession, CancellationToken, Task> prepare, CancellationToken stop)
    {
        if (!await _places.WaitAsync(_options.Timeout > 0 ? TimeSpan.FromSeconds(_options.Timeout) : Timeout.InfiniteTimeSpan, stop))
            throw new PostgresPoolFullException(_options.MaxPoolSize);
        var given = false;
        try
        {
            while (await TakeIdleAsync(name, stop) is { } idle)
            {
                if (await IsReadyAsync(idle, prepares || idle.Name != name ? prepare : null, stop))
                {
                    given = true;
                    return Give(idle);
                }
            }
            var fresh = await ConnectAsync(home, stop);
            try
            {
                if (prepares || fresh.Name != name)
                    await prepare(fresh, stop);
                given = true;
                return Give(fresh);
            }
            catch
            {
                fresh.Dispose();
                throw;
            }
        }
        finally
        {
            if (!given)
                _places.Release();
        }
    }

    /// <summary>Takes a connection back. Its reset is done or on its way when this returns; the pool waits for the server's answer before it gives it away again.</summary>
    public void Return(PostgresSession session)
    {
        if (session.Abandoned || session.IsOutOfStep || Volatile.Read(ref _disposed) || session.Connection.State != ConnectionState.Open)
            session.Dispose();
        else if (session.TakeReset())
            Keep(session, session.GivenAt);
        else
            _reset = ResetAsync(session);
    }

    /// <summary>The connection never serves another query, and those that idle are asked before they do.</summary>
    public void Abandon(PostgresSession session)
    {
        session.Abandoned = true;
        Volatile.Write(ref _failedAt, _time.GetTimestamp());
    }

    /// <summary>Closes what idles. What is in use is closed when it comes back.</summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _disposed, true);
        await _pruning.DisposeAsync();
        await _reset;
        while (TakeIdle() is { } idle)
            idle.Dispose();
    }

    PostgresSession Give(PostgresSession session)
    {
        session.GivenAt = _time.GetTimestamp();
        session.Notices.Clear();
        session.HoldPlace();
        return session;
    }

    /// <summary>A session that was in use is closed: another may be made.</summary>
    internal void Leave() => _places.Release();

    async ValueTask<PostgresSession?> TakeIdleAsync(string name, CancellationToken stop)
    {
        if (TakeIdle(name) is { } idle)
            return idle;
        // One that is being reset is there sooner than a new one.
        if (Volatile.Read(ref _reset) is not { IsCompleted: false } reset)
            return null;
        await reset.WaitAsync(stop);
        return TakeIdle(name);
    }

    /// <summary>The one that came last, of those with the name if there are any: the others may be closed when they are not needed.</summary>
    PostgresSession? TakeIdle(string? name = null)
    {
        lock (_lock)
        {
            if (_idle.Count == 0)
                return null;
            var named = _idle.FindLastIndex(s => s.Name == name);
            var index = named < 0 ? _idle.Count - 1 : named;
            var taken = _idle[index];
            _idle.RemoveAt(index);
            return taken;
        }
    }

    /// <returns>False: it is dead, and was closed.</returns>
    async Task<bool> IsReadyAsync(PostgresSession session, Func<PostgresSession, CancellationToken, Task>? prepare, CancellationToken stop)
    {
        if (prepare is null && session.AliveAt > Volatile.Read(ref _failedAt) && _time.GetElapsedTime(session.AliveAt) < TrustedFor && !PostgresSocket.MayHaveEnded(session.Connection))
            return true;
        using var limit = new DriverCancellation(_time, stop);
        limit.CancelAfter(LongestPing);
        var asked = _time.GetTimestamp();
        try
        {
            await (prepare is null ? session.PingAsync(limit.Token) : prepare(session, limit.Token));
            session.AliveAt = asked;
            return true;
        }
        catch (Exception) when (!stop.IsCancellationRequested && (session.Connection.State != ConnectionState.Open || limit.Token.IsCancellationRequested))
        {
            session.Dispose();
            Volatile.Write(ref _failedAt, _time.GetTimestamp());
            return false;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    async Task<PostgresSession> ConnectAsync(string home, CancellationToken stop)
    {
        var refusals = Volatile.Read(ref _refusals);
        var turn = await _connecting.TakeAsync(stop);
        try
        {
            // Another one has tried meanwhile: its answer is ours.
            if (refusals != _refusals && _refused is { } refused)
                ExceptionDispatchInfo.Throw(refused);
            var asked = _time.GetTimestamp();
            var session = await OpenAsync(home, stop);
            session.AliveAt = asked;
            _refused = null;
            return session;
        }
        catch (Exception e) when (e is not OperationCanceledException && !ReferenceEquals(e, _refused))
        {
            _refused = e;
            _refusals++;
            throw;
        }
        finally
        {
            turn.Release();
        }
    }

    async Task<PostgresSession> OpenAsync(string home, CancellationToken stop)
    {
        PostgresSession session;
        try
        {
            session = await PostgresSession.OpenAsync(this, ConnectionString(home), _settings, stop);
        }
        catch (PostgresException e) when (!_withoutOptions && e.SqlState == PostgresErrorCodes.ProtocolViolation)
        {
            // A pooler that takes no options at the start, as PgBouncer does unless it is told otherwise: SQL sets them.
            _withoutOptions = true;
            session = await PostgresSession.OpenAsync(this, ConnectionString(home), _settings, stop);
        }
        try
        {
            // Before anything is set: in a session that others share it would be set for them.
            if (session.IsPooled && !_poolerKnown && await IsSharedAsync(session, stop))
                throw PostgresSessionException.TransactionPooling();
            _poolerKnown = true;
            await session.EnsureSettingsAsync(stop);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Whether a second connection is served by the same session of the server while the first is open, or the first by another than before.</summary>
    async Task<bool> IsSharedAsync(PostgresSession first, CancellationToken stop)
    {
        using var limit = new DriverCancellation(_time, stop);
        limit.CancelAfter(LongestProbe);
        try
        {
            using var second = await PostgresSession.OpenAsync(this, ConnectionString(_options.ApplicationName!), _settings, limit.Token);
            return second.ServerProcess == first.ServerProcess || await first.ReadServerProcessAsync(stop) != first.ServerProcess;
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            // The pooler lets in no second one while the first is there: it is the first one's own.
            return false;
        }
    }

    string ConnectionString(string name) => new NpgsqlConnectionStringBuilder(_options.ConnectionString)
    {
        ApplicationName = name,
        Options = _withoutOptions ? _options.Options : string.IsNullOrEmpty(_options.Options) ? _settings.Options : $"{_options.Options} {_settings.Options}",
    }.ConnectionString;

    async Task ResetAsync(PostgresSession session)
    {
        // Before it is sent: when the answer is looked at says little on a busy machine.
        var asked = _time.GetTimestamp();
        try
        {
            await session.ResetAsync();
        }
        catch (Exception e)
        {
            // Closed, it leaves nothing either.
            if (e is PostgresSessionException)
                _poolerKnown = false;
            session.Dispose();
            return;
        }
        Keep(session, asked);
    }

    /// <param name="aliveAt">When it was last sent something that it has answered.</param>
    void Keep(PostgresSession session, long aliveAt)
    {
        session.AliveAt = aliveAt;
        // Before it can be given away again; but the place is free only when it can, or one more connection would be made.
        var leaves = session.LetPlaceGo();
        var kept = false;
        lock (_lock)
        {
            if (!_disposed)
            {
                if (_idle.Count == 0)
                    _pruning.Change(Idles, Timeout.InfiniteTimeSpan);
                _idle.Add(session);
                kept = true;
            }
        }
        if (leaves)
            Leave();
        if (!kept)
            session.Dispose();
    }

    TimeSpan Idles => TimeSpan.FromSeconds(Math.Max(1, _options.ConnectionIdleLifetime));

    /// <summary>Closes what was not used for so long; those at the front were used least.</summary>
    void Prune()
    {
        List<PostgresSession> old;
        lock (_lock)
        {
            var fresh = _idle.FindIndex(s => _time.GetElapsedTime(s.AliveAt) < Idles);
            var count = fresh < 0 ? _idle.Count : fresh;
            old = _idle[..count];
            _idle.RemoveRange(0, count);
            if (_idle.Count > 0 && !_disposed)
                _pruning.Change(Idles, Timeout.InfiniteTimeSpan);
        }
        foreach (var session in old)
            session.Dispose();
    }
}

/// <summary>Every connection that the pool may have is in use.</summary>
sealed class PostgresPoolFullException(int size) : TimeoutException($"All {size} connections (Maximum Pool Size) are in use.");
