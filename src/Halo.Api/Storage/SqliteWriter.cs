using Microsoft.Data.Sqlite;

namespace Halo.Api.Storage;

/// <summary>
/// The one writer: takes everything that waits into one transaction, commits, completes. What arrives meanwhile is the
/// next group, so a lone write does not wait and many share the cost of one sync. An <see cref="OpenStatement"/> alone is held
/// back for a moment: the accept of an immediate query, whose outcome mostly follows soon, and then both are one row, written once.
/// </summary>
/// <remarks>
/// Order is kept: whatever is no such statement takes with it all that was given before. While many write at once a group waits for
/// a moment to become larger: commits are what costs, and callers who are many wait for each other rather than for the disk.
/// </remarks>
sealed class SqliteWriter : IAsyncDisposable
{
    // Of real time. A small query of many at once is back within it.
    static readonly TimeSpan HeldBack = TimeSpan.FromMilliseconds(5);

    // Milliseconds: how long the writer looks around by itself after a group.
    const int LooksAround = 1;

    // After a group of so many the next one is gathered for as long, or until it has so many that are urgent. Windows' timers are too
    // coarse for that: a millisecond would be sixteen.
    static readonly int Company = OperatingSystem.IsWindows() ? int.MaxValue : 12;
    const int GathersMs = 1;
    const int Enough = 64;

    static readonly Statement Begin = new("BEGIN IMMEDIATE"), Commit = new("COMMIT");

    readonly Lock _gate = new();
    readonly AutoResetEvent _more = new(false);
    readonly string _connectionString;
    readonly Thread _thread;
    readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    List<SqliteWork> _waiting = [];
    Pause _pause;
    int _urgent;
    int _lastSize;
    bool _stopping;
    volatile bool _refuses;

    public SqliteWriter(string connectionString)
    {
        _connectionString = connectionString;
        _thread = new(Loop) { IsBackground = true, Name = "SQLite writer" };
        _thread.Start();
    }

    /// <summary>Writes that are in no group yet.</summary>
    public int Waiting
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>The last group could not be committed.</summary>
    public bool Refuses => _refuses;

