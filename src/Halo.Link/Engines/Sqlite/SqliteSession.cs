using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>A connection that can be stopped at any moment and knows whether it has committed anything.</summary>
/// <remarks>
/// The driver waits for locks in sleeps that nothing ends, and an interrupt between two statements is lost. So the wait for locks is
/// this type's own, a progress handler looks at the wish to stop inside long statements, and no commit passes once it is there.
/// </remarks>
sealed class SqliteSession : SqliteConnection
{
    /// <summary>Steps of SQLite's machine between two looks: some microseconds.</summary>
    const int StepsBetweenLooks = 1000;

    readonly ManualResetEventSlim _stop = new();
    readonly TimeProvider _time;
    readonly BusyHandler _busy;
    long _waitingSince;
    int _commits;

    public SqliteSession(string connectionString, TimeProvider time) : base(connectionString)
    {
        _time = time;
        _busy = WaitForLock;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int BusyHandler(IntPtr context, int round);

    /// <summary>Whether a transaction that wrote was on its way to disk: what SQLite then said of it may be an error all the same.</summary>
    public bool Committed => Volatile.Read(ref _commits) > 0;

    public override void Open()
    {
        base.Open();
        var handle = Handle!;
        KeepToOneFile(handle);
        raw.sqlite3_progress_handler(handle, StepsBetweenLooks, _ => _stop.IsSet ? 1 : 0, null);
        raw.sqlite3_commit_hook(handle, _ => BeforeCommit(), null);
        _ = sqlite3_busy_handler(handle.DangerousGetHandle(), _busy, IntPtr.Zero);
    }

    /// <summary>Stops what runs; nothing commits after this.</summary>
    public void Stop()
    {
        _stop.Set();
        if (Handle is { IsInvalid: false, IsClosed: false } handle)
            raw.sqlite3_interrupt(handle);
    }

    /// <summary>
    /// SQLite has no accounts: whoever may send SQL could attach any file that the agent can write, its own journal among them, or copy the
    /// database to anywhere. So a query reaches the file that it was sent to, and its temporary tables. VACUUM attaches as well: both forms fail.
    /// </summary>
    static void KeepToOneFile(sqlite3 handle)
    {
        raw.sqlite3_limit(handle, raw.SQLITE_LIMIT_ATTACHED, 0);
        raw.sqlite3_enable_load_extension(handle, 0);
        raw.sqlite3_db_config(handle, raw.SQLITE_DBCONFIG_DEFENSIVE, 1, out _);
        raw.sqlite3_db_config(handle, raw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, out _);
    }

    int BeforeCommit()
    {
        if (_stop.IsSet)
            return 1;
        Interlocked.Increment(ref _commits);
        return 0;
    }

    int WaitForLock(IntPtr context, int round)
    {
        if (round == 0)
            _waitingSince = _time.GetTimestamp();
        else if (DefaultTimeout > 0 && _time.GetElapsedTime(_waitingSince).TotalSeconds >= DefaultTimeout)
            return 0;
        return _stop.Wait(Math.Min(1 + round, 20)) ? 0 : 1;
    }

    [DllImport("e_sqlite3", CallingConvention = CallingConvention.Cdecl)]
    static extern int sqlite3_busy_handler(IntPtr db, BusyHandler handler, IntPtr context);
}
