using System.Data.Common;

namespace Halo.Link.Engines.Connections;

/// <summary>Since when a database cannot be had, and why.</summary>
/// <param name="Fault">Why, as it was last said.</param>
/// <param name="Since">By this machine's clock.</param>
sealed record DatabaseOutage(ConnectionFault Fault, DateTimeOffset Since);

/// <summary>Connects one login to one database and knows whether that works now: queries tell it, and while it does not work, a check from time to time.</summary>
/// <remarks>
/// While it does not, nobody waits for a server that does not answer: one attempt is made at a time, and whoever comes in between is told at once what the
/// last one said. A login that was refused is tried no sooner than <see cref="LoginRefusals"/> allows, whoever asks.
/// </remarks>
sealed class DatabaseConnector(IDatabaseEngine engine, string? database, TimeProvider time, LoginRefusals logins) : IDatabaseConnector, IDisposable
{
    static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);
    static readonly TimeSpan LongestCheck = TimeSpan.FromSeconds(5);

    /// <summary>A driver that was told to give up and has not by then is left behind: it may hang for ever, and its thread with it.</summary>
    static readonly TimeSpan LeaveBehindAfter = TimeSpan.FromSeconds(3);

    /// <summary>So long a try that does not come back keeps all others away, twice as long after each: few threads are ever left behind.</summary>
    static readonly TimeSpan FirstPatience = TimeSpan.FromMinutes(1);
    static readonly TimeSpan LongestPatience = TimeSpan.FromHours(1);

    /// <summary>So long queries wait for a server that may just be restarting; after that they are told at once.</summary>
    static readonly TimeSpan RestartWithin = TimeSpan.FromSeconds(2);

    static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    readonly Lock _lock = new();
    DatabaseOutage? _outage;
    long _outageAt;
    long _triedAt;
    bool _trying;
    long _tryingSince;
    TimeSpan _patience = FirstPatience;

    /// <summary>Goes up where a try is left behind.</summary>
    int _turn;
    bool _checking;
    bool _checkAgain;
    TimeSpan _retry = FirstRetry;
    ITimer? _timer;
    bool _disposed;
    int _refusalsKnown = -1;
    ICommandRunner? _runner;

    /// <summary>An outage began or ended, or has another reason now; or the login was found to be able to write, or not any more. Raised outside of any lock.</summary>
    public event Action<DatabaseConnector>? Changed;

    /// <summary>Whose connections these are.</summary>
    public IDatabaseEngine Engine => engine;

    /// <summary>Runs commands over them. It keeps nothing from one to the next.</summary>
    public ICommandRunner Runner => _runner ??= engine.NewRunner(time, this);

    /// <summary>Null while connections can be had, as far as is known.</summary>
    public DatabaseOutage? Outage => Volatile.Read(ref _outage);

    /// <summary>Until the next try, at the earliest; null while connections can be had.</summary>
    public TimeSpan? RetryAfter => Outage is { } outage ? RetryAfterFor(outage.Fault) : null;

    /// <summary>Why the practice's rule <c>readOnly</c> cannot be kept with this login, as it was last found; null: it can, as far as is known.</summary>
    public string? ReadOnlyFault { get; private set; }

    /// <summary>When a connection was last had, by the monotonic clock; 0: never.</summary>
    public long ConnectedAt { get; private set; }

    /// <summary>A connection of the engine, as <see cref="IDatabaseEngine.OpenAsync(string?, SessionName?, CommandAccess, CancellationToken)"/> gives it.</summary>
    /// <exception cref="DatabaseUnavailableException">None can be had; nothing was sent.</exception>
    /// <exception cref="ReadOnlyImpossibleException">It cannot be held to reading.</exception>
    public async Task<DbConnection> OpenAsync(SessionName? name, CommandAccess access, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                return await OpenOnceAsync(name, access, stop);
            }
            catch (DatabaseUnavailableException e) when (e.Fault.MayPass && MayBeRestarting())
            {
                await Task.Delay(LookAgain, time, stop);
            }
        }
    }

    async Task<DbConnection> OpenOnceAsync(SessionName? name, CommandAccess access, CancellationToken stop)
    {
        if (!MayTry() && Outage is { } outage)
            throw Unavailable(outage.Fault);
        var turn = Volatile.Read(ref _turn);
        if (logins.Holds(this) is { } held)
            throw Failed(held, turn, isHeld: true);
        try
        {
            var connection = await engine.OpenAsync(database, name, access, stop);
            Succeeded();
            if (access == CommandAccess.ReadOnly)
                Found(null);
            return connection;
        }
        catch (ReadOnlyImpossibleException e)
        {
            Tried(turn);
            Found(e.Message);
            throw;
        }
        catch (Exception e) when (e is OperationCanceledException && stop.IsCancellationRequested)
        {
            Tried(turn);
            throw;
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            throw Failed(engine.NameConnectionFault(e), turn);
        }
        catch
        {
            Tried(turn);
            throw;
        }
    }

    /// <summary>Asks the database itself whether it is there.</summary>
    /// <exception cref="DatabaseUnavailableException">It is not, or its driver has not come back three seconds after it was told to.</exception>
    /// <exception cref="TimeoutException">It has not answered within five seconds.</exception>
    public async Task CheckAsync()
    {
        var began = time.GetTimestamp();
        var check = Task.Run(CheckOnceAsync);
        try
        {
            await check.WaitAsync(LongestCheck + LeaveBehindAfter, time);
        }
        catch (TimeoutException e) when (!check.IsCompleted)
        {
            _ = check.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            var unavailable = Failed(engine.NameConnectionFault(e), Volatile.Read(ref _turn));
            lock (_lock)
            {
                if (_outage is not null && !_trying)
                    (_trying, _tryingSince) = (true, began);
            }
            throw unavailable;
        }
    }

    async Task CheckOnceAsync()
    {
        using var limit = new DriverCancellation(time);
        limit.CancelAfter(LongestCheck);
        try
        {
            for (var last = false; !await AnswersAsync(last, limit.Token); last = true)
                limit.Token.ThrowIfCancellationRequested();
        }
        catch (OperationCanceledException) when (limit.Token.IsCancellationRequested)
        {
            throw new TimeoutException();
        }
    }

    /// <summary>Something went wrong that may be the database's own: looks at it now. Returns at once.</summary>
    public void Suspect()
    {
        lock (_lock)
        {
            if (_outage is not null || _checking || _disposed)
                return;
            _checking = true;
        }
        _ = Task.Run(CheckInBackgroundAsync);
    }

    /// <summary>The login with which it could not connect works elsewhere: whether it does here shows at once.</summary>
    internal void TryNow()
    {
        lock (_lock)
        {
            if (_outage is not { Fault.LoginRefused: true })
                return;
            if (_checking)
                _checkAgain = true;
            else
                CheckNow();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _timer?.Dispose();
            _timer = null;
        }
        logins.Forget(this);
    }

    /// <summary>A connection that is dead is replaced once: the engine then has no other that is.</summary>
    async Task<bool> AnswersAsync(bool last, CancellationToken limit)
    {
        var connection = await OpenAsync(null, CommandAccess.Write, limit);
        try
        {
            await engine.PingAsync(connection, limit);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException && ConnectionFault.IsOfTheDatabase(e))
        {
            engine.Discard(connection);
            return last ? throw Failed(engine.NameConnectionFault(e), Volatile.Read(ref _turn)) : false;
        }
        finally
        {
            await engine.CloseAsync(connection);
        }
    }

    async Task CheckInBackgroundAsync()
    {
        try
        {
            await CheckAsync();
        }
        catch (Exception e) when (e is DatabaseUnavailableException or TimeoutException)
        {
            if (e is TimeoutException)
                Failed(engine.NameConnectionFault(e), Volatile.Read(ref _turn));
        }
        finally
        {
            lock (_lock)
            {
                _checking = false;
                if (_checkAgain && _outage is not null)
                    CheckNow();
                else if (_outage is not null)
                    CheckLater();
            }
        }
    }

    void Found(string? readOnlyFault)
    {
        if (ReadOnlyFault == readOnlyFault)
            return;
        ReadOnlyFault = readOnlyFault;
        Changed?.Invoke(this);
    }

    /// <summary>One at a time, and not at once after the last.</summary>
    bool MayTry()
    {
        if (Outage is null)
            return true;
        lock (_lock)
        {
            if (_outage is null)
                return true;
            if (_trying ? time.GetElapsedTime(_tryingSince) < _patience : time.GetElapsedTime(_triedAt) < (MayBeRestarting() ? LookAgain : FirstRetry))
                return false;
            // The last one has not come back.
            if (_trying)
                (_turn, _patience) = (_turn + 1, _patience * 2 < LongestPatience ? _patience * 2 : LongestPatience);
            _tryingSince = time.GetTimestamp();
            return _trying = true;
        }
    }

    bool MayBeRestarting() => time.GetElapsedTime(_outageAt) < RestartWithin;

    void Tried(int turn)
    {
        lock (_lock)
        {
            if (!IsLate(turn))
                (_trying, _triedAt) = (false, time.GetTimestamp());
        }
    }

    /// <summary>A try that was left behind has come back: what it says is old. Under the lock.</summary>
    bool IsLate(int turn)
    {
        if (turn == _turn)
            return false;
        // No thread hangs any more.
        _patience = FirstPatience;
        return true;
    }

    void Succeeded()
    {
        if (logins.Refusals is var refusals && refusals != _refusalsKnown)
        {
            _refusalsKnown = refusals;
            logins.Accepted(this);
        }
        if (Outage is null)
        {
            ConnectedAt = time.GetTimestamp();
            return;
        }
        lock (_lock)
        {
            if (_outage is null)
                return;
            (_outage, _trying, ConnectedAt, _retry, _patience) = (null, false, time.GetTimestamp(), FirstRetry, FirstPatience);
            _timer?.Dispose();
            _timer = null;
        }
        Changed?.Invoke(this);
    }

    /// <param name="turn">When it began.</param>
    /// <param name="isHeld">It was not tried: the same as before.</param>
    DatabaseUnavailableException Failed(ConnectionFault fault, int turn, bool isHeld = false)
    {
        bool isNews;
        lock (_lock)
        {
            if (IsLate(turn))
                return new(fault, FirstRetry);
        }
        if (fault.LoginRefused && !isHeld)
            logins.Refused(this, fault);
        lock (_lock)
        {
            (_trying, _triedAt) = (false, time.GetTimestamp());
            if (fault.ConcernsOneCall)
                return new(fault, FirstRetry);
            isNews = _outage is null || _outage.Fault.Advice != fault.Advice;
            if (_outage is null)
                _outageAt = time.GetTimestamp();
            _outage = new(fault, _outage?.Since ?? time.GetUtcNow());
            if (!_checking && _timer is null)
                CheckLater();
        }
        if (isNews)
            Changed?.Invoke(this);
        return Unavailable(fault);
    }

    DatabaseUnavailableException Unavailable(ConnectionFault fault) => new(fault, RetryAfterFor(fault));

    TimeSpan RetryAfterFor(ConnectionFault fault) => fault.LoginRefused ? logins.Wait(this) : LongestRetry;

    /// <summary>Under the lock.</summary>
    void CheckNow()
    {
        if (_disposed)
            return;
        (_checking, _checkAgain, _triedAt) = (true, false, 0);
        _ = Task.Run(CheckInBackgroundAsync);
    }

    /// <summary>Under the lock.</summary>
    void CheckLater()
    {
        if (_disposed)
            return;
        var wait = _outage!.Fault.LoginRefused ? logins.Wait(this) : _retry;
        _retry = _retry * 2 < LongestRetry ? _retry * 2 : LongestRetry;
        _timer?.Dispose();
        _timer = time.CreateTimer(static connector => ((DatabaseConnector)connector!).OnTime(), this, wait, Timeout.InfiniteTimeSpan);
    }

    void OnTime()
    {
        lock (_lock)
        {
            _timer?.Dispose();
            _timer = null;
            if (_outage is not null && !_checking)
                CheckNow();
        }
    }
}
