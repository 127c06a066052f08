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
    /// <summary>The text of floats and binary does not depend on what a role or database was set to.</summary>
    const string Session = "-c extra_float_digits=1 -c bytea_output=hex -c DateStyle=ISO";

    /// <summary>Besides, the server reads the text as <see cref="PostgresCommands.LeavesTransaction"/> does.</summary>
    const string ReadOnlySession = " -c default_transaction_read_only=on -c standard_conforming_strings=on";

    readonly PracticeProtection _protection;
    readonly NpgsqlConnectionStringBuilder _settings;
    readonly NpgsqlConnectionStringBuilder _readOnly;

    static PostgresEngine() => PostgresText.Teach();

    public PostgresEngine(string connectionString, PracticeProtection protection)
    {
        _protection = protection;
        _settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // The pool's reset (DISCARD ALL, sent along with the next query) is what keeps one query's state from the next.
            NoResetOnClose = false,
            Enlist = false,
            Multiplexing = false,
            // The limit is the runner's.
            CommandTimeout = 0,
        };
        if (string.IsNullOrEmpty(_settings.Host))
            throw new ArgumentException("No host.");
        _settings.Options = string.IsNullOrEmpty(_settings.Options) ? Session : $"{_settings.Options} {Session}";
        if (string.IsNullOrEmpty(_settings.ApplicationName))
            _settings.ApplicationName = "Halo Link";
        // A server that vanishes in the middle of a row is noticed by the system: that wait no token ends.
        if (!_settings.TcpKeepAlive && _settings.TcpKeepAliveTime == 0)
            (_settings.TcpKeepAlive, _settings.TcpKeepAliveTime, _settings.TcpKeepAliveInterval) = (true, 10, 2);
        _readOnly = new(_settings.ConnectionString) { Options = _settings.Options + ReadOnlySession };
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
        var settings = readOnly ? _readOnly : _settings;
        if (database is not null)
            settings = new(settings.ConnectionString) { Database = database };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(stop);
            // A transaction that has looked at data once cannot be made one that writes any more.
            if (readOnly)
            {
                await using var begin = new NpgsqlCommand("BEGIN TRANSACTION READ ONLY; SELECT 1", connection);
                await begin.ExecuteNonQueryAsync(stop);
            }
            // Not in the connection string: each tag would have a pool of its own.
            if (!string.IsNullOrEmpty(applicationName))
            {
                await using var command = new NpgsqlCommand("SELECT set_config('application_name', $1, false)", connection);
                command.Parameters.Add(new() { Value = applicationName });
                await command.ExecuteNonQueryAsync(stop);
            }
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
        return connection;
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

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    public ValueTask AbandonAsync(DbConnection connection, DbCommand command) => ValueTask.CompletedTask;

    public void Discard(DbConnection connection) => NpgsqlConnection.ClearPool((NpgsqlConnection)connection);

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

    public ValueTask DisposeAsync()
    {
        foreach (var settings in (NpgsqlConnectionStringBuilder[])[_settings, _readOnly])
        {
            using var any = new NpgsqlConnection(settings.ConnectionString);
            NpgsqlConnection.ClearPool(any);
        }
        return ValueTask.CompletedTask;
    }

    static PostgresException? DatabaseError(Exception? exception) =>
        exception is null ? null : exception as PostgresException ?? DatabaseError(exception.InnerException);
}
