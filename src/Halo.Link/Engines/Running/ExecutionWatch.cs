using System.Data.Common;

namespace Halo.Link.Engines.Running;

/// <summary>
/// Stops a statement at its limit or when asked: the database is asked until it obeys, then its session is ended by force, then the driver is told to give
/// up. What does not end even then is left behind (<see cref="Backstop"/>).
/// </summary>
sealed class ExecutionWatch : IAsyncDisposable
{
    /// <summary>From asking to stop until the run is left behind. Less than the API's grace (10 s), so that the caller gets the Link's answer.</summary>
    public static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(8);

    /// <summary>A cancel that arrives just before the statement does is lost, so it is repeated.</summary>
    static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    /// <summary>A statement that has not obeyed by then is ended by force.</summary>
    static readonly TimeSpan Grace = TimeSpan.FromSeconds(4);

    /// <summary>Commands that end sooner are not looked at: most do.</summary>
    static readonly TimeSpan LooksAfter = TimeSpan.FromSeconds(1);

    /// <summary>A driver whose session has been ended notices it within this time, or has to give it up.</summary>
    static readonly TimeSpan ForceWorksWithin = TimeSpan.FromSeconds(1);

    readonly IDatabaseEngine _engine;
    readonly DbConnection _connection;
    readonly DbCommand _command;
    readonly TimeProvider _time;
    readonly CancellationToken _cancel;
    readonly CancellationTokenSource _limit;
    readonly CancellationTokenSource _wish;
    readonly CancellationTokenSource _stop = new();
    readonly DriverCancellation _giveUp;
    readonly CancellationTokenRegistration _registration;
    readonly Action _stopping;
    readonly TimeSpan? _guard;
    readonly Lock _lock = new();
    readonly ITimer? _look;
    readonly CancellationTokenSource _noLook = new();
    readonly Dictionary<long, long> _blockedSince = [];
    Task _looking = Task.CompletedTask;
    ITimer? _repeat;
    Task _asking = Task.CompletedTask;
    Task<bool>? _forcing;
    long _stoppedAt;
    bool _over;

    /// <param name="stopping">Called once, when the statement is to be stopped.</param>
    public ExecutionWatch(
        IDatabaseEngine engine, DbConnection connection, DbCommand command, TimeProvider time, CommandRequest request, Action stopping, CancellationToken cancel)
    {
        (_engine, _connection, _command, _time, _stopping, _cancel) = (engine, connection, command, time, stopping, cancel);
        _limit = new CancellationTokenSource(request.Limit, time);
        _giveUp = new DriverCancellation(time);
        _wish = CancellationTokenSource.CreateLinkedTokenSource(_limit.Token, cancel);
        _guard = request.Protection is { } protection ? protection.BlockingGuard : engine.BlockingGuard;
        if (_guard is { } guard)
        {
            var first = guard < LooksAfter ? guard : LooksAfter;
            _look = time.CreateTimer(static watch => ((ExecutionWatch)watch!).Look(), this, first, LooksAfter);
        }
        _registration = _wish.Token.UnsafeRegister(static watch => ((ExecutionWatch)watch!).BeginAsking(), this);
    }

    /// <summary>The statement is being cancelled: encode no more.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>The database does not obey: give up its connection.</summary>
    public CancellationToken GiveUp => _giveUp.Token;

    /// <summary>Whether it was stopped, by whomever.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Whether the caller asked for it, and not the limit.</summary>
    public bool CancelledByCaller { get; private set; }

    /// <summary>Whether it was stopped because it held up one of the practice's own sessions.</summary>
    public bool BlockedPractice { get; private set; }

    /// <summary>Whether the statement did not obey and the database ended its session. Known once this is disposed of.</summary>
    public bool SessionEnded => _forcing is { IsCompletedSuccessfully: true, Result: true };

    /// <summary>Stops the statement, for a reason of the Link's own or because it is to be stopped already; ends when the database has been asked.</summary>
    public async ValueTask StopNowAsync()
    {
        _wish.Cancel();
        Task asking;
        lock (_lock)
            asking = _asking;
        await asking;
    }

    /// <summary>Nothing runs any more. Ends only after the last cancel has been sent, so that none can hit the connection's next statement.</summary>
    public async ValueTask DisposeAsync()
    {
        await _registration.DisposeAsync();
        Task asking;
        lock (_lock)
        {
            _over = true;
            asking = _asking;
        }
        if (_look is not null)
        {
            await _look.DisposeAsync();
            // Whoever is looking at this moment is not waited for.
            _ = _noLook.CancelAsync();
        }
        if (_repeat is not null)
            await _repeat.DisposeAsync();
        await asking;
        if (_forcing is not null)
            await _forcing;
        _wish.Dispose();
        _stop.Dispose();
        _limit.Dispose();
        _giveUp.Dispose();
    }

    void BeginAsking()
    {
        lock (_lock)
        {
            if (_over)
                return;
            Stopped = true;
            CancelledByCaller = !BlockedPractice && !_limit.IsCancellationRequested && _cancel.IsCancellationRequested;
            _stoppedAt = _time.GetTimestamp();
            _stopping();
            _asking = Task.Run(Ask);
            // Whoever waits with this token goes on reading where it wakes: not here, on the thread of a timer or of the line, before the database is asked.
            _ = _stop.CancelAsync();
            _repeat = _time.CreateTimer(static watch => ((ExecutionWatch)watch!).AskOnceMore(), this, AskAgain, AskAgain);
        }
    }

    void Look()
    {
        lock (_lock)
        {
            if (!_over && !Stopped && _looking.IsCompleted)
                _looking = Task.Run(LookAsync);
        }
    }

    /// <summary>A session counts from when it was first seen waiting: not every server tells since when one waits.</summary>
    async Task LookAsync()
    {
        try
        {
            var waiting = await _engine.BlockedSessionsAsync(_connection, _noLook.Token);
            foreach (var gone in _blockedSince.Keys.Except(waiting).ToList())
                _blockedSince.Remove(gone);
            foreach (var session in waiting)
                _blockedSince.TryAdd(session, _time.GetTimestamp());
            if (_blockedSince.Values.Any(since => _time.GetElapsedTime(since) >= _guard))
                StopFor();
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // It can be looked at no more than its server can be connected to: the next look tries again.
        }

        void StopFor()
        {
            lock (_lock)
            {
                if (_over || Stopped)
                    return;
                BlockedPractice = true;
            }
            try
            {
                _wish.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It ended at this moment.
            }
        }
    }

    void AskOnceMore()
    {
        lock (_lock)
        {
            if (_over)
                return;
            if (_time.GetElapsedTime(_stoppedAt) >= Grace)
            {
                if (_forcing is null)
                {
                    _forcing = Task.Run(AbandonAsync);
                    _giveUp.CancelAfter(ForceWorksWithin);
                }
            }
            else if (_asking.IsCompleted)
                _asking = Task.Run(Ask);
        }
    }

    void Ask()
    {
        try
        {
            _engine.Cancel(_connection, _command);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDriver(e))
        {
            // The statement or the connection ended meanwhile; the runner sees which.
        }
    }

    /// <summary>Ends the statement's session, unless that was done already.</summary>
    public Task ForceAsync()
    {
        lock (_lock)
            return _forcing ??= Task.Run(AbandonAsync);
    }

    async Task<bool> AbandonAsync()
    {
        try
        {
            return await _engine.AbandonAsync(_connection, _command);
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            // It could not be ended from here: the driver gives it up, or the run is left behind.
            return false;
        }
    }
}
