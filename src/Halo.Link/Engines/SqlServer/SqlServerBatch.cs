using System.Data;
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

    /// <summary>"The transaction ended in the trigger."</summary>
    const int EndedInTrigger = 3609;

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

    public ValueTask<bool> CommitAsync(TimeSpan within)
    {
        _committing = true;
        Run("COMMIT TRANSACTION", (int)Math.Ceiling(within.TotalSeconds));
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

    public ValueTask<Executed> RollBackAsync(FailedCommand? command)
    {
        if (connection.State != ConnectionState.Open)
            return ValueTask.FromResult(Executed.Unknown);
        leave();
        var taken = Run($"SELECT COUNT(*) FROM #{_name}") is 0;
        return ValueTask.FromResult(taken && (_committing || command is null || DidNothingElse(command)) ? Executed.No : Executed.Unknown);
    }

    /// <summary>
    /// Whether the command cannot have ended the transaction by ROLLBACK and done something after that, which would stay: by its text, in a procedure, or in a
    /// trigger, whose error names it or tells of its ROLLBACK. A cancel tells neither, so that a write that was stopped may have met one.
    /// </summary>
    static bool DidNothingElse(FailedCommand failed)
    {
        if (failed.HasEnded || TransactSql.MayEndTransaction(failed.Asked))
            return false;
        return TransactSql.OnlyReads(failed.Asked) || failed.Failure is SqlException { Errors.Count: > 0 } e && e.Errors.Cast<SqlError>()
            .Where(error => error.Class > SqlServerMessages.MostSevere)
            .All(error => SqlServerProof.IsOfTheServer(error) && error.Procedure.Length == 0 && error.Number != EndedInTrigger);
    }

    string Level => request.Isolation switch
    {
        IsolationLevel.ReadUncommitted => "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED;",
        IsolationLevel.ReadCommitted => "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;",
        IsolationLevel.RepeatableRead => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;",
        IsolationLevel.Snapshot => "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;",
        IsolationLevel.Serializable => "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;",
        _ => "",
    };

    object? Run(string text, int within = Within)
    {
        using var command = new SqlCommand(text, connection) { CommandTimeout = within };
        return command.ExecuteScalar();
    }
}
