using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Link.Engines.SqlServer.Connections;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Sets a session up for one command: how it behaves towards the practice's own, and who it is for.</summary>
/// <remarks>
/// In a batch of its own, or in front of the command's text where that goes as sp_executesql: then it takes no round trip, and the text is the same each
/// time, so that the server finds its plan again. The pool's reset takes all of it back, but for the isolation level on servers before 2014.
/// </remarks>
sealed class SqlServerSession(PracticeProtection standard, TimeProvider time)
{
    /// <summary>Seconds.</summary>
    const int SetUpWithin = 10;

    const string ContextParameter = "@halo_context";

    /// <summary>A connection that answered a moment ago is alive. One that was idle for longer may be dead, and the batch of its own finds out before the command is sent.</summary>
    static readonly TimeSpan Alive = TimeSpan.FromSeconds(1);

    /// <summary>Connections that the pool has closed are forgotten with the others.</summary>
    const int MostRemembered = 1000;

    /// <summary>When a connection last answered, by its own id.</summary>
    readonly ConcurrentDictionary<Guid, long> _answered = new();

    /// <summary>It has answered: nothing is open in it.</summary>
    public void Answered(SqlConnection connection)
    {
        if (_answered.Count >= MostRemembered)
            _answered.Clear();
        _answered[connection.ClientConnectionId] = time.GetTimestamp();
    }

    /// <summary>Whether the set-up can go with the command's text. What is asked before the command is sent, as a table's columns, comes after a batch of its own.</summary>
    public bool GoesWithText(SqlConnection connection, CommandRequest request)
    {
        var (command, parameters) = (request.Command, request.Command.Parameters ?? []);
        return request.Access != CommandAccess.ReadOnly && TransactSql.TakesStatementsBefore(command)
            && (parameters.Count > 0 || TransactSql.WritesOnce(command))
            && !parameters.Any(p => p.Type == SqlType.Structured || p.Name.TrimStart('@').Equals(ContextParameter[1..], StringComparison.OrdinalIgnoreCase))
            && _answered.TryGetValue(connection.ClientConnectionId, out var at) && time.GetElapsedTime(at) <= Alive;
    }

    /// <summary>Puts the set-up before the command's text, on the same line: the lines of its errors are its own.</summary>
    public void PutBefore(SqlCommand command, CommandRequest request)
    {
        var text = Text(request);
        if (ContextOf(request) is { } context)
        {
            command.Parameters.Add(new(ContextParameter, System.Data.SqlDbType.VarBinary, context.Length) { Value = context });
            text.Append(CultureInfo.InvariantCulture, $"SET CONTEXT_INFO {ContextParameter};");
        }
        command.CommandText = text.Append(command.CommandText).ToString();
    }

    /// <exception cref="ReadOnlyImpossibleException">The practice wants a login that can only read, and this one can do more.</exception>
    public void SetUp(SqlConnection connection, CommandRequest request)
    {
        var text = Text(request);
        if (ContextOf(request) is { } context)
            text.Append(CultureInfo.InvariantCulture, $"SET CONTEXT_INFO 0x{Convert.ToHexString(context)};");
        using var command = new SqlCommand { Connection = connection, CommandTimeout = SetUpWithin };
        if (request.Access != CommandAccess.ReadOnly)
        {
            command.CommandText = text.ToString();
            command.ExecuteNonQuery();
            return;
        }
        command.CommandText = text.Append(ReadOnlyLogin.Right).ToString();
        if (ReadOnlyLogin.WhyNot(command) is { } right)
            throw new ReadOnlyImpossibleException(right);
    }

    /// <summary>Why readers cannot have the isolation level snapshot in the connection's database; null: they can.</summary>
    public static async Task<string?> SnapshotFaultAsync(SqlConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand(
            "SELECT CAST(snapshot_isolation_state AS int) FROM sys.databases WHERE database_id = DB_ID()", connection)
        { CommandTimeout = SetUpWithin };
        return await command.ExecuteScalarAsync(stop) is 0 ? SqlServerFaults.SnapshotRefused : null;
    }

    StringBuilder Text(CommandRequest request)
    {
        var protection = request.Protection ?? standard;
        var isReader = request.IsReader;
        var text = new StringBuilder();
        text.Append(protection.DeadlockPriority == DeadlockPriority.Low ? "SET DEADLOCK_PRIORITY LOW;" : "SET DEADLOCK_PRIORITY NORMAL;");
        if (isReader && protection.LockTimeout is { } wait)
            text.Append(CultureInfo.InvariantCulture, $"SET LOCK_TIMEOUT {(int)wait.TotalMilliseconds};");
        if (isReader && protection.Isolation != ReaderIsolation.ReadCommitted)
            text.Append(protection.Isolation == ReaderIsolation.Snapshot
                ? "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;"
                : "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;");
        return text;
    }

    /// <summary>What a DBA reads by <c>SELECT CAST(context_info AS varchar(128)) FROM sys.dm_exec_sessions</c>.</summary>
    static byte[]? ContextOf(CommandRequest request) => request.Mark is { } mark ? Encoding.ASCII.GetBytes(mark) : null;
}
