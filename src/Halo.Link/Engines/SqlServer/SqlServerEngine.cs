using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Microsoft SQL Server. Read synchronously in sequential access: the driver's asynchronous reads of large values are quadratic.</summary>
sealed class SqlServerEngine : IDatabaseEngine
{
    /// <summary>An application name is part of the login, so each needs connections of its own; later tags share the Link's name.</summary>
    const int MaxApplicationNames = 8;

    /// <summary>Less than <see cref="ExecutionWatch.LongestStop"/>: what came of the statement is still told by the run itself.</summary>
    const int SecondsForAcknowledgement = 6;

    static readonly TimeSpan LooksAfter = TimeSpan.FromSeconds(1);

    /// <summary>"Lock request time out period exceeded."</summary>
    const int LockTimeout = 1222;

    /// <summary>What SQL Server says of every USE, SET LANGUAGE and failed statement.</summary>
    const int DatabaseChanged = 5701, LanguageChanged = 5703, StatementTerminated = 3621;

    readonly SqlConnectionStringBuilder _settings;
    readonly PracticeProtection _protection;
    readonly SqlServerResets _resets;
    readonly TimeProvider _time;
    readonly SqlServerSession _session;
    readonly LiteralTexts _literals;
    readonly ConcurrentDictionary<string, bool> _applicationNames = new(StringComparer.Ordinal);
    readonly ConditionalWeakTable<DbConnection, DatabaseNotices> _notices = [];

    public SqlServerEngine(string connectionString, TimeProvider time, PracticeProtection protection)
    {
        (_time, _protection, _resets, _session, _literals) = (time, protection, new(time), new(protection, time), new(time));
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
        // The driver's own waiting after a failure would keep a server away that is there again; the Link waits by itself, longer after refused logins.
        if (!_settings.ShouldSerialize("Pool Blocking Period"))
            _settings.PoolBlockingPeriod = PoolBlockingPeriod.NeverBlock;
        // Seconds; the driver's ten would be the caller's.
        if (!_settings.ShouldSerialize("Connect Retry Interval"))
            _settings.ConnectRetryInterval = 1;
    }

    /// <summary>The server's database that a connection string names.</summary>
    public static DatabaseTarget TargetOf(string connectionString)
    {
        var settings = new SqlConnectionStringBuilder(connectionString);
        if (settings.DataSource.Length == 0)
            throw new ArgumentException("No data source.");
        return new($"{PlaceOf(settings.DataSource)}\n{settings.InitialCatalog}", settings.InitialCatalog);
    }

    /// <summary>One server has many names: <c>.</c>, <c>(local)</c>, <c>tcp:localhost,1433</c>.</summary>
    static string PlaceOf(string dataSource)
    {
        var place = dataSource.Trim();
        foreach (var protocol in (string[])["tcp:", "lpc:", "admin:"])
            if (place.StartsWith(protocol, StringComparison.OrdinalIgnoreCase))
                place = place[protocol.Length..].Trim();
        if (place.StartsWith("np:", StringComparison.OrdinalIgnoreCase))
            return place;
        var end = place.AsSpan().IndexOfAny('\\', ',');
        var (host, rest) = end < 0 ? (place, "") : (place[..end].Trim(), place[end..].Replace(" ", "", StringComparison.Ordinal));
        var isHere = host is "." or "" or "127.0.0.1" or "::1" or "[::1]" || host.Equals("(local)", StringComparison.OrdinalIgnoreCase)
            || host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.Equals(Environment.MachineName, StringComparison.OrdinalIgnoreCase);
        // 1433 is where the default instance is, and MSSQLSERVER its name.
        var isDefault = rest is ",1433" || rest.Equals("\\MSSQLSERVER", StringComparison.OrdinalIgnoreCase);
        return (isHere ? "localhost" : host) + (isDefault ? "" : rest);
    }

    public string Name => EngineNames.SqlServer;

    public string ErrorType => ErrorTypes.SqlServer;

    public bool BlocksThread => true;

    public CommandBehavior BehaviorOf(QueryCommand asked) => CommandBehavior.SequentialAccess;

