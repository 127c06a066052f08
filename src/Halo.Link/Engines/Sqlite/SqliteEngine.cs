using System.Data;
using System.Data.Common;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Running;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;
using Microsoft.Data.Sqlite;
using CommandType = Halo.Contracts.Queries.CommandType;

namespace Halo.Link.Engines.Sqlite;

/// <summary>SQLite. Every query has a connection of its own: opening costs some 50 µs, and no pragma or temporary table outlives it.</summary>
sealed class SqliteEngine : IDatabaseEngine
{
    readonly SqliteConnectionStringBuilder _settings;
    readonly TimeProvider _time;
    readonly ISqliteRunners? _runners;

    /// <param name="runners">Where callers' SQL runs; null: in this process, which then is a worker itself.</param>
    public SqliteEngine(string connectionString, TimeProvider time, ISqliteRunners? runners = null)
    {
        (_time, _runners) = (time, runners);
        _settings = new SqliteConnectionStringBuilder(connectionString) { Pooling = false, Cache = SqliteCacheMode.Private };
        if (_settings.DataSource.Length == 0)
            throw new ArgumentException("No data source.");
        // A wrong path must be an error, not a new empty database.
        if (_settings.Mode == SqliteOpenMode.ReadWriteCreate && _settings.DataSource != ":memory:")
            _settings.Mode = SqliteOpenMode.ReadWrite;
    }

    /// <summary>The file that a connection string names.</summary>
    public static DatabaseTarget TargetOf(string connectionString)
    {
        var file = new SqliteConnectionStringBuilder(connectionString).DataSource;
        return new(file.Length == 0 ? "" : Path.GetFullPath(file), Path.GetFileNameWithoutExtension(file));
    }

    /// <summary>As the driver is given it.</summary>
    public string ConnectionString => _settings.ConnectionString;

    /// <summary>In a worker: the bound that SQLite's memory has, for the words of who meets it.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>In a worker: called before a transaction that wrote is committed.</summary>
    public Action? Committing { get; init; }

    public IReadOnlyList<string> SchemaTexts => SqliteSchema.Texts;

    public string SchemaMarkText => SqliteSchema.Mark;

    public string Name => EngineNames.Sqlite;

    public string ErrorType => ErrorTypes.Sqlite;

    public bool BlocksThread => true;

    public ICommandRunner NewRunner(TimeProvider time, IDatabaseConnector? connector) =>
        _runners?.NewRunner(this, time, connector) ?? new CommandRunner(this, time, connector);

    public IBatchTransaction NewBatch(DbConnection connection, CommandRequest request) => new SqliteBatch((SqliteSession)connection, request);

    public CommandBehavior BehaviorOf(QueryCommand asked) => CommandBehavior.Default;

    public Task<DbConnection> OpenAsync(string? database, SessionName? name, CommandAccess access, CancellationToken stop)
    {
        var settings = database is null ? _settings : new(_settings.ConnectionString) { DataSource = database };
        if (access != CommandAccess.Write)
            settings = new(settings.ConnectionString) { Mode = SqliteOpenMode.ReadOnly };
        var session = new SqliteSession(settings.ConnectionString, _time) { Committing = Committing };
        try
        {
            session.Open();
        }
        catch
        {
            session.Dispose();
            throw;
        }
        return Task.FromResult<DbConnection>(session);
    }

    /// <summary>Reads the file's header: a file is opened before it is looked at.</summary>
    public Task PingAsync(DbConnection connection, CancellationToken stop)
    {
        using var command = new SqliteCommand("PRAGMA schema_version", (SqliteConnection)connection) { CommandTimeout = -1 };
        using var registration = stop.UnsafeRegister(static session => ((SqliteSession)session!).Stop(), connection);
        command.ExecuteScalar();
        return Task.CompletedTask;
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var command = request.Command;
        if (command.Type == CommandType.StoredProcedure)
            faults.Add(new("command.type", "SQLite has no stored procedures."));
        // -1: the driver never waits for a lock itself, the session does.
        var made = new SqliteCommand(command.Text, (SqliteConnection)connection) { CommandTimeout = -1 };
        // Asked for even where there are none: without the collection the driver does not name those that are missing.
        var parameters = made.Parameters;
        foreach (var parameter in command.Parameters ?? [])
        {
            if (SqliteParameters.Bind(parameter, faults) is { } bound)
                parameters.Add(bound);
        }
        return made;
    }

