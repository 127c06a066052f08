using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Halo.Api.Storage.Sqlite;

/// <summary>Something to be written in the next group. Its task completes only after the commit.</summary>
abstract class SqliteWork
{
    /// <summary>Whether it works through the driver.</summary>
    public virtual bool WantsTransaction => false;

    /// <summary>Does it inside the open transaction, on the writer's thread.</summary>
    /// <param name="transaction">There where it is wanted.</param>
    public abstract void Run(SqliteTransaction? transaction, SqliteStatements statements);

    /// <summary>It is committed.</summary>
    public abstract void Complete();

    /// <summary>It changed nothing.</summary>
    public abstract void Fail(Exception reason);
}

/// <summary>One statement. SQLite undoes a failing statement by itself, so it needs no savepoint.</summary>
sealed class StatementWork(Statement statement) : SqliteWork
{
    readonly TaskCompletionSource<int> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    int _rows;

    public Task<int> Done => _done.Task;

    public override void Run(SqliteTransaction? transaction, SqliteStatements statements) => _rows = statements.Run(statement);

    public override void Complete() => _done.TrySetResult(_rows);

    public override void Fail(Exception reason) => _done.TrySetException(reason);
}

/// <summary>A unit of several statements, undone by its savepoint where it fails.</summary>
sealed class UnitWork<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop) : SqliteWork
{
    const string Savepoint = "unit";
    readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    T? _result;

    public Task<T> Done => _done.Task;

    public override bool WantsTransaction => true;

    public override void Run(SqliteTransaction? transaction, SqliteStatements statements)
    {
        stop.ThrowIfCancellationRequested();
        transaction!.Save(Savepoint);
        try
        {
            // SQLite's calls complete at once, so this waits only for a unit that breaks the rule.
            _result = unit(transaction).GetAwaiter().GetResult();
        }
        catch
        {
            if (!statements.IsUndone)
            {
                transaction.Rollback(Savepoint);
                transaction.Release(Savepoint);
            }
            throw;
        }
        transaction.Release(Savepoint);
    }

    public override void Complete() => _done.TrySetResult(_result!);

    public override void Fail(Exception reason)
    {
        if (reason is OperationCanceledException cancelled)
            _done.TrySetCanceled(cancelled.CancellationToken);
        else
            _done.TrySetException(reason);
    }
}
