using System.Data;
using System.Data.Common;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Link.Engines;

/// <summary>What differs from one database to the next: connect, bind, describe and write values, stop, name errors.</summary>
/// <remarks>Disposing closes the connections that are idle. Who still has the engine may go on with it: settings change while queries run.</remarks>
interface IDatabaseEngine : IAsyncDisposable
{
    /// <summary><c>sqlServer</c>, <c>postgres</c> or <c>sqlite</c>, as in the configuration.</summary>
    string Name { get; }

    /// <summary>One of <see cref="ErrorTypes"/>.</summary>
    string ErrorType { get; }

    /// <summary>Whether the driver blocks its thread: then everything runs synchronously on a worker.</summary>
    bool BlocksThread { get; }

    /// <summary>What runs commands on this database.</summary>
    /// <param name="connector">Makes the connections, and is told when one broke; null: nothing is remembered.</param>
    ICommandRunner NewRunner(TimeProvider time, IDatabaseConnector? connector = null);

    /// <summary>The transaction of a batch, not begun yet.</summary>
    IBatchTransaction NewBatch(DbConnection connection, CommandRequest request);

    /// <summary>How the command's reader is opened: in sequential access a row's columns are read once and in order, and large values in pieces.</summary>
    CommandBehavior BehaviorOf(QueryCommand asked);

    /// <summary>Opens a connection that carries nothing from an earlier query.</summary>
    /// <param name="database">Name of the database behind the catalogue; null: the connection string's own.</param>
    /// <param name="name">What the session is called in the database's activity view where it has one; null: as the Link's own.</param>
    /// <param name="access">Other than <see cref="CommandAccess.Write"/>: the database takes nothing over it that changes anything, as far as it can be held to that.</param>
    /// <exception cref="ReadOnlyImpossibleException">With <see cref="CommandAccess.ReadOnly"/>: its login can write.</exception>
    Task<DbConnection> OpenAsync(string? database, SessionName? name, CommandAccess access, CancellationToken stop);

    /// <summary>Opens a connection that may write.</summary>
    Task<DbConnection> OpenAsync(string? database, SessionName? name, CancellationToken stop) =>
        OpenAsync(database, name, CommandAccess.Write, stop);

    /// <summary>Gives a connection back. Whatever a command left in it is gone within a second, without waiting for its next use; returns at once.</summary>
    ValueTask CloseAsync(DbConnection connection) => connection.DisposeAsync();

    /// <summary>Server, login and password as one text, to keep refused logins apart; never shown. Empty: the engine has no logins.</summary>
    string LoginKey => "";

    /// <summary>Why no connection could be had, in the database's words, and what to do.</summary>
    ConnectionFault NameConnectionFault(Exception failure);

    /// <summary>Whether nothing that runs with this access can have changed anything, however it ended.</summary>
    bool CannotWrite(CommandAccess access) => access != CommandAccess.Write;

    /// <summary>What the database refused because the connection may only read, after the words "its rule "readOnly""; null: it failed for another reason.</summary>
    /// <param name="failure">Null: the command succeeded and was rolled back.</param>
    string? ReadOnlyRefusal(Exception? failure);

    /// <summary>Asks the database, not the driver's pool, whether it is there: one cheap statement. Throws where it is not.</summary>
    Task PingAsync(DbConnection connection, CancellationToken stop);

