using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Postgres.Connections;
using Halo.Link.Engines.Postgres.Values;
using Halo.Link.Engines.Running;
using Halo.Link.Rows;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>PostgreSQL. Every value is asked for as text: exact for every type there is, and the cheapest to turn into JSON.</summary>
sealed class PostgresEngine : IDatabaseEngine
{
    /// <summary>Bytes that a server keeps of a session's name.</summary>
    const int LongestName = 63;

    static readonly TimeSpan ProofWithin = TimeSpan.FromSeconds(5);

    readonly PracticeProtection _protection;
    readonly NpgsqlConnectionStringBuilder _settings;
    readonly TimeProvider _time;
    readonly OwnSessions _own;
    readonly string _server;
    readonly PostgresReaderLogin _readers;
    readonly PostgresOverseer _overseer;
    readonly PostgresTypes _types;
    readonly PostgresConnectTurns _connecting;
    readonly ConcurrentDictionary<NpgsqlConnection, PostgresSession> _rented = new();
    readonly ConcurrentDictionary<(string? Database, bool ReadOnly), PostgresPool> _pools = new();

    static PostgresEngine() => PostgresText.Teach();

    /// <param name="own">Where this engine's sessions are entered, and those of the Link's others.</param>
    public PostgresEngine(string connectionString, TimeProvider time, PracticeProtection protection, OwnSessions own)
    {
        (_time, _protection, _own, _readers, _connecting) = (time, protection, own, new(time), new(time));
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
            // The limit is the runner's, and so is what follows a cancel: the driver gives up later than the session is ended by force.
            CommandTimeout = 0,
            CancellationTimeout = 5000,
        };
        if (string.IsNullOrEmpty(_settings.Host))
            throw new ArgumentException("No host.");
        // Preferred, as the driver has it, each wrong password would be tried twice: with it and without.
        if (_settings.GssEncryptionMode == GssEncryptionMode.Prefer)
            _settings.GssEncryptionMode = GssEncryptionMode.Disable;
        if (string.IsNullOrEmpty(_settings.ApplicationName))
            _settings.ApplicationName = "Halo Link";
        // A server that vanishes in the middle of a row is noticed by the system: that wait no token ends.
        if (!_settings.TcpKeepAlive && _settings.TcpKeepAliveTime == 0)
            (_settings.TcpKeepAlive, _settings.TcpKeepAliveTime, _settings.TcpKeepAliveInterval) = (true, 10, 2);
        _server = string.Create(CultureInfo.InvariantCulture, $"{_settings.Host}:{_settings.Port}");
        _overseer = new(_settings, time);
        _types = new(_settings, time);
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

    public IReadOnlyList<string> SchemaTexts => PostgresSchema.Texts;

    public string SchemaMarkText => PostgresSchema.Mark;

    public string Name => EngineNames.Postgres;

    public string ErrorType => ErrorTypes.Postgres;

    public bool BlocksThread => false;

    public ICommandRunner NewRunner(TimeProvider time, IDatabaseConnector? connector) => new CommandRunner(this, time, connector);

    public IBatchTransaction NewBatch(DbConnection connection, CommandRequest request) => new PostgresBatch(
        (NpgsqlConnection)connection, request, _protection, _time,
        async stop => (NpgsqlConnection)await OpenAsync(request.Database, null, CommandAccess.Write, stop), CloseAsync);

    /// <remarks>The row of outputs may be asked for twice: as outputs, and as a row.</remarks>
    public CommandBehavior BehaviorOf(QueryCommand asked) => OutputsAreARow(asked) ? CommandBehavior.Default : CommandBehavior.SequentialAccess;

