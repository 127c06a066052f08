using Microsoft.Extensions.Logging;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>The worker processes that all SQLite sites share: at most as many as queries run at once, and one ready for the next.</summary>
/// <remarks>Nothing runs while nothing is asked: after a minute without a query one idle worker is left, and no timer.</remarks>
sealed partial class SqliteWorkers : ISqliteRunners, IAsyncDisposable
{
    static readonly TimeSpan Look = TimeSpan.FromMinutes(1);

    /// <summary>A start takes a processor for a while: many at once only make each other late.</summary>
    static readonly int MostStarts = Math.Clamp(Environment.ProcessorCount, 1, 4);

    readonly TimeProvider _time;
    readonly ILogger _log;
    readonly Lock _lock = new();
    readonly Stack<SqliteWorker> _idle = new();
    readonly LinkedList<TaskCompletionSource<SqliteWorker>> _waiting = new();
    readonly ITimer _trim;
    int _starting;
    int _failedStarts;
    int _busy;
    int _mostBusy;
    bool _watching;
    bool _disposed;

    /// <param name="memoryBytes">Most that SQLite may take for one query.</param>
    public SqliteWorkers(long memoryBytes, TimeProvider time, ILogger<SqliteWorkers> log)
    {
        (MemoryBytes, _time, _log) = (memoryBytes, time, log);
        _trim = time.CreateTimer(static workers => ((SqliteWorkers)workers!).Trim(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Runs commands in these processes.</summary>
    public ICommandRunner NewRunner(SqliteEngine engine, TimeProvider time, IDatabaseConnector? connector) => new SqliteWorkerRunner(engine, this, time, connector);

    /// <summary>Most that SQLite may take for one query, in bytes.</summary>
    public long MemoryBytes { get; }

    /// <summary>Starts the first worker, so that the first query need not wait for it. Returns at once.</summary>
    public void Begin()
    {
        lock (_lock)
            StartWanted(spare: true);
    }

    /// <summary>A worker for one command, the first that is free or has started; by <see cref="Return"/> it is given back.</summary>
    /// <exception cref="SqliteWorkerException">None can be started.</exception>
    internal async ValueTask<SqliteWorker> RentAsync(CancellationToken cancel)
    {
        TaskCompletionSource<SqliteWorker> wait;
        lock (_lock)
        {
            if (_disposed)
                throw new SqliteWorkerException("the Link is stopping");
            while (_idle.TryPop(out var worker))
            {
                if (worker.HasEnded)
                {
                    worker.Dispose();
                    continue;
                }
                Take();
                StartWanted(spare: true);
                return worker;
            }
            wait = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.AddLast(wait);
            StartWanted(spare: true);
        }
        await using (cancel.UnsafeRegister(_ => GiveUp(wait, cancel), null))
            return await wait.Task;
    }

    /// <summary>Gives a worker back.</summary>
    /// <param name="worker">From <see cref="RentAsync"/>.</param>
    /// <param name="reusable">False: it is ended.</param>
    internal void Return(SqliteWorker worker, bool reusable)
    {
        lock (_lock)
        {
            _busy--;
            if (reusable && Place(worker))
                return;
            StartWanted(spare: false);
        }
        worker.Dispose();
    }

    /// <summary>A command did not end when it was stopped.</summary>
    internal void Kill(SqliteWorker worker)
    {
        worker.Kill();
        LogKilled();
    }

    /// <summary>A worker ended in the middle of a command, and not because the Link ended it.</summary>
    internal void Lost(SqliteWorker worker) => LogLost(worker.HowItEnded());

    public async ValueTask DisposeAsync()
    {
        List<SqliteWorker> idle;
        List<TaskCompletionSource<SqliteWorker>> waiting;
        lock (_lock)
        {
            _disposed = true;
            (idle, waiting) = ([.. _idle], [.. _waiting]);
            _idle.Clear();
            _waiting.Clear();
        }
        await _trim.DisposeAsync();
        foreach (var worker in idle)
            worker.Dispose();
        foreach (var wait in waiting)
            wait.TrySetException(new SqliteWorkerException("the Link is stopping"));
    }

    /// <summary>Starts what those who wait need, and one more where none is idle. Called under the lock.</summary>
    void StartWanted(bool spare)
    {
        var wanted = _waiting.Count + (spare && _idle.Count == 0 ? 1 : 0);
        while (!_disposed && _starting < Math.Min(wanted, MostStarts))
        {
            _starting++;
            _ = Task.Run(StartAsync);
        }
    }

    async Task StartAsync()
    {
        SqliteWorker? worker = null;
        SqliteWorkerException? failure = null;
        try
        {
            worker = await SqliteWorker.StartAsync(MemoryBytes, _time);
        }
        catch (Exception e)
        {
            // Whatever it is: a start that is not counted as over would keep others from starting.
            failure = e as SqliteWorkerException ?? new($"it cannot be started ({e.GetType().Name})");
            LogNotStarted(failure.Message);
        }
        lock (_lock)
        {
            _starting--;
            _failedStarts = failure is null ? 0 : _failedStarts + 1;
            if (worker is not null && Place(worker))
                worker = null;
            // One that the system ended while it started says nothing of the next; two do.
            else if (_failedStarts > 1 && _waiting.First is { } first)
            {
                _waiting.RemoveFirst();
                first.Value.TrySetException(failure!);
            }
            StartWanted(spare: false);
        }
        worker?.Dispose();
    }

    /// <summary>Gives a free worker to who waits longest, or keeps it. Called under the lock.</summary>
    bool Place(SqliteWorker worker)
    {
        if (_disposed)
            return false;
        if (_waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            Take();
            first.Value.TrySetResult(worker);
        }
        else
            _idle.Push(worker);
        return true;
    }

    void GiveUp(TaskCompletionSource<SqliteWorker> wait, CancellationToken cancel)
    {
        lock (_lock)
        {
            if (_waiting.Remove(wait))
                wait.TrySetCanceled(cancel);
        }
    }

    void Take()
    {
        _mostBusy = Math.Max(_mostBusy, ++_busy);
        if (_watching)
            return;
        _watching = true;
        _trim.Change(Look, Look);
    }

    /// <summary>Leaves what was in use at most since the last look, and one more.</summary>
    void Trim()
    {
        List<SqliteWorker> gone = [];
        lock (_lock)
        {
            var wanted = _mostBusy == 0 ? 1 : _mostBusy + 1;
            while (_idle.Count > 0 && _busy + _idle.Count > wanted)
                gone.Add(_idle.Pop());
            if (_mostBusy == 0 && !_disposed)
            {
                _watching = false;
                _trim.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
            _mostBusy = _busy;
        }
        foreach (var worker in gone)
            worker.Dispose();
    }

    [LoggerMessage(2120, LogLevel.Error,
        "The process in which the Link queries SQLite did not start: {How}. SQLite sites fail until it does. Check that the Link's program folder is whole and may be executed, and that there is memory.")]
    partial void LogNotStarted(string how);

    [LoggerMessage(2121, LogLevel.Warning, "A SQLite query did not end when it was stopped; its process was ended. The next query has another one.")]
    partial void LogKilled();

    [LoggerMessage(2122, LogLevel.Warning, "The process of a SQLite query ended in the middle of it: {How}. With 137 the system ended it, mostly for want of memory. The next query has another one.")]
    partial void LogLost(string how);
}