    public ValueTask<DescribedCommand> DescribeAsync(DbConnection connection, CommandRequest request, ICollection<FieldError> faults, CancellationToken stop)
    {
        if (request.Command.Type == CommandType.StoredProcedure)
        {
            faults.Add(new("command.type", "SQLite has no stored procedures."));
            return ValueTask.FromResult(DescribedCommand.Nothing);
        }
        using var registration = stop.UnsafeRegister(static session => ((SqliteSession)session!).Stop(), connection);
        return ValueTask.FromResult(SqliteDescription.Of((SqliteSession)connection, request.Command));
    }

    public ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name) => SqliteColumns.Describe((SqliteDataReader)reader, ordinal, name);

    public ValueWriter WriterFor(DbDataReader reader, int ordinal) => SqliteValues.WriterFor((SqliteDataReader)reader, ordinal);

    public bool OutputsAreARow(QueryCommand asked) => false;

    public IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row) => [];

    public ErrorDetails? NameError(Exception exception) => exception switch
    {
        SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_NOMEM } when MemoryBytes > 0 => SqliteErrors.OutOfMemory(MemoryBytes),
        SqliteException e => new(ErrorTypes.Sqlite, e.SqliteExtendedErrorCode, SqliteErrors.OwnWords(e)),
        // The driver's words for a parameter that the text names and the caller did not give: it lists the names alone.
        InvalidOperationException e when e.Message.StartsWith("Must add values", StringComparison.Ordinal) =>
            Failure.Of(FailureCodes.InvalidParameter, e.Message),
        _ => null,
    };

    /// <summary>Names the refusal of <see cref="SqliteAuthorizer"/>, of which SQLite says "not authorized" and no more.</summary>
    public ErrorDetails? NameError(Exception exception, DbConnection connection) =>
        exception is SqliteException e && ((SqliteSession)connection).Refusal is { } why
        && (e.SqliteErrorCode == SQLitePCL.raw.SQLITE_AUTH || e.Message.Contains("not authorized", StringComparison.Ordinal))
            ? new(ErrorTypes.HaloLink, 400, why)
            : NameError(exception);

    public ConnectionFault NameConnectionFault(Exception failure) => failure is SqliteException e
        ? ConnectionFault.Of(NameError(e)!, SqliteErrors.AdviceOf(e, _settings.DataSource))
        : ConnectionFault.Of(failure, "the database");

    public bool IsDatabaseFault(Exception failure) => failure is SqliteException e && SqliteErrors.IsOfTheFile(e);

    public void Cancel(DbConnection connection, DbCommand command) => ((SqliteSession)connection).Stop();

    /// <remarks>The session stops at its next look; one long step of SQLite's is what the run is left behind for.</remarks>
    public ValueTask<bool> AbandonAsync(DbConnection connection, DbCommand command)
    {
        ((SqliteSession)connection).Stop();
        return ValueTask.FromResult(false);
    }

    public void Discard(DbConnection connection)
    {
        // Never used again anyway.
    }

    public string? ReadOnlyRefusal(Exception? failure) =>
        failure is SqliteException { SqliteErrorCode: SQLitePCL.raw.SQLITE_READONLY } ? PracticeRefusal.ReadsOnly : null;

    public ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed)
    {
        var handle = ((SqliteSession)connection).Handle!;
        if (SQLitePCL.raw.sqlite3_get_autocommit(handle) != 0)
            return ValueTask.FromResult(false);
        SQLitePCL.raw.sqlite3_exec(handle, "ROLLBACK");
        return ValueTask.FromResult(true);
    }

    public ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack) =>
        ValueTask.FromResult(((SqliteSession)connection).Committed ? Executed.Unknown : Executed.No);

    public Task<string?> ReadIdentityAsync(DbConnection connection, CancellationToken stop) => Task.FromResult<string?>(null);

    /// <summary>The practice's own SQL, from the settings: it can run away as any other.</summary>
    public async Task<string?> ReadTextAsync(DbConnection connection, string sql, TimeSpan limit, CancellationToken stop)
    {
        var text = new ScalarText();
        var request = new CommandRequest(new(sql) { ExecutionMode = ExecutionMode.Scalar }, null, null, 1, limit);
        var result = await NewRunner(_time, null).RunAsync(request, text, stop);
        if (result.Error is { } error)
            throw new SqliteException(error.ErrorMessage, error.ErrorType == ErrorTypes.Sqlite ? error.ErrorCode & 0xFF : SQLitePCL.raw.SQLITE_ERROR, error.ErrorCode);
        stop.ThrowIfCancellationRequested();
        return text.Value;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>Where callers' SQL for SQLite runs: what it does to its process, it does there.</summary>
interface ISqliteRunners
{
    /// <summary>What runs commands on the database of an engine.</summary>
    ICommandRunner NewRunner(SqliteEngine engine, TimeProvider time, IDatabaseConnector? connector);
}