    public async Task<DbConnection> OpenAsync(string? database, SessionName? name, CommandAccess access, CancellationToken stop)
    {
        var readOnly = access != CommandAccess.Write;
        var catalogue = database ?? _settings.Database ?? "";
        if (access == CommandAccess.ReadOnly)
            _readers.RefuseKnown(catalogue);
        var withoutTag = name?.WithoutTag(_settings.ApplicationName!, LongestName) ?? _settings.ApplicationName!;
        var called = name is { Tag: { Length: > 0 } tag } ? tag : withoutTag;
        var session = await PoolOf(database, readOnly).RentAsync(called, withoutTag, readOnly, PrepareAsync, stop);
        // What it is called after its reset: the next query is the same integrator's, more often than not.
        session.Name = withoutTag;
        _own.Add(_server, session.ServerProcess);
        _rented[session.Connection] = session;
        return session.Connection;

        async Task PrepareAsync(PostgresSession opened, CancellationToken limit)
        {
            if (access == CommandAccess.ReadOnly)
                await _readers.CheckAsync(catalogue, opened.Connection, limit);
            await PostgresPreparation.PrepareAsync(opened, access, called, _protection, limit);
        }
    }

    public ValueTask CloseAsync(DbConnection connection)
    {
        if (!_rented.TryRemove((NpgsqlConnection)connection, out var session))
            return connection.DisposeAsync();
        _own.Remove(_server, session.ServerProcess);
        session.Pool.Return(session);
        return ValueTask.CompletedTask;
    }

    public async Task PingAsync(DbConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT 1", (NpgsqlConnection)connection);
        await command.ExecuteScalarAsync(stop);
    }

    public DbCommand CreateCommand(DbConnection connection, CommandRequest request, ICollection<FieldError> faults)
    {
        var command = PostgresCommands.Create((NpgsqlConnection)connection, request, faults);
        // One statement that the planner takes leaves no transaction open, in which there is no reset. What may only read is in one. The end of rows is told
        // apart from what follows it, that of other statements is not. And where a policy may end it between two rows, which costs its connection then, it goes
        // alone.
        if (command is { IsOneMessage: true, IsQuery: true } && request is { ReadOnly: false, IsInBatch: false, MaxRows: null, MaxBytes: null, Command.ExecutionMode: not ExecutionMode.NonQuery }
            && _rented.TryGetValue(command.Connection!, out var session))
            session.ResetBehind(command);
        return command;
    }

    public async ValueTask BeforeAsync(DbConnection connection, DbCommand command, CommandRequest request, CancellationToken stop)
    {
        // The batch has set up what holds for all its commands.
        if (request.IsInBatch)
            return;
        var made = (PostgresCommand)command;
        var counts = !request.ReadOnly && !made.IsPlanned;
        var wait = LockTimeoutOf(request);
        // What may only read has a transaction of its own, which says so itself.
        var isSnapshot = !request.ReadOnly && request.Command.ExecutionMode != ExecutionMode.NonQuery && _protection.Isolation == ReaderIsolation.Snapshot;
        if (wait is null && !counts && !isSnapshot)
            return;
        await using var batch = new NpgsqlBatch((NpgsqlConnection)connection);
        if (isSnapshot)
            batch.BatchCommands.Add(new("SET default_transaction_isolation = 'repeatable read'"));
        if (wait is { } time)
            batch.BatchCommands.Add(new(string.Create(CultureInfo.InvariantCulture, $"SET lock_timeout = {(long)time.TotalMilliseconds}")));
        // Of several statements the driver sends each with its own text, and only the first is marked.
        if (counts && string.IsNullOrEmpty(request.Tag) && request.QueryId is { } query)
            batch.BatchCommands.Add(new($"SET application_name = 'halo query={query}'"));
        if (!counts)
            await batch.ExecuteNonQueryAsync(stop);
        else
            made.TransactionBefore = await PostgresProof.CountAsync(batch, stop);
    }

    /// <summary>Where it is another than the session's, which is for readers: a nonQuery waits as long as its limit allows, and an operator can have made a reader's shorter.</summary>
    TimeSpan? LockTimeoutOf(CommandRequest request)
    {
        if (request.Command.ExecutionMode == ExecutionMode.NonQuery)
            return request.ReadOnly || _protection.LockTimeout is null ? null : TimeSpan.Zero;
        return request.Protection is { } asked && asked.LockTimeout != _protection.LockTimeout ? asked.LockTimeout : null;
    }