    public void Add(SqliteWork work)
    {
        if (Thread.CurrentThread == _thread)
            throw new InvalidOperationException("A unit of work may not wait for another write: it would wait for itself.");
        var isUrgent = work is not OpenWork;
        bool wakes;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, typeof(SqliteDatabase));
            _waiting.Add(work);
            wakes = Wakes(isUrgent);
        }
        // Outside: who is woken would run into the lock, and waking is what costs here.
        if (wakes)
            _more.Set();
    }

    /// <summary>What was held back waits for nothing any more.</summary>
    public void Urge()
    {
        bool wakes;
        lock (_gate)
            wakes = Wakes(isUrgent: true);
        if (wakes)
            _more.Set();
    }

    /// <summary>Writes what still waits, then closes.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
        }
        _more.Set();
        // The event is left to the collector: whoever has just added something may still be about to set it.
        await _ended.Task;
    }

    void Loop()
    {
        SqliteConnection? connection = null;
        SqliteStatements? statements = null;
        List<SqliteWork> group = [];
        while (Take(ref group))
        {
            try
            {
                connection ??= Open();
                statements ??= new(connection);
            }
            catch (Exception e)
            {
                _refuses = true;
                var closed = new StorageException($"SQLite could not be opened ({e.Message}); nothing of this write is stored.", e) { NothingStored = true };
                group.ForEach(w => w.Fail(closed));
                group.Clear();
                continue;
            }
            if (_refuses = !Write(group, connection, statements))
            {
                // Whatever was wrong with it, the next group starts afresh.
                statements.Dispose();
                connection.Dispose();
                (connection, statements) = (null, null);
            }
            group.Clear();
        }
        statements?.Dispose();
        connection?.Dispose();
        _ended.SetResult();
    }

    bool Wakes(bool isUrgent)
    {
        if (isUrgent)
            _urgent++;
        var wakes = _pause == Pause.UntilWoken || (_pause == Pause.Short && isUrgent) || (_pause == Pause.Gathering && _urgent >= Enough);
        if (wakes)
            _pause = Pause.None;
        return wakes;
    }

    /// <summary>
    /// Waits for a group. After one it looks around once more by itself, a moment later: so what is held back need not wake it
    /// while writes follow each other, and a store without writes sleeps.
    /// </summary>
    bool Take(ref List<SqliteWork> group)
    {
        if (_lastSize >= Company)
            Gather();
        var isIdle = false;
        while (true)
        {
            int pause;
            lock (_gate)
            {
                if (_urgent > 0 || _stopping || OldestHeld() >= HeldBack)
                {
                    (_urgent, _pause) = (0, Pause.None);
                    (group, _waiting) = (_waiting, group);
                    if (!_stopping)
                        LeaveOpen(group);
                    _lastSize = group.Count;
                    // None: what was urged was in the last group already.
                    if (_stopping || group.Count > 0)
                        return group.Count > 0;
                }
                var sleeps = isIdle && _waiting.Count == 0;
                (_pause, pause) = sleeps ? (Pause.UntilWoken, Timeout.Infinite)
                    : (Pause.Short, _waiting.Count == 0 ? LooksAround : Math.Max(1, (int)Math.Ceiling((HeldBack - OldestHeld()).TotalMilliseconds)));
            }
            isIdle = !_more.WaitOne(pause);
        }
    }

    void Gather()
    {
        lock (_gate)
        {
            if (_stopping || _urgent >= Enough)
                return;
            _pause = Pause.Gathering;
        }
        _more.WaitOne(GathersMs);
    }

    /// <summary>How long the first has been held back: where nothing is urgent, nothing else waits.</summary>
    TimeSpan OldestHeld() => _waiting is [OpenWork oldest, ..] ? HeldFor(oldest) : TimeSpan.Zero;

    static TimeSpan HeldFor(OpenWork work) => TimeProvider.System.GetElapsedTime(work.Since);

    /// <summary>Takes out of a group what is still open and has not waited long, unless something that is to come after it is in the group.</summary>
    void LeaveOpen(List<SqliteWork> group)
    {
        if (!group.TrueForAll(static w => w is OpenWork))
            return;
        var kept = 0;
        for (var i = 0; i < group.Count; i++)
        {
            if (group[i] is OpenWork { IsOpen: true } open && HeldFor(open) < HeldBack)
                _waiting.Add(open);
            else
                group[kept++] = group[i];
        }
        group.RemoveRange(kept, group.Count - kept);
    }

    /// <returns>False: the whole group failed.</returns>
    static bool Write(List<SqliteWork> group, SqliteConnection connection, SqliteStatements statements)
    {
        var done = new List<SqliteWork>(group.Count);
        var started = Telemetry.Moment;
        try
        {
            // The driver's own transaction, which units want, prepares its words anew each time; single statements do without.
            using var transaction = group.Exists(w => w.WantsTransaction) ? connection.BeginTransaction(deferred: false) : null;
            if (transaction is null)
                statements.Run(Begin);
            foreach (var work in group)
            {
                try
                {
                    work.Run(transaction, statements);
                    done.Add(work);
                }
                catch (Exception e) when (!statements.IsUndone)
                {
                    work.Fail(e);
                }
            }
            if (transaction is null)
                statements.Run(Commit);
            else
                transaction.Commit();
            Telemetry.Committed(group.Count, started, stored: true);
        }
        catch (Exception e)
        {
            // Begin or commit failed, or SQLite undid everything: nothing of this group is stored. A task that failed before stays as it is.
            var reason = new StorageException($"SQLite could not commit ({e.Message}); nothing of this write is stored.", e) { NothingStored = true };
            Telemetry.Committed(group.Count, started, stored: false);
            group.ForEach(w => w.Fail(reason));
            return false;
        }
        done.ForEach(w => w.Complete());
        return true;
    }

    SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            using var command = connection.Command(null,
                "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
            command.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    enum Pause
    {
        None,

        /// <summary>A moment, unless something urgent comes.</summary>
        Short,

        /// <summary>A moment, unless much that is urgent comes.</summary>
        Gathering,

        UntilWoken,
    }
}
