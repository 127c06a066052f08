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
    readonly Authorizer _authorizer;
    long _waitingSince;
    int _commits;

    public unsafe SqliteSession(string connectionString, TimeProvider time) : base(connectionString)
    {
        _time = time;
        _busy = WaitForLock;
        _authorizer = Judge;
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    delegate int BusyHandler(IntPtr context, int round);

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    unsafe delegate int Authorizer(IntPtr context, int action, byte* first, byte* second, byte* database, byte* trigger);

    /// <summary>Called before a transaction that wrote is committed.</summary>
    public Action? Committing { get; init; }

    /// <summary>Whether a batch has its transaction here: it is not a command's to begin or end one.</summary>
    public bool IsInBatch { get; set; }

    /// <summary>Why SQLite was told not to do something, the last time that it asked; null: it was let do everything.</summary>
    public string? Refusal { get; private set; }

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
        // Last: what stands above may do more than a query.
        _ = sqlite3_set_authorizer(handle.DangerousGetHandle(), _authorizer, IntPtr.Zero);
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
    /// What SQLite keeps meanwhile (temporary tables, sorted rows) stays in memory: in the system's folder it would be patients' data in plain.
    /// </summary>
    static void KeepToOneFile(sqlite3 handle)
    {
        raw.sqlite3_limit(handle, raw.SQLITE_LIMIT_ATTACHED, 0);
        raw.sqlite3_enable_load_extension(handle, 0);
        raw.sqlite3_db_config(handle, raw.SQLITE_DBCONFIG_DEFENSIVE, 1, out _);
        raw.sqlite3_db_config(handle, raw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, out _);
        raw.sqlite3_exec(handle, "PRAGMA temp_store = MEMORY");
    }

    unsafe int Judge(IntPtr context, int action, byte* first, byte* second, byte* database, byte* trigger)
    {
        if (SqliteAuthorizer.Refuse(action, first, second, IsInBatch) is not { } why)
            return raw.SQLITE_OK;
        Refusal = why;
        return raw.SQLITE_DENY;
    }

    int BeforeCommit()
    {
        // What a command does after it has ended the transaction of its batch is no part of that.
        if (_stop.IsSet || IsInBatch)
            return 1;
        try
        {
            Committing?.Invoke();
        }
        catch (IOException)
        {
            // Who should know of it is gone, and nothing may be thrown through SQLite.
            return 1;
        }
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

    [DllImport("e_sqlite3", CallingConvention = CallingConvention.Cdecl)]
    static extern int sqlite3_set_authorizer(IntPtr db, Authorizer authorizer, IntPtr context);
}
