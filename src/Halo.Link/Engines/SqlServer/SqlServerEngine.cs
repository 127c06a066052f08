using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Microsoft SQL Server. Read synchronously in sequential access: the driver's asynchronous reads of large values are quadratic.</summary>
sealed class SqlServerEngine : IDatabaseEngine
{
    /// <summary>An application name is part of the login, so each needs connections of its own; later tags share the Link's name.</summary>
    const int MaxApplicationNames = 8;

    readonly SqlConnectionStringBuilder _settings;
    readonly PracticeProtection _protection;
    readonly ConcurrentDictionary<string, bool> _applicationNames = new(StringComparer.Ordinal);

    public SqlServerEngine(string connectionString, PracticeProtection protection)
    {
        _protection = protection;
        _settings = new SqlConnectionStringBuilder(connectionString)
        {
            Enlist = false,
            MultipleActiveResultSets = false,
            PersistSecurityInfo = false,
            // The limit is the runner's.
            CommandTimeout = 0,
        };
        if (_settings.DataSource.Length == 0)
            throw new ArgumentException("No data source.");
        if (!_settings.ShouldSerialize("Application Name"))
            _settings.ApplicationName = "Halo Link";
    }

    /// <summary>The server's database that a connection string names.</summary>
    public static DatabaseTarget TargetOf(string connectionString)
    {
        var settings = new SqlConnectionStringBuilder(connectionString);
        if (settings.DataSource.Length == 0)
            throw new ArgumentException("No data source.");
        return new($"{settings.DataSource}\n{settings.InitialCatalog}", settings.InitialCatalog);
    }

    public string Name => EngineNames.SqlServer;

    public string ErrorType => ErrorTypes.SqlServer;

    public bool BlocksThread => true;

    public CommandBehavior BehaviorOf(QueryCommand asked) => CommandBehavior.SequentialAccess;

    public async Task<DbConnection> OpenAsync(string? database, string? applicationName, CommandAccess access, CancellationToken stop)
    {
        var connection = new SqlConnection(ConnectionString(database, applicationName));
        try
        {
            await connection.OpenAsync(stop);
            if (access == CommandAccess.ReadOnly && !await ReadOnlyLogin.IsAsync(connection, stop))
                throw new ReadOnlyImpossibleException(ReadOnlyLogin.Advice);
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
        await using var command = new SqlCommand("SELECT 1", (SqlConnection)connection) { CommandTimeout = 0 };
        await command.ExecuteScalarAsync(stop);
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var command = request.Command;
        var made = new SqlCommand(command.Text, (SqlConnection)connection)
        {
            CommandTimeout = 0,
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
        return made;
    }

    public ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name) => SqlServerColumns.Describe((SqlDataReader)reader, ordinal, name);

    public ValueWriter WriterFor(DbDataReader reader, int ordinal) => SqlServerValues.WriterFor((SqlDataReader)reader, ordinal);

    public bool OutputsAreARow(QueryCommand asked) => false;

    public IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row) =>
        SqlServerParameters.ReadOutputs((SqlCommand)command, asked);

    public ErrorDetails? NameError(Exception exception) => exception is SqlException { Errors.Count: > 0 } e
        ? new(ErrorTypes.SqlServer, e.Errors[0].Number, e.Errors[0].Message)
        {
            Line = e.Errors[0].LineNumber,
            Severity = e.Errors[0].Class.ToString(System.Globalization.CultureInfo.InvariantCulture),
        }
        : null;

    public ConnectionFault NameConnectionFault(Exception failure) => SqlServerFaults.Of(failure, NameError(failure));

    /// <remarks>With the system's own account the server is all that tells logins apart.</remarks>
    public string LoginKey => $"{_settings.DataSource}\n{_settings.UserID}\n{_settings.Password}";

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    public ValueTask AbandonAsync(DbConnection connection, DbCommand command) => ValueTask.CompletedTask;

    public void Discard(DbConnection connection) => SqlConnection.ClearPool((SqlConnection)connection);

    /// <remarks>What a login lacks the server says in its own words.</remarks>
    public string? ReadOnlyRefusal(Exception? failure) => null;

    public ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed)
    {
        if (connection.State != ConnectionState.Open)
            return ValueTask.FromResult(false);
        // The pool's reset leaves the isolation level as it is on servers before 2014.
        var level = TransactSql.SetsIsolation(request.Command) ? "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; " : "";
        if (!failed && level.Length == 0 && !TransactSql.MayOpenTransaction(request.Command))
            return ValueTask.FromResult(false);
        var text = level + "IF @@TRANCOUNT > 0 BEGIN ROLLBACK TRANSACTION; SELECT 1 END ELSE SELECT 0";
        using var command = new SqlCommand(text, (SqlConnection)connection) { CommandTimeout = 15 };
        return ValueTask.FromResult(command.ExecuteScalar() is 1);
    }

    public ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack) =>
        ValueTask.FromResult(failure is null || IsAnswered(failure, connection) && (rolledBack && !TransactSql.MayCommit(asked) || TransactSql.IsAtomic(asked))
            ? Executed.No
            : Executed.Unknown);

    /// <summary>The server itself has said that it failed. A cancel that it did not acknowledge in time (-2) says nothing, and breaks the connection.</summary>
    static bool IsAnswered(Exception failure, DbConnection connection) =>
        failure is SqlException { Class: < 20, Number: not -2 } && connection.State == ConnectionState.Open;

    public async Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand(
            "SELECT CONVERT(varchar(36), service_broker_guid) FROM sys.databases WHERE database_id = DB_ID()", (SqlConnection)connection);
        return (await command.ExecuteScalarAsync(stop) as string)?.ToLowerInvariant();
    }

    public ValueTask DisposeAsync()
    {
        using var any = new SqlConnection(_settings.ConnectionString);
        SqlConnection.ClearPool(any);
        return ValueTask.CompletedTask;
    }

    string ConnectionString(string? database, string? applicationName)
    {
        var named = !string.IsNullOrEmpty(applicationName)
            && (_applicationNames.ContainsKey(applicationName)
                || _applicationNames.Count < MaxApplicationNames && _applicationNames.TryAdd(applicationName, true));
        if (database is null && !named)
            return _settings.ConnectionString;
        var settings = new SqlConnectionStringBuilder(_settings.ConnectionString);
        if (database is not null)
            settings.InitialCatalog = database;
        if (named)
            settings.ApplicationName = applicationName;
        return settings.ConnectionString;
    }
}
