using Halo.Api.Basics;
using Microsoft.Data.Sqlite;

namespace Halo.Api.Storage.Sqlite;

/// <summary>
/// The one writer: takes everything that waits into one transaction, commits, completes. What arrives meanwhile is the
/// next group, so a lone write does not wait and many share the cost of one sync.
/// </summary>
/// <remarks>
/// Order is kept. While many write at once a group waits for a moment to become larger: commits are what costs, and callers who
/// are many wait for each other rather than for the disk.
/// </remarks>
sealed class SqliteWriter : IAsyncDisposable
{
    // After a group of so many the next one is gathered for as long, or until it has so many. Windows' timers are too
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
        bool wakes;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, typeof(SqliteDatabase));
            _waiting.Add(work);
            wakes = _pause == Pause.UntilWoken || (_pause == Pause.Gathering && _waiting.Count >= Enough);
            if (wakes)
                _pause = Pause.None;
        }
        // Outside: who is woken would run into the lock, and waking is what costs here.
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

    /// <summary>Waits for a group.</summary>
    /// <returns>False: none comes any more.</returns>
    bool Take(ref List<SqliteWork> group)
    {
        if (_lastSize >= Company)
            Gather();
        while (true)
        {
            lock (_gate)
            {
                if (_waiting.Count > 0 || _stopping)
                {
                    _pause = Pause.None;
                    (group, _waiting) = (_waiting, group);
                    _lastSize = group.Count;
                    return group.Count > 0;
                }
                _pause = Pause.UntilWoken;
            }
            _more.WaitOne();
        }
    }

    void Gather()
    {
        lock (_gate)
        {
            if (_stopping || _waiting.Count >= Enough)
                return;
            _pause = Pause.Gathering;
        }
        _more.WaitOne(GathersMs);
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

        /// <summary>A moment, unless much comes.</summary>
        Gathering,

        UntilWoken,
    }
}