    public ResultColumn DescribeColumn(DbDataReader reader, int ordinal, string name) => PostgresColumns.Describe((NpgsqlDataReader)reader, ordinal, name, _types);

    public async ValueTask<DescribedCommand> DescribeAsync(DbConnection connection, CommandRequest request, ICollection<FieldError> faults, CancellationToken stop)
    {
        // It waits for locks as a reader does, whatever the command is.
        if (request.Protection?.LockTimeout is { } wait && wait != _protection.LockTimeout)
        {
            await using var set = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"SET lock_timeout = {(long)wait.TotalMilliseconds}"), (NpgsqlConnection)connection);
            await set.ExecuteNonQueryAsync(stop);
        }
        return await PostgresDescription.OfAsync((NpgsqlConnection)connection, request, _types, faults, stop);
    }

    public ValueTask LearnTypesAsync(DbConnection connection, DbDataReader reader, CancellationToken stop) =>
        _types.LearnAsync((NpgsqlConnection)connection, (NpgsqlDataReader)reader, stop);

    public ValueWriter WriterFor(DbDataReader reader, int ordinal) => PostgresValues.WriterFor((NpgsqlDataReader)reader, ordinal);

    public bool OutputsAreARow(QueryCommand asked) => PostgresCommands.HasOutputs(asked);

    public IReadOnlyList<OutputParameter> ReadOutputs(DbCommand command, QueryCommand asked, DbDataReader? row) =>
        row is null ? [] : PostgresCommands.ReadOutputs(asked, (NpgsqlDataReader)row);

    public ErrorDetails? NameError(Exception exception) => DatabaseError(exception) is { } e
        ? new(ErrorTypes.Postgres, 0, e.MessageText)
        {
            SqlState = e.SqlState,
            Severity = e.InvariantSeverity,
            // The same SQLSTATE is NOWAIT's; lock_timeout's comes from where interrupts are dealt with.
            Code = e is { SqlState: PostgresErrorCodes.LockNotAvailable, Routine: "ProcessInterrupts" } ? FailureCodes.LockTimeout : null,
        }
        : null;

    public string? AdviceOn(ErrorDetails error) => error.SqlState == PostgresErrorCodes.InsufficientPrivilege
        ? "The site's login lacks a right: grant it what the message names, or run deploy/sql/postgres-reader.sql for it again."
        : null;

    public IReadOnlyList<Notice>? NoticesOf(DbConnection connection) => _rented.GetValueOrDefault((NpgsqlConnection)connection)?.Notices.Taken;

    public void Cancel(DbConnection connection, DbCommand command) => command.Cancel();

    public async ValueTask<bool> AbandonAsync(DbConnection connection, DbCommand command) =>
        ProcessOf(connection) is { } process && await _overseer.EndAsync(process, CancellationToken.None);

    public TimeSpan? BlockingGuard => _protection.BlockingGuard;

    public async Task<IReadOnlyCollection<long>> BlockedSessionsAsync(DbConnection connection, CancellationToken stop)
    {
        if (ProcessOf(connection) is not { } process)
            return [];
        var waiting = await _overseer.BlockedByAsync(process, stop);
        waiting.RemoveAll(id => _own.Contains(_server, id));
        return waiting;
    }

    public ConnectionFault NameConnectionFault(Exception failure) => PostgresFaults.Of(failure);

    public ValueTask ReadRestAsync(DbCommand command, DbDataReader reader, bool afterFailure, CancellationToken giveUp) =>
        ((PostgresCommand)command).ReadRestAsync(reader, afterFailure, giveUp);

    public bool IsOver(DbCommand command) => ((PostgresCommand)command).IsOver;

    public void Discard(DbConnection connection)
    {
        if (_rented.TryGetValue((NpgsqlConnection)connection, out var session))
            session.Pool.Abandon(session);
    }

    public string? ReadOnlyRefusal(Exception? failure) => failure is null ? PracticeRefusal.Undone : DatabaseError(failure) switch
    {
        { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => PracticeRefusal.ReadsOnly,
        // The server's words for this one are those of its language; its source's name for the place is not.
        { SqlState: PostgresErrorCodes.SyntaxError, Routine: "exec_parse_message" } =>
            "lets this integrator send one statement at a time, and the text holds several. Nothing ran: send them one by one.",
        _ => null,
    };

    public async ValueTask<bool> RollBackAsync(DbConnection connection, CommandRequest request, bool failed)
    {
        if (connection.State != ConnectionState.Open)
            return false;
        if (IsOutOfStep(connection))
        {
            // With the connection the server takes back what is open, and nothing is asked over this one any more.
            var open = PostgresTransaction.IsOpen((NpgsqlConnection)connection);
            if (open)
                await connection.CloseAsync();
            return open;
        }
        // A command that may only read has ended the transaction that it was to stay in, if there is none.
        if (!PostgresTransaction.IsOpen((NpgsqlConnection)connection))
            return request.ReadOnly && !failed;
        // RESET makes a read-only transaction one that writes, and no version hinders all forms of that: it is rolled back, and looked at.
        var look = request.ReadOnly && !failed ? "SELECT pg_catalog.current_setting('transaction_read_only'); " : "";
        await using var command = new NpgsqlCommand(look + "ROLLBACK", (NpgsqlConnection)connection) { CommandTimeout = 5 };
        return await command.ExecuteScalarAsync() is "off" || !request.ReadOnly;
    }

    public async ValueTask<Executed> AfterFailureAsync(DbConnection connection, DbCommand command, QueryCommand asked, Exception? failure, bool rolledBack)
    {
        var made = (PostgresCommand)command;
        // What is asked here leaves nothing either, but comes after a reset that was sent along.
        if (_rented.TryGetValue((NpgsqlConnection)connection, out var session))
            session.ForgetReset();
        if (failure is not null && DatabaseError(failure) is not { InvariantSeverity: "ERROR" })
            return Executed.Unknown;
        if (made.MayBeOver)
            return Executed.Unknown;
        // Closed now: where the pool may have no more than one, its place is the other's.
        if (IsOutOfStep(connection))
            await connection.CloseAsync();
        if (connection.State == ConnectionState.Open)
            return await PostgresProof.OfAsync(made, (NpgsqlConnection)connection);
        // The driver gives up a connection whose server has told of an internal error.
        if (made.TransactionBefore is not null)
            return Executed.Unknown;
        using var patience = new CancellationTokenSource(ProofWithin, _time);
        var other = await OpenAsync(connection.Database, null, CommandAccess.Write, patience.Token);
        try
        {
            return await PostgresProof.OfAsync(made, (NpgsqlConnection)other);
        }
        finally
        {
            await CloseAsync(other);
        }
    }

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
        await _overseer.DisposeAsync();
        await _types.DisposeAsync();
        foreach (var pool in _pools.Values)
            await pool.DisposeAsync();
    }

    bool IsOutOfStep(DbConnection connection) => _rented.TryGetValue((NpgsqlConnection)connection, out var session) && session.IsOutOfStep;

    /// <summary>The server's own number of a session, which behind a pooler is not the one that the driver was told.</summary>
    int? ProcessOf(DbConnection connection) => _rented.TryGetValue((NpgsqlConnection)connection, out var session) ? session.ServerProcess : null;

    PostgresPool PoolOf(string? database, bool readOnly)
    {
        // Named or not, it is one database, and has one pool.
        if (database == (_settings.Database ?? _settings.Username))
            database = null;
        if (_pools.TryGetValue((database, readOnly), out var known))
            return known;
        var options = new NpgsqlConnectionStringBuilder(_settings.ConnectionString);
        if (database is not null)
            options.Database = database;
        return _pools.GetOrAdd((database, readOnly),
            new PostgresPool(options, PostgresSessionSettings.Of(readOnly, _protection), _connecting, _time));
    }

    static PostgresException? DatabaseError(Exception? exception) =>
        exception is null ? null : exception as PostgresException ?? DatabaseError(exception.InnerException);
}
