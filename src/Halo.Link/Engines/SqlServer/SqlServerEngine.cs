using System.Data;
using System.Data.Common;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Running;
using Halo.Link.Engines.SqlServer.Connections;
using Halo.Link.Engines.SqlServer.Values;
using Halo.Link.Rows;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Microsoft SQL Server. Read synchronously in sequential access: the driver's asynchronous reads of large values are quadratic.</summary>
sealed class SqlServerEngine(string connectionString, TimeProvider time, PracticeProtection protection) : IDatabaseEngine
{
    /// <summary>
    /// The driver goes on waiting five seconds for the server to acknowledge a cancel, and then closes the connection. Together they are less than
    /// <see cref="ExecutionWatch.LongestStop"/>: what came of the statement is still told by the run itself.
    /// </summary>
    const int SecondsBeyondLimit = 2;

    const int SecondsForRollback = 6;

    /// <summary>"Lock request time out period exceeded."</summary>
    const int LockTimeout = 1222;

    /// <summary>What the driver calls a statement that it has cancelled at its own limit.</summary>
    const int DriverTimeout = -2;

    readonly SqlServerConnections _connections = new(connectionString, protection.ReadIntent, time);
    readonly SqlServerSession _session = new(protection, time);
    readonly SqlServerMessages _messages = new();
    readonly LiteralTexts _literals = new(time);

    public IReadOnlyList<string> SchemaTexts => SqlServerSchema.Texts;

    public string SchemaMarkText => SqlServerSchema.Mark;

    public string Name => EngineNames.SqlServer;

    public string ErrorType => ErrorTypes.SqlServer;

    public bool BlocksThread => true;

    public ICommandRunner NewRunner(TimeProvider time, IDatabaseConnector? connector) => new CommandRunner(this, time, connector);

    public IBatchTransaction NewBatch(DbConnection connection, CommandRequest request) => new SqlServerBatch(
        (SqlConnection)connection, request, () => SetUp((SqlConnection)connection, request), () => RollBackAsync(connection, request, failed: true).AsTask().GetAwaiter().GetResult());

    public CommandBehavior BehaviorOf(QueryCommand asked) => CommandBehavior.SequentialAccess;

    public async Task<DbConnection> OpenAsync(string? database, SessionName? name, CommandAccess access, CancellationToken stop)
    {
        var connection = _connections.New(database, name, access);
        _messages.Hear(connection);
        try
        {
            await _connections.OpenAsync(connection, stop);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
        return connection;
    }

    public ValueTask CloseAsync(DbConnection connection) => _connections.CloseAsync((SqlConnection)connection);

    public async Task PingAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand("SELECT 1", (SqlConnection)connection) { CommandTimeout = 0 };
        await command.ExecuteScalarAsync(stop);
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var command = request.Command;
        var isSetUpByText = !request.IsInBatch && _session.GoesWithText((SqlConnection)connection, request);
        if (!isSetUpByText && !request.IsInBatch)
            SetUp((SqlConnection)connection, request);
        var made = new SqlCommand(command.Text, (SqlConnection)connection)
        {
            // The limit is the runner's. This ends the driver's waiting for a server that does not even acknowledge the cancel; nothing else does, since a
            // read that blocks holds the lock of the connection's socket.
            CommandTimeout = request.Limit == TimeSpan.Zero ? 0 : (int)request.Limit.TotalSeconds + SecondsBeyondLimit,
            CommandType = command.Type == Contracts.Queries.CommandType.StoredProcedure
                ? System.Data.CommandType.StoredProcedure
                : System.Data.CommandType.Text,
        };
        foreach (var parameter in command.Parameters ?? [])
        {
            var bound = parameter.Type == SqlType.Structured
                ? TableValues.Bind(parameter, (SqlConnection)connection, faults)
                : SqlServerParameters.Bind(parameter, faults);
            if (bound is not null)
                made.Parameters.Add(bound);
        }
        if (isSetUpByText)
            _session.PutBefore(made, request);
        if (made.CommandType == System.Data.CommandType.Text && command.Parameters is not { Count: > 0 } && _literals.Look(command.Text) is { } advice)
            _messages.Advise((SqlConnection)connection, advice);
        SqlServerProof.Observe(made, command);
        return made;
    }

