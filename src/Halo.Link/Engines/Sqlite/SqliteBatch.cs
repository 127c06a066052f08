using Halo.Contracts.Queries;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>A batch's transaction in SQLite, which takes no command that begins or ends one meanwhile.</summary>
/// <remarks>One that writes takes its lock at the beginning: one that began by reading could not write any more once another has.</remarks>
sealed class SqliteBatch(SqliteSession session, CommandRequest request) : IBatchTransaction
{
    public ValueTask BeginAsync(CancellationToken stop)
    {
        using var registration = stop.UnsafeRegister(static session => ((SqliteSession)session!).Stop(), session);
        Run(request.ReadOnly || request.IsReader ? "BEGIN" : "BEGIN IMMEDIATE");
        session.IsInBatch = true;
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> IsOpenAsync() => ValueTask.FromResult(IsOpen);

    public ValueTask<bool> CommitAsync(TimeSpan within)
    {
        session.IsInBatch = false;
        Run("COMMIT");
        return ValueTask.FromResult(true);
    }

    public ValueTask<Executed> RollBackAsync(FailedCommand? command)
    {
        session.IsInBatch = false;
        if (IsOpen)
            raw.sqlite3_exec(session.Handle!, "ROLLBACK");
        return ValueTask.FromResult(session.Committed || IsOpen ? Executed.Unknown : Executed.No);
    }

    bool IsOpen => raw.sqlite3_get_autocommit(session.Handle!) == 0;

    void Run(string text)
    {
        using var command = new SqliteCommand(text, session) { CommandTimeout = -1 };
        command.ExecuteNonQuery();
    }
}
