using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>PostgreSQL. Every value is asked for as text: exact for every type there is, and the cheapest to turn into JSON.</summary>
sealed class PostgresEngine : IDatabaseEngine
{
    /// <summary>The text of floats and binary does not depend on what a role or database was set to.</summary>
    const string Session = "-c extra_float_digits=1 -c bytea_output=hex -c DateStyle=ISO";

    readonly NpgsqlConnectionStringBuilder _settings;

    public PostgresEngine(string connectionString)
    {
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
    }

    public string Name => DatabaseEngines.Postgres;

    public string ErrorType => ErrorTypes.Postgres;

    public bool BlocksThread => false;

    public CommandBehavior Behavior => CommandBehavior.Default;

    public async Task<DbConnection> OpenAsync(string? database, string? applicationName, CancellationToken stop)
    {
        var settings = database is null ? _settings : new(_settings.ConnectionString) { Database = database };
        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            await connection.OpenAsync(stop);
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

    public DbCommand CreateCommand(DbConnection connection, QueryCommand command, ICollection<FieldError> faults)
    {
        var made = PostgresCommands.Create((NpgsqlConnection)connection, command, faults);
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

    public void Discard(DbConnection connection) => NpgsqlConnection.ClearPool((NpgsqlConnection)connection);

    public async ValueTask<bool> RollBackAsync(DbConnection connection, QueryCommand asked, bool failed)
    {
        if (connection.State != ConnectionState.Open || !InTransaction((NpgsqlConnection)connection))
            return false;
        await using var command = new NpgsqlCommand("ROLLBACK", (NpgsqlConnection)connection) { CommandTimeout = 15 };
        await command.ExecuteNonQueryAsync();
        return true;
    }

    public Executed AfterFailure(DbConnection connection, QueryCommand asked, Exception? failure, bool rolledBack) =>
        (failure is null || DatabaseError(failure) is { InvariantSeverity: "ERROR" }) && !PostgresCommands.CanCommit(asked)
            ? Executed.No
            : Executed.Unknown;

    public async Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "SELECT system_identifier || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) FROM pg_control_system()",
            (NpgsqlConnection)connection);
        return await command.ExecuteScalarAsync(stop) as string;
    }

    public ValueTask DisposeAsync()
    {
        using var any = new NpgsqlConnection(_settings.ConnectionString);
        NpgsqlConnection.ClearPool(any);
        return ValueTask.CompletedTask;
    }

    /// <summary>The driver knows, and tells only so: it refuses a second transaction. Where there was none its BEGIN is never sent.</summary>
    static bool InTransaction(NpgsqlConnection connection)
    {
        try
        {
            _ = connection.BeginTransaction();
            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }

    static PostgresException? DatabaseError(Exception? exception) =>
        exception is null ? null : exception as PostgresException ?? DatabaseError(exception.InnerException);
}