    /// <summary>The pool's connection can have died while it was idle: what is asked for here is asked again over a new one, and nothing was sent yet.</summary>
    void SetUp(SqlConnection connection, CommandRequest request)
    {
        try
        {
            _session.SetUp(connection, request);
        }
        catch (SqlException) when (connection.State != ConnectionState.Open)
        {
            _connections.ClearPools();
            _connections.OpenAsync(connection, CancellationToken.None).GetAwaiter().GetResult();
            _session.SetUp(connection, request);
        }
    }

    public ValueTask<DescribedCommand> DescribeAsync(DbConnection connection, CommandRequest request, ICollection<FieldError> faults, CancellationToken stop)
    {
        SetUp((SqlConnection)connection, request);
        return ValueTask.FromResult(new SqlServerDescription((SqlConnection)connection, request, stop).Read(faults));
    }

    public ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name) => SqlServerColumns.Describe((SqlDataReader)reader, ordinal, name);

    public ValueWriter WriterFor(DbDataReader reader, int ordinal) => SqlServerValues.WriterFor((SqlDataReader)reader, ordinal);

    public bool OutputsAreARow(QueryCommand asked) => false;

    public IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row) =>
        SqlServerParameters.ReadOutputs((SqlCommand)command, asked);

    public ErrorDetails? NameError(Exception exception) => exception is SqlException { Errors.Count: > 0 } e && FirstOf(e) is var error
        ? new(ErrorTypes.SqlServer, error.Number, error.Message)
        {
            Line = error.LineNumber,
            Severity = error.Class.ToString(CultureInfo.InvariantCulture),
            Code = error.Number switch
            {
                LockTimeout => FailureCodes.LockTimeout,
                // The driver's own limit comes after the runner's, but on a machine that is too busy.
                DriverTimeout => FailureCodes.ExecutionTimeout,
                _ => null,
            },
        }
        : null;

    public ConnectionFault NameConnectionFault(Exception failure) => SqlServerFaults.Of(failure, NameError(failure));

    public string LoginKey => _connections.LoginKey;

    /// <remarks>What broke the connection is told as that, whoever says it.</remarks>
    public ErrorDetails? NameError(Exception exception, DbConnection connection) => connection.State == ConnectionState.Open ? NameError(exception) : null;

    /// <summary>What a PRINT said before it is none.</summary>
    static SqlError FirstOf(SqlException e) => e.Errors.Cast<SqlError>().FirstOrDefault(error => error.Class > SqlServerMessages.MostSevere) ?? e.Errors[0];

    public string? AdviceOn(ErrorDetails error) => SqlServerFaults.AdviceOn(error.ErrorCode);

    public IReadOnlyList<Notice>? NoticesOf(DbConnection connection) => _messages.Of(connection);

    public void KeepMessages(DbConnection connection, Exception failure)
    {
        if (failure is SqlException e)
            _messages.Keep((SqlConnection)connection, e);
    }

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    /// <remarks>To end a session takes a right over everybody's. The driver closes the connection, <see cref="SecondsBeyondLimit"/> and five seconds after the limit.</remarks>
    public ValueTask<bool> AbandonAsync(DbConnection connection, DbCommand command) => ValueTask.FromResult(false);

    /// <remarks>
    /// One that is still open has been told the end of everything that was asked: a cancel was acknowledged. One that broke is not used
    /// again; then the others that idle are in doubt too.
    /// </remarks>
    public void Discard(DbConnection connection)
    {
        if (connection.State == ConnectionState.Open)
            return;
        _connections.ClearPools();
        ForgottenSockets.CloseSoon();
    }

    /// <remarks>This driver throws what it likes where it misreads an answer, and goes on with the rest of it as the next one's.</remarks>
    public void Distrust(DbConnection connection, Exception fault)
    {
        if (fault is SqlException or OperationCanceledException || connection.State != ConnectionState.Open)
            return;
        // Marked so, it is not given away again.
        SqlConnection.ClearPool((SqlConnection)connection);
        connection.Close();
    }

    /// <remarks>No session of SQL Server can be held to reading: only a login that cannot write, which <see cref="CommandAccess.ReadOnly"/> asks for, is proof.</remarks>
    public bool CannotWrite(CommandAccess access) => access == CommandAccess.ReadOnly;

    /// <remarks>What a login lacks the server says in its own words.</remarks>
    public string? ReadOnlyRefusal(Exception? failure) => null;

    public ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed)
    {
        if (connection.State != ConnectionState.Open)
            return ValueTask.FromResult(false);
        try
        {
            var wasOpen = RollBack((SqlConnection)connection, request, failed);
            // A USE of the caller's is not left to the pool's reset.
            var database = request.Database ?? _connections.Database;
            if (database.Length > 0 && !string.Equals(connection.Database, database, StringComparison.OrdinalIgnoreCase))
                connection.ChangeDatabase(database);
            _session.Answered((SqlConnection)connection);
            return ValueTask.FromResult(wasOpen);
        }
        catch (SqlException)
        {
            SqlConnection.ClearPool((SqlConnection)connection);
            connection.Close();
            throw;
        }
    }

    bool RollBack(SqlConnection connection, CommandRequest request, bool failed)
    {
        // The pool's reset leaves the isolation level as it is on servers before 2014.
        var level = protection.Isolation != ReaderIsolation.ReadCommitted || request.Batch is not null || TransactSql.SetsIsolation(request.Command)
            ? "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
            : "";
        if (!failed && level.Length == 0 && !TransactSql.MayOpenTransaction(request.Command))
            return false;
        var text = level + "IF @@TRANCOUNT > 0 BEGIN ROLLBACK TRANSACTION; SELECT 1 END ELSE SELECT 0";
        using var command = new SqlCommand(text, connection) { CommandTimeout = SecondsForRollback };
        return command.ExecuteScalar() is 1;
    }

    public ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack) =>
        ValueTask.FromResult(SqlServerProof.Of((SqlConnection)connection, (SqlCommand)command, asked, failure, rolledBack));

    public TimeSpan? BlockingGuard => protection.BlockingGuard;

    public string? BlockingGuardFault { get; private set; }

    public async Task<IReadOnlyCollection<long>> BlockedSessionsAsync(DbConnection connection, CancellationToken stop)
    {
        if (BlockingGuardFault is not null)
            return [];
        try
        {
            await using var beside = _connections.New();
            await beside.OpenAsync(stop);
            return await SqlServerBlocking.WaitingForAsync(beside, ((SqlConnection)connection).ServerProcessId, stop);
        }
        catch (SqlException e) when (SqlServerBlocking.IsMissing(e))
        {
            // Until the site's settings change: asking again would only fill the server's log.
            BlockingGuardFault = SqlServerBlocking.Missing;
            return [];
        }
    }

    public async Task<IReadOnlyList<string>> ProtectionFaultsAsync(DbConnection connection, CancellationToken stop)
    {
        if (BlockingGuard is not null)
            await BlockedSessionsAsync(connection, stop);
        var refused = protection.Isolation == ReaderIsolation.Snapshot && await SqlServerSession.SnapshotFaultAsync((SqlConnection)connection, stop) is { } fault ? fault : null;
        return [.. new[] { BlockingGuardFault, refused }.OfType<string>()];
    }

    public async Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand(
            "SELECT CONVERT(varchar(36), service_broker_guid) FROM sys.databases WHERE database_id = DB_ID()", (SqlConnection)connection);
        return (await command.ExecuteScalarAsync(stop) as string)?.ToLowerInvariant();
    }

    public ValueTask DisposeAsync()
    {
        _connections.Dispose();
        return ValueTask.CompletedTask;
    }
}
