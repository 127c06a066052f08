using System.Data.Common;

namespace Halo.Link.Engines;

/// <summary>Stops a statement at its limit or at the caller's wish: the database is asked until it obeys, then the connection is given up.</summary>
sealed class ExecutionWatch : IAsyncDisposable
{
    /// <summary>A cancel that arrives just before the statement does is lost, so it is repeated.</summary>
    static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);

    /// <summary>A database that has not obeyed by then is taken for gone.</summary>
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

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
    readonly Lock _lock = new();
    ITimer? _repeat;
    Task _asking = Task.CompletedTask;
    bool _over;

    public ExecutionWatch(IDatabaseEngine engine, DbConnection connection, DbCommand command, TimeProvider time, TimeSpan limit, CancellationToken cancel)
    {
        (_engine, _connection, _command, _time, _cancel) = (engine, connection, command, time, cancel);
        _limit = new CancellationTokenSource(limit, time);
        _giveUp = new DriverCancellation(time);
        _wish = CancellationTokenSource.CreateLinkedTokenSource(_limit.Token, cancel);
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

    /// <summary>Stops the statement for a reason of the Link's own.</summary>
    public void StopNow() => _wish.Cancel();

    /// <summary>Ends when the database has been asked to stop.</summary>
    public async ValueTask WhenAskedAsync()
    {
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
        if (_repeat is not null)
            await _repeat.DisposeAsync();
        await asking;
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
            CancelledByCaller = !_limit.IsCancellationRequested && _cancel.IsCancellationRequested;
            _giveUp.CancelAfter(Patience);
            _asking = Task.Run(Ask);
            // Whoever waits with this token goes on reading where it wakes: not here, on the thread of a timer or of the line, before the database is asked.
            _ = _stop.CancelAsync();
            _repeat = _time.CreateTimer(static watch => ((ExecutionWatch)watch!).AskOnceMore(), this, AskAgain, AskAgain);
        }
    }

    void AskOnceMore()
    {
        lock (_lock)
        {
            if (!_over && _asking.IsCompleted)
                _asking = Task.Run(Ask);
        }
    }

    void Ask()
    {
        try
        {
            _engine.Cancel(_connection, _command);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException or IOException or System.Net.Sockets.SocketException)
        {
            // The statement or the connection ended meanwhile; the runner sees which.
        }
    }
}