    /// <summary>Makes the command and binds its parameters; every one that cannot be bound is added to <paramref name="faults"/>.</summary>
    /// <exception cref="ReadOnlyImpossibleException">The request may only read, and the command is known to do something else: nothing was sent.</exception>
    DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults);

    /// <summary>Makes a command that may do whatever the login may.</summary>
    DbCommand CreateCommand(DbConnection connection, QueryCommand command, ICollection<FieldError> faults) =>
        CreateCommand(connection, new CommandRequest(command, null, null, 1, TimeSpan.Zero), faults);

    /// <summary>
    /// Asks the database what a command would bring, without running any of it: the database compiles it, and no more. Ends by <paramref name="stop"/>, or by the
    /// request's limit where the driver blocks.
    /// </summary>
    /// <param name="faults">What is wrong with the command or its parameters; then nothing else counts.</param>
    ValueTask<DescribedCommand> DescribeAsync(DbConnection connection, CommandRequest request, ICollection<FieldError> faults, CancellationToken stop);

    /// <summary>What reads of the database's own catalogue what the login may see: a text for each of <see cref="Halo.LinkProtocol.Messages.SchemaParts"/>.</summary>
    IReadOnlyList<string> SchemaTexts { get; }

    /// <summary>Gives one short text that is another once the catalogue may be another: one question, as cheap as can be.</summary>
    string SchemaMarkText { get; }

    /// <summary>Asks the database what must be known to tell afterwards what became of the command, and sets what holds for it alone. Nothing of it has been sent yet.</summary>
    ValueTask BeforeAsync(DbConnection connection, DbCommand command, CommandRequest request, CancellationToken stop) => ValueTask.CompletedTask;

    /// <summary>Learns of column types that the driver does not know yet, before they are described.</summary>
    ValueTask LearnTypesAsync(DbConnection connection, DbDataReader reader, CancellationToken stop) => ValueTask.CompletedTask;

    /// <summary>The column as the contract shows it; <paramref name="name"/> is already made unique.</summary>
    ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name);

    /// <summary>Chooses, once per result set, how a column's values become JSON.</summary>
    ValueWriter WriterFor(DbDataReader reader, int ordinal);

    /// <summary>Whether the command's output parameters come as the first row of its first result set.</summary>
    bool OutputsAreARow(QueryCommand asked);

    /// <summary>The output parameters: from the row where <see cref="OutputsAreARow"/>, else after the reader was closed.</summary>
    IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row);

    /// <summary>The database's own words for an exception of its driver; null where it is none of the database's.</summary>
    ErrorDetails? NameError(Exception exception);

    /// <summary>The same of what failed on a connection, where that knows more.</summary>
    ErrorDetails? NameError(Exception exception, DbConnection connection) => NameError(exception);

    /// <summary>Whether the database itself may be at fault, not the command: its file, its server, or the way to it.</summary>
    bool IsDatabaseFault(Exception failure) => NameError(failure) is null;

    /// <summary>What whoever looks after the practice's server can do about an error that a command met, in one sentence; null: it is the command's own.</summary>
    string? AdviceOn(ErrorDetails error) => null;

    /// <summary>What the database has said over the connection beside its answer, bounded; null: nothing.</summary>
    IReadOnlyList<Notice>? NoticesOf(DbConnection connection) => null;

    /// <summary>Keeps for <see cref="NoticesOf"/> what the database said beside its answer and the driver tells with a failure alone.</summary>
    void KeepMessages(DbConnection connection, Exception failure)
    {
    }

    /// <summary>Reads what is left of a result set, where the driver must not be left to skip it.</summary>
    /// <param name="afterFailure">Something has failed before.</param>
    ValueTask ReadRestAsync(DbCommand command, DbDataReader reader, bool afterFailure, CancellationToken giveUp) => ValueTask.CompletedTask;

    /// <summary>Whether the command's end was read, for good: what fails from here on is something that the engine has sent behind it.</summary>
    bool IsOver(DbCommand command) => false;

    /// <summary>Stops the running statement in the database. Called from any thread, more than once, and also when nothing runs.</summary>
    void Cancel(DbConnection connection, DbCommand command);

    /// <summary>
    /// Ends by force a statement that has not obeyed a cancel, where its session can be ended from here. Called once, from any thread, while the driver may
    /// still be busy with it.
    /// </summary>
    /// <returns>Whether the database ended the session. False: it goes on until its driver closes the connection.</returns>
    /// <remarks>May take as long as it likes: the caller is answered without it.</remarks>
    ValueTask<bool> AbandonAsync(DbConnection connection, DbCommand command);

    /// <summary>How long a session that is not the Link's may wait for a lock of a command before that is cancelled; null: for ever.</summary>
    TimeSpan? BlockingGuard => null;

    /// <summary>The sessions, as the server numbers them and none of them the Link's, that wait for a lock of this one. Asked once a second while a command runs long.</summary>
    Task<IReadOnlyCollection<long>> BlockedSessionsAsync(DbConnection connection, CancellationToken stop) => Task.FromResult<IReadOnlyCollection<long>>([]);

    /// <summary>Sees to it that the connection never serves another query.</summary>
    void Discard(DbConnection connection);

    /// <summary>Something other than the database failed while an answer was read: where the driver may have lost its place in it, the connection is closed at once.</summary>
    void Distrust(DbConnection connection, Exception fault)
    {
    }

    /// <summary>Rolls back the transaction that a command has left open.</summary>
    /// <returns>Whether there was one.</returns>
    ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed);

    /// <summary>What is proved of a command that did not succeed, once nothing of it is open any more. May ask the database.</summary>
    /// <param name="connection">Open, if the failure left it so.</param>
    /// <param name="command">As the engine made it.</param>
    /// <param name="asked">The command.</param>
    /// <param name="failure">What ended it; null: an open transaction that was rolled back.</param>
    /// <param name="rolledBack">Whether a transaction was open and was rolled back.</param>
    ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack);

    /// <summary>Runs SQL of the practice's own settings and gives the first value of the first row as text.</summary>
    /// <param name="connection">An open one, where the engine needs it.</param>
    /// <param name="limit">Longest execution, where the engine does not end by <paramref name="stop"/> alone.</param>
    async Task<string?> ReadTextAsync(DbConnection connection, string sql, TimeSpan limit, CancellationToken stop)
    {
        await using var command = CreateCommand(connection, new QueryCommand(sql), []);
        return Convert.ToString(await command.ExecuteScalarAsync(stop), CultureInfo.InvariantCulture);
    }

    /// <summary>What the login lacks to see who waits, and how to give it, in one sentence; null: nothing, as far as is known.</summary>
    string? BlockingGuardFault => null;

    /// <summary>What of its protection this database or its login cannot be held to, and how to put that right, a sentence each. Asks the database; may throw.</summary>
    Task<IReadOnlyList<string>> ProtectionFaultsAsync(DbConnection connection, CancellationToken stop) => Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>The database's own identity (contract), null where it has none. May throw: the caller bounds and ignores it.</summary>
    Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop);
}

