using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>PostgreSQL. Every value is asked for as text: exact for every type there is, and the cheapest to turn into JSON.</summary>
sealed class PostgresEngine : IDatabaseEngine
{
    readonly PracticeProtection _protection;
    readonly NpgsqlConnectionStringBuilder _settings;
    readonly TimeProvider _time;
    readonly SemaphoreSlim _connecting = new(1);
    readonly ConcurrentDictionary<(string? Database, bool ReadOnly), PostgresPool> _pools = new();

    static PostgresEngine() => PostgresText.Teach();

    public PostgresEngine(string connectionString, TimeProvider time, PracticeProtection protection)
    {
        (_time, _protection) = (time, protection);
        _settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // The pool is this engine's own, and nothing of one caller's stays in the driver for the next: no statements that it prepares by itself.
            Pooling = false,
            Multiplexing = false,
            Enlist = false,
            MaxAutoPrepare = 0,
            // Values are read as the bytes that the server sends.
            ClientEncoding = "UTF8",
            Encoding = "UTF8",
            LogParameters = false,
            PersistSecurityInfo = false,
            // The limit is the runner's.
            CommandTimeout = 0,
        };
        if (string.IsNullOrEmpty(_settings.Host))
            throw new ArgumentException("No host.");
        if (string.IsNullOrEmpty(_settings.ApplicationName))
            _settings.ApplicationName = "Halo Link";
        // A server that vanishes in the middle of a row is noticed by the system: that wait no token ends.
        if (!_settings.TcpKeepAlive && _settings.TcpKeepAliveTime == 0)
            (_settings.TcpKeepAlive, _settings.TcpKeepAliveTime, _settings.TcpKeepAliveInterval) = (true, 10, 2);
    }

    /// <summary>The server's database that a connection string names.</summary>
    public static DatabaseTarget TargetOf(string connectionString)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        if (string.IsNullOrEmpty(settings.Host))
            throw new ArgumentException("No host.");
        // As the server has it: a login's database, where none is named, is called as the login.
        var database = settings.Database ?? settings.Username;
        return new(string.Create(CultureInfo.InvariantCulture, $"{settings.Host}\n{settings.Port}\n{database}"), database);
    }

    public string Name => EngineNames.Postgres;

    public string ErrorType => ErrorTypes.Postgres;

    public bool BlocksThread => false;

    /// <remarks>The row of outputs may be asked for twice: as outputs, and as a row.</remarks>
    public CommandBehavior BehaviorOf(QueryCommand asked) => OutputsAreARow(asked) ? CommandBehavior.Default : CommandBehavior.SequentialAccess;

    public async Task<DbConnection> OpenAsync(string? database, string? applicationName, CommandAccess access, CancellationToken stop)
    {
        var readOnly = access != CommandAccess.Write;
        var prepares = readOnly || !string.IsNullOrEmpty(applicationName);
        return await PoolOf(database, readOnly).RentAsync(prepares ? PrepareAsync : null, stop);

        async Task PrepareAsync(NpgsqlConnection connection, CancellationToken limit)
        {
            // A transaction that has looked at data once cannot be made one that writes any more.
            if (readOnly)
            {
                await using var begin = new NpgsqlCommand("BEGIN TRANSACTION READ ONLY; SELECT 1", connection);
                await begin.ExecuteNonQueryAsync(limit);
            }
            // Not in the connection string: each tag would have a pool of its own.
            if (!string.IsNullOrEmpty(applicationName))
            {
                await using var command = new NpgsqlCommand("SELECT set_config('application_name', $1, false)", connection);
                command.Parameters.Add(new() { Value = applicationName });
                await command.ExecuteNonQueryAsync(limit);
            }
        }
    }

    public async ValueTask CloseAsync(DbConnection connection)
    {
        if (!_pools.Values.Any(p => p.Return((NpgsqlConnection)connection)))
            await connection.DisposeAsync();
    }

    public async Task PingAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT 1", (NpgsqlConnection)connection);
        await command.ExecuteScalarAsync(stop);
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        if (request.ReadOnly && PostgresCommands.LeavesTransaction(request.Command) is { } word)
            throw new ReadOnlyImpossibleException($"does not allow this integrator the statement {word}. Nothing ran.");
        var made = PostgresCommands.Create((NpgsqlConnection)connection, request.Command, faults);
        made.AllResultTypesAreUnknown = true;
        return made;
    }

    public ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name) => PostgresColumns.Describe((NpgsqlDataReader)reader, ordinal, name);

    public ValueWriter WriterFor(DbDataReader reader, int ordinal) => PostgresValues.WriterFor((NpgsqlDataReader)reader, ordinal);

    public bool OutputsAreARow(QueryCommand asked) => PostgresCommands.HasOutputs(asked);

    public IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row) =>
        row is null ? [] : PostgresCommands.ReadOutputs(asked, (NpgsqlDataReader)row);

    public ErrorDetails? NameError(Exception exception) => DatabaseError(exception) is { } e
        ? new(ErrorTypes.Postgres, 0, e.MessageText) { SqlState = e.SqlState, Severity = e.InvariantSeverity }
        : null;

    public IReadOnlyList<Notice>? NoticesOf(DbConnection connection) =>
        _pools.Values.Select(p => p.NoticesOf((NpgsqlConnection)connection)).FirstOrDefault(n => n is not null);

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    public ValueTask AbandonAsync(DbConnection connection, DbCommand command) => ValueTask.CompletedTask;

    public ConnectionFault NameConnectionFault(Exception failure) => PostgresFaults.Of(failure);

    public void Discard(DbConnection connection)
    {
        foreach (var pool in _pools.Values)
            pool.Abandon((NpgsqlConnection)connection);
    }

    public string? ReadOnlyRefusal(Exception? failure) =>
        failure is null || DatabaseError(failure) is { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } ? PracticeRefusal.ReadsOnly : null;

    public async ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed)
    {
        if (connection.State != ConnectionState.Open || !PostgresTransaction.IsOpen((NpgsqlConnection)connection))
            return false;
        // RESET makes a read-only transaction one that writes, and no version hinders all forms of that: it is rolled back, and looked at.
        var look = request.ReadOnly && !failed ? "SELECT pg_catalog.current_setting('transaction_read_only'); " : "";
        await using var command = new NpgsqlCommand(look + "ROLLBACK", (NpgsqlConnection)connection) { CommandTimeout = 15 };
        return await command.ExecuteScalarAsync() is "off" || !request.ReadOnly;
    }

    public ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack) =>
        ValueTask.FromResult((failure is null || DatabaseError(failure) is { InvariantSeverity: "ERROR" }) && !PostgresCommands.CanCommit(asked)
            ? Executed.No
            : Executed.Unknown);

    public async Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()",
            (NpgsqlConnection)connection);
        return await command.ExecuteScalarAsync(stop) as string;
    }

    public string LoginKey => string.Create(CultureInfo.InvariantCulture, $"{_settings.Host}\n{_settings.Port}\n{_settings.Username}\n{_settings.Password}");

    public async ValueTask DisposeAsync()
    {
        foreach (var pool in _pools.Values)
            await pool.DisposeAsync();
    }

    PostgresPool PoolOf(string? database, bool readOnly)
    {
        if (_pools.TryGetValue((database, readOnly), out var known))
            return known;
        var options = new NpgsqlConnectionStringBuilder(_settings.ConnectionString);
        if (database is not null)
            options.Database = database;
        return _pools.GetOrAdd((database, readOnly),
            new PostgresPool(options, readOnly ? PostgresSessionSettings.ReadOnly : PostgresSessionSettings.ReadWrite, _connecting, _time));
    }

    static PostgresException? DatabaseError(Exception? exception) =>
        exception is null ? null : exception as PostgresException ?? DatabaseError(exception.InnerException);
}