    public async Task<DbConnection> OpenAsync(string? database, string? applicationName, CommandAccess access, CancellationToken stop)
    {
        var connection = new SqlConnection(ConnectionString(database, applicationName, access));
        connection.InfoMessage += OnMessage;
        try
        {
            await OpenAsync(connection, stop);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
        return connection;
    }

    /// <summary>A server that does not let in at once is looked at, and one whose port is closed not waited for.</summary>
    async Task OpenAsync(SqlConnection connection, CancellationToken stop)
    {
        using var noMore = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var opening = _resets.OpenAsync(connection, noMore.Token);
        await opening.WaitAsync(LooksAfter, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Where there is a second server, the driver goes on to that one.
        if (!opening.IsCompleted && _settings.FailoverPartner.Length == 0
            && await SqlServerDoor.WhyClosedAsync(_settings.DataSource, _time, stop) is { } closed && !opening.IsCompleted)
        {
            await noMore.CancelAsync();
            _ = opening.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw closed;
        }
        await opening;
    }

    /// <remarks>Without the driver's pool a session ends with its connection.</remarks>
    public ValueTask CloseAsync(DbConnection connection) => _settings.Pooling ? _resets.CloseAsync(connection) : connection.DisposeAsync();

    public async Task PingAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new SqlCommand("SELECT 1", (SqlConnection)connection) { CommandTimeout = 0 };
        await command.ExecuteScalarAsync(stop);
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var command = request.Command;
        var isSetUpByText = _session.GoesWithText((SqlConnection)connection, request);
        if (!isSetUpByText)
            SetUp((SqlConnection)connection, request);
        var made = new SqlCommand(command.Text, (SqlConnection)connection)
        {
            // The limit is the runner's. This ends the driver's waiting for a server that does not even acknowledge the cancel.
            CommandTimeout = request.Limit == TimeSpan.Zero ? 0 : (int)Math.Ceiling(request.Limit.TotalSeconds) + SecondsForAcknowledgement,
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
            NoticesFor(connection).Add(NoticeCodes.Advice, advice);
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
            SqlConnection.ClearPool(connection);
            OpenAsync(connection, CancellationToken.None).GetAwaiter().GetResult();
            _session.SetUp(connection, request);
        }
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
            Code = error.Number == LockTimeout ? FailureCodes.LockTimeout : null,
        }
        : null;

    public ConnectionFault NameConnectionFault(Exception failure) => SqlServerFaults.Of(failure, NameError(failure));

    /// <remarks>With the system's own account the server is all that tells logins apart.</remarks>
    public string LoginKey => $"{_settings.DataSource}\n{_settings.UserID}\n{_settings.Password}";

    /// <remarks>What broke the connection is told as that, whoever says it.</remarks>
    public ErrorDetails? NameError(Exception exception, DbConnection connection) => connection.State == ConnectionState.Open ? NameError(exception) : null;

    /// <summary>What a PRINT said before it is none.</summary>
    static SqlError FirstOf(SqlException e) => e.Errors.Cast<SqlError>().FirstOrDefault(error => error.Class > 10) ?? e.Errors[0];

    public string? AdviceOn(ErrorDetails error) => SqlServerFaults.AdviceOn(error.ErrorCode);

    public IReadOnlyList<Notice>? NoticesOf(DbConnection connection) => _notices.TryGetValue(connection, out var said) ? said.Taken : null;

    DatabaseNotices NoticesFor(DbConnection connection) => _notices.GetValue(connection, static _ => new());

    /// <summary>PRINT, RAISERROR up to severity 10, warnings.</summary>
    void OnMessage(object sender, SqlInfoMessageEventArgs told)
    {
        foreach (SqlError message in told.Errors)
            if (message.Number is not (DatabaseChanged or LanguageChanged or StatementTerminated))
                NoticesFor((SqlConnection)sender).Add(message.Message);
    }

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    public ValueTask AbandonAsync(DbConnection connection, DbCommand command) => ValueTask.CompletedTask;

    /// <remarks>
    /// One that is still open has been told the end of everything that was asked: a cancel was acknowledged. One that broke is not used
    /// again; then the others of its pool are in doubt too.
    /// </remarks>
    public void Discard(DbConnection connection)
    {
        if (connection.State != ConnectionState.Open)
            SqlConnection.ClearPool((SqlConnection)connection);
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
            var database = request.Database ?? _settings.InitialCatalog;
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
        var level = _protection.Isolation != ReaderIsolation.ReadCommitted || TransactSql.SetsIsolation(request.Command)
            ? "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; "
            : "";
        if (!failed && level.Length == 0 && !TransactSql.MayOpenTransaction(request.Command))
            return false;
        var text = level + "IF @@TRANCOUNT > 0 BEGIN ROLLBACK TRANSACTION; SELECT 1 END ELSE SELECT 0";
        using var command = new SqlCommand(text, connection) { CommandTimeout = SecondsForAcknowledgement };
        return command.ExecuteScalar() is 1;
    }

    public ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack) =>
        ValueTask.FromResult(SqlServerProof.Of((SqlConnection)connection, (SqlCommand)command, asked, failure, rolledBack));

    public TimeSpan? BlockingGuard => _protection.BlockingGuard;

    public string? BlockingGuardFault { get; private set; }

    public async Task<IReadOnlyCollection<long>> BlockedSessionsAsync(DbConnection connection, CancellationToken stop)
    {
        if (BlockingGuardFault is not null)
            return [];
        try
        {
            await using var beside = new SqlConnection(_settings.ConnectionString);
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
        var refused = _protection.Isolation == ReaderIsolation.Snapshot && await SqlServerSession.SnapshotFaultAsync((SqlConnection)connection, stop) is { } fault ? fault : null;
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
        _resets.Dispose();
        using var any = new SqlConnection(_settings.ConnectionString);
        SqlConnection.ClearPool(any);
        return ValueTask.CompletedTask;
    }

    /// <summary>Each is a pool of its own.</summary>
    string ConnectionString(string? database, string? applicationName, CommandAccess access)
    {
        var named = !string.IsNullOrEmpty(applicationName)
            && (_applicationNames.ContainsKey(applicationName)
                || _applicationNames.Count < MaxApplicationNames && _applicationNames.TryAdd(applicationName, true));
        var readIntent = _protection.ReadIntent && access != CommandAccess.Write;
        if (database is null && !named && !readIntent)
            return _settings.ConnectionString;
        var settings = new SqlConnectionStringBuilder(_settings.ConnectionString);
        if (database is not null)
            settings.InitialCatalog = database;
        if (named)
            settings.ApplicationName = applicationName;
        if (readIntent)
            settings.ApplicationIntent = ApplicationIntent.ReadOnly;
        return settings.ConnectionString;
    }
}