/// <summary>What a command would bring.</summary>
/// <param name="Columns">Of its first result set that has any; empty: it gives no rows.</param>
/// <param name="Parameters">In the order in which the database has them; those of a text by the names that it has, with their sign.</param>
sealed record DescribedCommand(IReadOnlyList<ResultColumn> Columns, IReadOnlyList<OutputParameter> Parameters)
{
    public static DescribedCommand Nothing { get; } = new([], []);
}

/// <summary>The transaction in which the commands of a batch run: the Link begins and ends it, and sees to it that no command does.</summary>
/// <remarks>Each member may throw what the driver throws.</remarks>
interface IBatchTransaction
{
    /// <summary>Begins it, and sets up the session for all its commands. Nothing of these has been sent.</summary>
    /// <exception cref="ReadOnlyImpossibleException">Its login can write, and the practice lets it read only.</exception>
    ValueTask BeginAsync(CancellationToken stop);

    /// <summary>Whether it is open still, and the same, after a command that succeeded.</summary>
    ValueTask<bool> IsOpenAsync();

    /// <summary>Commits it. Where it throws, <see cref="RollBackAsync"/> says what is proved.</summary>
    /// <param name="within">How long that may take.</param>
    /// <returns>False: it may only read, and a command did more; all of it was taken back.</returns>
    ValueTask<bool> CommitAsync(TimeSpan within);

    /// <summary>Takes back what is open, in whatever state it is, and tells what is proved of the whole batch.</summary>
    /// <param name="command">The one that failed; null: none did, or the commit.</param>
    ValueTask<Executed> RollBackAsync(FailedCommand? command);
}

/// <summary>The command with which a batch fails.</summary>
/// <param name="Command">As the engine made it.</param>
/// <param name="Asked">As it was asked for.</param>
/// <param name="Failure">What ended it; null: it came to its end, or was stopped.</param>
/// <param name="HasEnded">Whether it came to its end and the batch's transaction is not open any more: whatever it did after that stays.</param>
sealed record FailedCommand(DbCommand Command, QueryCommand Asked, Exception? Failure, bool HasEnded);
