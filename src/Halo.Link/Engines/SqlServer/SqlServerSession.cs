using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Sets a session up for one command, in one batch: how it behaves towards the practice's own, and who it is for.</summary>
/// <remarks>The pool's reset takes all of it back, but for the isolation level on servers before 2014.</remarks>
static class SqlServerSession
{
    /// <summary>Seconds.</summary>
    const int SetUpWithin = 10;

    /// <exception cref="ReadOnlyImpossibleException">The practice wants a login that can only read, and this one can do more.</exception>
    public static void SetUp(SqlConnection connection, CommandRequest request, PracticeProtection protection)
    {
        var isReader = request.Command.ExecutionMode is ExecutionMode.Reader or ExecutionMode.Scalar;
        var text = new StringBuilder();
        text.Append(protection.DeadlockPriority == DeadlockPriority.Low ? "SET DEADLOCK_PRIORITY LOW;" : "SET DEADLOCK_PRIORITY NORMAL;");
        if (isReader && protection.LockTimeout is { } wait)
            text.Append(CultureInfo.InvariantCulture, $"SET LOCK_TIMEOUT {(int)wait.TotalMilliseconds};");
        if (isReader && protection.Isolation != ReaderIsolation.ReadCommitted)
            text.Append(protection.Isolation == ReaderIsolation.Snapshot
                ? "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;"
                : "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;");
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

    /// <summary>What a DBA reads by <c>SELECT CAST(context_info AS varchar(128)) FROM sys.dm_exec_sessions</c>.</summary>
    static byte[]? ContextOf(CommandRequest request) => request.QueryId is { } query
        ? Encoding.ASCII.GetBytes($"halo query={query} integrator={request.IntegratorId}")
        : null;
}
