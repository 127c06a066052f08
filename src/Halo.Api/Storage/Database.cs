using System.Data.Common;
using Halo.Api.Basics;

namespace Halo.Api.Storage;

/// <summary>The store: SQLite beside the service, or PostgreSQL for many nodes. One SQL text serves both.</summary>
/// <remarks>
/// Ids are passed and read as <see cref="Guid"/>, times as milliseconds since 1970, booleans as <see cref="bool"/>.
/// A write has returned only when it is durable against power loss.
/// </remarks>
abstract class Database : IAsyncDisposable
{
    /// <summary>A store that answers nothing must not keep the service from ending.</summary>
    static readonly TimeSpan LateWritesEndWithin = TimeSpan.FromSeconds(2);

    readonly LateWrites _late;

    protected Database() => _late = new(CommitAsync);

    /// <summary>Ends a SELECT inside a unit whose rows the unit will change: PostgreSQL locks them, on SQLite units are alone anyway.</summary>
    public abstract string ForUpdate { get; }

    /// <summary>The same for rows that are only looked at: others may look too, and nobody changes them before the transaction ends.</summary>
    public abstract string ForShare { get; }

    /// <summary>Writes that wait for their commit. Where they are many the store is slow, and new work is refused at the door.</summary>
    public abstract int Waiting { get; }

    /// <summary>The last group commit failed. What follows it at the latest in a minute, the mark of the availability history, tells whether it goes on so.</summary>
    public abstract bool RefusesWrites { get; }

    /// <summary>A connection for reading. Dispose it soon: it goes back to the pool.</summary>
    public abstract ValueTask<DbConnection> OpenAsync(CancellationToken stop = default);

    /// <summary>Completes when the store has answered.</summary>
    /// <exception cref="Exception">It did not: what its driver throws, or the cancellation.</exception>
    public async Task PingAsync(CancellationToken stop)
    {
        await using var connection = await OpenAsync(stop);
        await using var command = connection.Command(null, "SELECT 1");
        await command.ExecuteScalarAsync(stop);
    }

    /// <summary>Runs a unit of work in one transaction and commits it durably. An exception rolls back this unit alone.</summary>
    /// <remarks>
    /// On SQLite units share the one writer, and a commit, with others: the unit must do nothing but database work,
    /// awaited in place. On PostgreSQL each has a connection of its own, READ COMMITTED: guard by conditional updates;
    /// after a deadlock or serialization failure the unit runs again from its beginning, so it must not change anything outside.
    /// </remarks>
    public abstract Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop = default);

    /// <summary>Adds a statement to the next group commit, in the order of the calls.</summary>
    /// <param name="statement">It must not fail on a conflict.</param>
    /// <returns>Rows affected, once durable.</returns>
    public abstract Task<int> CommitAsync(Statement statement);

    /// <summary>Adds a statement that nobody waits for to the next group commit. Where the store is away, it is written once it takes writes again.</summary>
    /// <param name="key">Of what it says: what is given later under the same key replaces what is not stored yet.</param>
    /// <param name="statement">It may run more than once, so it says what is to be.</param>
    public void CommitLater(object key, Statement statement) => _late.Add(key, statement);

    /// <summary>What was given to <see cref="CommitLater"/> and is not stored yet.</summary>
    public int WaitingLater => _late.Waiting;

    /// <summary>Applies the schema scripts that are not applied yet; safe by two processes at once.</summary>
    /// <exception cref="StartupException">The store cannot be reached, or a newer program has changed its schema.</exception>
    public abstract Task MigrateAsync(CancellationToken stop = default);

    /// <summary>Writes what was given to <see cref="CommitLater"/> as far as the store takes it now, and what waits for a commit; then closes.</summary>
    public async ValueTask DisposeAsync()
    {
        await _late.FlushAsync().WaitAsync(LateWritesEndWithin, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await CloseAsync();
    }

    /// <summary>Writes what waits for a commit, then closes. Nothing is given to the store after it.</summary>
    protected abstract ValueTask CloseAsync();
}

/// <summary>One statement of the group commit.</summary>
/// <param name="Sql">With <c>@name</c> parameters. It must not fail on a conflict: say ON CONFLICT, or make it conditional.</param>
/// <param name="Parameters">Values by name, without the <c>@</c>; null is NULL.</param>
sealed record Statement(string Sql, params (string Name, object? Value)[] Parameters);

/// <summary>The store failed in a way that its caller cannot mend: the connection was lost, the disk is full or read-only.</summary>
/// <param name="message">What happened to the work, without its content.</param>
sealed class StorageException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether nothing of the work is stored, for certain.</summary>
    public bool NothingStored { get; init; }

    /// <summary>Whether this is what a store throws that cannot be used now, disk and server alike.</summary>
    public static bool Means(Exception e) => e is StorageException or IOException or DbException { IsTransient: true } or DbException { SqlState: ReadOnlyServer };

    /// <summary>PostgreSQL's word for a server that takes no writes: a standby, until it is promoted.</summary>
    const string ReadOnlyServer = "25006";

    /// <summary>Whether the store refuses what it was given, now and always: class 22 of SQL's states, such as text that it cannot hold.</summary>
    public static bool RefusesContent(Exception e) => e is DbException { SqlState: ['2', '2', ..] };

    /// <summary>Whether the work refers to what is not there any more: another has removed it since it was looked up.</summary>
    public static bool RefersToNothing(Exception e) => e is DbException { SqlState: ForeignKeyViolation } or Microsoft.Data.Sqlite.SqliteException { SqliteExtendedErrorCode: SqliteForeignKey };

    /// <summary>PostgreSQL's word for it.</summary>
    const string ForeignKeyViolation = "23503";

    /// <summary>SQLite's: SQLITE_CONSTRAINT_FOREIGNKEY.</summary>
    const int SqliteForeignKey = 787;
}
