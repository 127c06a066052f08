using System.Data;
using System.Data.Common;
using System.Security.Cryptography;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;
using IsolationLevel = Halo.Contracts.Queries.IsolationLevel;

namespace Halo.Link.Engines.SqlServer;

/// <summary>
/// A batch's transaction in SQL Server. A lock that ends with it tells whether it is the same still; a row in a temporary table, written in it, tells after a
/// failure whether it was taken back: the table stays, the row does not.
/// </summary>
/// <remarks>With XACT_ABORT the server takes it back by itself at the first error, so nothing that is open then says anything.</remarks>
/// <param name="setUp">Sets the session up, as for one command.</param>
/// <param name="leave">Takes back what is open and what the batch has set in the session.</param>
sealed class SqlServerBatch(SqlConnection connection, CommandRequest request, Action setUp, Action leave) : IBatchTransaction
{
    /// <summary>Seconds for a statement of the Link's own.</summary>
    const int Within = 6;

    readonly string _name = $"halo_{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
    bool _committing;

    public ValueTask BeginAsync(CancellationToken stop)
    {
        setUp();
        Run($"""
            SET XACT_ABORT ON;{Level}CREATE TABLE #{_name} (mark int NOT NULL);
            BEGIN TRANSACTION;
            INSERT #{_name} VALUES (1);
            DECLARE @taken int;
            EXEC @taken = sp_getapplock @Resource = N'{_name}', @LockMode = 'Exclusive', @LockOwner = 'Transaction', @LockTimeout = 0;
            IF @taken < 0 RAISERROR('The lock that marks the transaction of the batch could not be taken.', 16, 1);
            """);
        return ValueTask.CompletedTask;
    }

    public ValueTask<bool> IsOpenAsync() =>
        ValueTask.FromResult(Run($"SELECT CASE WHEN @@TRANCOUNT = 1 AND XACT_STATE() = 1 AND APPLOCK_MODE('public', N'{_name}', 'Transaction') = 'Exclusive' THEN 1 ELSE 0 END") is 1);

    public ValueTask<bool> CommitAsync()
    {
        _committing = true;
        Run("COMMIT TRANSACTION");
        try
        {
            leave();
        }
        catch (SqlException)
        {
            // It is committed; the connection was closed.
        }
        return ValueTask.FromResult(true);
    }

    public ValueTask<Executed> RollBackAsync(DbCommand? command)
    {
        if (connection.State != ConnectionState.Open)
            return ValueTask.FromResult(Executed.Unknown);
        leave();
        // Another transaction, which a command began after it had ended this one, is gone as well: what that one did is not in the table.
        var taken = Run($"SELECT COUNT(*) FROM #{_name}") is 0;
        // What ended the transaction by ROLLBACK may have done something after that.
        var isSure = _committing || command is null || !TransactSql.MayEndTransaction(AskedBy(command));
        return ValueTask.FromResult(taken && isSure ? Executed.No : Executed.Unknown);
    }

    static QueryCommand AskedBy(DbCommand command) => new(command.CommandText)
    {
        Type = command.CommandType == System.Data.CommandType.StoredProcedure ? Contracts.Queries.CommandType.StoredProcedure : Contracts.Queries.CommandType.Text,
    };

    string Level => request.Isolation switch
    {
        IsolationLevel.ReadUncommitted => "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;",
        IsolationLevel.ReadCommitted => "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;",
        IsolationLevel.RepeatableRead => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;",
        IsolationLevel.Snapshot => "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;",
        IsolationLevel.Serializable => "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
        _ => "",
    };

    object? Run(string text)
    {
        using var command = new SqlCommand(text, connection) { CommandTimeout = Within };
        return command.ExecuteScalar();
    }
}
