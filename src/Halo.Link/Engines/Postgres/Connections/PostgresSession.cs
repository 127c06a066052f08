using System.Data;
using System.Data.Common;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>One physical connection, with the settings that values depend on read back after each connect and each reset.</summary>
/// <remarks>
/// What was asked for at the start need not be in force: a pooler such as PgBouncer can be told to ignore it, and then the database's or the
/// role's own settings hold. So nothing is assumed, and what differs is set by SQL.
/// </remarks>
sealed class PostgresSession : IDisposable
{
    /// <summary>In seconds.</summary>
    const int LongestReset = 5;

    const string Discard = "DISCARD ALL";

    readonly PostgresSessionSettings _settings;

    /// <summary>The server does not keep the settings over a reset: they are set by SQL each time.</summary>
    bool _setsBySql;

    /// <summary>The server has shown that its reset returns to the settings: what else there is it reports by itself when it changes.</summary>
    bool _resetKeepsSettings;

    /// <summary>Takes away what a command has left, and gives the session its name where that is another than it began with.</summary>
    string[] _reset = [Discard];

    /// <summary>The same, ready to be sent; null: not needed since the name was given.</summary>
    NpgsqlBatch? _sendReset;

    readonly string _firstName;

    bool _holdsPlace;

    /// <summary>The one that brings its own reset.</summary>
    PostgresCommand? _command;

    PostgresSession(PostgresPool pool, NpgsqlConnection connection, PostgresSessionSettings settings)
    {
        (Pool, Connection, _settings) = (pool, connection, settings);
        Name = _firstName = new NpgsqlConnectionStringBuilder(connection.ConnectionString).ApplicationName ?? "";
        connection.Notice += (_, told) => Notices.Add(told.Notice.MessageText);
        // Whoever closes the connection leaves its place, also who never gives it back.
        connection.StateChange += (_, change) =>
        {
            if (change.CurrentState == ConnectionState.Closed && LetPlaceGo())
                Pool.Leave();
        };
    }

    /// <summary>Whose it is.</summary>
    public PostgresPool Pool { get; }

    public NpgsqlConnection Connection { get; }

    /// <summary>What the server has said beside its answers, since it was given away.</summary>
    public DatabaseNotices Notices { get; } = new();

    /// <summary>When it last answered, by the monotonic clock.</summary>
    public long AliveAt { get; set; }

    /// <summary>When it was given to a query, by the same clock.</summary>
    public long GivenAt { get; set; }

    /// <summary>What the activity view calls it while it idles: its last query's integrator. Set while a query has it, it is in force after the reset.</summary>
    public string Name
    {
        get;
        set
        {
            if (value == field)
                return;
            field = value;
            _reset = value == _firstName ? [Discard] : [Discard, $"SET application_name = {Literal(value)}"];
            _sendReset?.Dispose();
            _sendReset = null;
        }
    }

    /// <summary>Never serves another query.</summary>
    public bool Abandoned { get; set; }

    /// <summary>The process of the server that answers.</summary>
    public int ServerProcess { get; private set; }

    /// <summary>Whether something that is not the server has answered the connection: the process is not the one that was told at the start.</summary>
    public bool IsPooled => ServerProcess != Connection.ProcessID;

    /// <summary>Connects and looks who answers; changes nothing yet.</summary>
    public static async Task<PostgresSession> OpenAsync(
        PostgresPool pool, string connectionString, PostgresSessionSettings settings, CancellationToken stop)
    {
        var session = new PostgresSession(pool, new(connectionString), settings);
        try
        {
            await session.Connection.OpenAsync(stop);
            (session.ServerProcess, var wrong) = await session.LookAsync(reset: false, stop);
            session._setsBySql = wrong is not null;
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Lets the command bring its own reset, where no more is needed than to send it.</summary>
    public void ResetBehind(PostgresCommand command)
    {
        if (_resetKeepsSettings)
            (command.Reset, _command) = (_reset, command);
    }

    /// <summary>Whether nothing may be sent over it any more: what it answers next is not what it is asked next.</summary>
    public bool IsOutOfStep => _command is { IsOutOfStep: true };

    /// <summary>Something else was sent after the command: a reset is to follow.</summary>
    public void ForgetReset()
    {
        if (!IsOutOfStep)
            _command = null;
    }

    /// <summary>Whether the last command has brought its own reset, and all settings are in force.</summary>
    public bool TakeReset()
    {
        var command = _command;
        _command = null;
        return command is { HasReset: true } && _settings.FirstWrong(Connection.PostgresParameters) is null;
    }

    /// <summary>Puts the settings in force where they are not, over a reset too.</summary>
    /// <exception cref="PostgresSessionException">They cannot be.</exception>
    public async Task EnsureSettingsAsync(CancellationToken stop)
    {
        if (_setsBySql)
        {
            await VerifyAsync(reset: false, stop);
            return;
        }
        await VerifyAsync(reset: true, stop);
        // What a session started with only the server itself keeps: a pooler may change it with its own settings.
        _resetKeepsSettings = !_setsBySql && !IsPooled;
    }

    /// <summary>It is in use, within what its pool may have.</summary>
    public void HoldPlace() => Volatile.Write(ref _holdsPlace, true);

    /// <returns>Whether it was in use until now.</returns>
    public bool LetPlaceGo() => Interlocked.Exchange(ref _holdsPlace, false);

    /// <summary>Takes away all that a command has left in the session, and verifies the settings. Is sent when this returns.</summary>
    /// <remarks>Behind the command that leaves it, or after it: never along with the next one, which would run all the same where the reset fails, by what was left.</remarks>
    public async Task ResetAsync()
    {
        if (_resetKeepsSettings)
        {
            await (_sendReset ??= Ready()).ExecuteNonQueryAsync(CancellationToken.None);
            if (_settings.FirstWrong(Connection.PostgresParameters) is { } wrong)
                throw PostgresSessionException.NotInForce(wrong);
        }
        else if (await VerifyAsync(reset: true, CancellationToken.None) != ServerProcess)
            throw PostgresSessionException.TransactionPooling();
        else
            Name = _firstName;
    }

    /// <summary>Gives a session another name.</summary>
    public static NpgsqlBatchCommand Rename(string name) => new("SELECT pg_catalog.set_config('application_name', $1, false)") { Parameters = { new() { Value = name } } };

    /// <summary>Asks the server whether it is there.</summary>
    public async Task PingAsync(CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT 1", Connection);
        await command.ExecuteScalarAsync(stop);
    }

    /// <summary>Asks which of the server's processes answers now.</summary>
    public async Task<int?> ReadServerProcessAsync(CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT pg_catalog.pg_backend_pid()", Connection);
        return await command.ExecuteScalarAsync(stop) as int?;
    }

    public void Dispose()
    {
        _sendReset?.Dispose();
        Connection.Dispose();
    }

    /// <summary>Each statement in a transaction of its own: DISCARD ALL refuses to be in one with others.</summary>
    NpgsqlBatch Ready()
    {
        var batch = new NpgsqlBatch(Connection) { EnableErrorBarriers = true, Timeout = LongestReset };
        foreach (var statement in _reset)
            batch.BatchCommands.Add(new(statement));
        return batch;
    }

    /// <summary>As the server reads it, whatever it makes of backslashes in plain literals.</summary>
    static string Literal(string text) => $"E'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";

    /// <returns>The process that answered.</returns>
    async Task<int> VerifyAsync(bool reset, CancellationToken stop)
    {
        var (process, wrong) = await LookAsync(reset, stop);
        if (wrong is not null && !_setsBySql)
        {
            _setsBySql = true;
            (process, wrong) = await LookAsync(reset: false, stop);
        }
        return wrong is null ? process : throw PostgresSessionException.NotInForce(wrong);
    }

    /// <returns>The process that answered, and the first setting that is not as it must be.</returns>
    async Task<(int Process, string? Wrong)> LookAsync(bool reset, CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(Connection) { EnableErrorBarriers = true, Timeout = LongestReset };
        if (reset)
            batch.BatchCommands.Add(new(Discard));
        batch.BatchCommands.Add(new(_setsBySql ? _settings.Set : _settings.Show));
        await using var reader = await batch.ExecuteReaderAsync(CommandBehavior.Default, stop);
        if (reset && reader.FieldCount == 0)
            await reader.NextResultAsync(stop);
        if (!await reader.ReadAsync(stop))
            throw PostgresSessionException.NotInForce("every setting");
        return (reader.GetInt32(0), _settings.FirstWrong(reader));
    }
}

/// <summary>What a session must be set to, as statements.</summary>
sealed class PostgresSessionSettings
{
    readonly (string Name, string Value)[] _all;

    PostgresSessionSettings(params (string Name, string Value)[] all)
    {
        _all = all;
        Show = Select(s => $"pg_catalog.current_setting('{s.Name}')");
        Set = Select(s => $"pg_catalog.set_config('{s.Name}', '{s.Value}', false)");
        Options = string.Join(' ', all.Select(s => $"-c {s.Name}={s.Value}"));
    }

    /// <summary>
    /// The text of dates, intervals, floats and binary does not depend on what a role or database was set to, nobody waits for a lock for ever, and a
    /// transaction that the Link has lost sight of does not stay open. A reader's writes nothing.
    /// </summary>
    /// <remarks>extra_float_digits is 3: servers before version 12 need as many for a float that reads back as the same.</remarks>
    public static PostgresSessionSettings Of(bool readOnly, PracticeProtection protection) => new(
    [
        .. ForValues,
        ("lock_timeout", Time(protection.LockTimeout)),
        ("idle_in_transaction_session_timeout", Time(TimeSpan.FromMinutes(1))),
        .. protection.MaxDop is { } most ? [("max_parallel_workers_per_gather", $"{most - 1}")] : Array.Empty<(string, string)>(),
        .. readOnly ? [("default_transaction_read_only", "on")] : Array.Empty<(string, string)>(),
    ]);

    /// <summary>As the server shows it: in the largest unit that gives a whole number.</summary>
    static string Time(TimeSpan? time) => time is not { TotalMilliseconds: > 0 and var ms } ? "0"
        : ms % 60_000 == 0 ? FormattableString.Invariant($"{ms / 60_000}min")
        : ms % 1000 == 0 ? FormattableString.Invariant($"{ms / 1000}s")
        : FormattableString.Invariant($"{ms}ms");

    static (string Name, string Value)[] ForValues =>
        [("DateStyle", "ISO"), ("IntervalStyle", "postgres"), ("extra_float_digits", "3"), ("bytea_output", "hex"), ("client_encoding", "UTF8")];

    /// <summary>Reads the server's process and every setting.</summary>
    public string Show { get; }

    /// <summary>Sets every setting and reads what it is then.</summary>
    public string Set { get; }

    /// <summary>For the start of a connection: a reset then returns to these.</summary>
    public string Options { get; }

    /// <summary>The first setting that is not as it must be, with what it is; null: all are.</summary>
    public string? FirstWrong(NpgsqlDataReader row)
    {
        for (var i = 0; i < _all.Length; i++)
        {
            var (name, value) = _all[i];
            if (!Is(row.GetString(i + 1), value))
                return $"{name} = {row.GetString(i + 1)}";
        }
        return null;
    }

    /// <summary>The same of what the server reports by itself: not every setting is among that.</summary>
    public string? FirstWrong(IReadOnlyDictionary<string, string> reported)
    {
        foreach (var (name, value) in _all)
        {
            if (reported.TryGetValue(name, out var actual) && !Is(actual, value))
                return $"{name} = {actual}";
        }
        return null;
    }

    /// <summary>DateStyle has a second part, the order of day and month in what is read: that is the practice's own.</summary>
    static bool Is(string actual, string wanted) =>
        actual.StartsWith(wanted, StringComparison.Ordinal) && (actual.Length == wanted.Length || actual[wanted.Length] == ',');

    string Select(Func<(string Name, string Value), string> one) =>
        $"SELECT pg_catalog.pg_backend_pid(), {string.Join(", ", _all.Select(one))}";
}

/// <summary>A connection that was made cannot be used as it is.</summary>
/// <param name="words">What is wrong.</param>
/// <param name="advice">What to do.</param>
sealed class PostgresSessionException(string words, string advice) : DbException(words)
{
    /// <summary>What to do.</summary>
    public string Advice => advice;

    public static PostgresSessionException NotInForce(string setting) => new(
        $"The connection does not keep its settings ({setting}).",
        "Connect to PostgreSQL itself, or to a pooler in session mode (PgBouncer: pool_mode = session).");

    public static PostgresSessionException TransactionPooling() => new(
        "A pooler in transaction mode stands in front of PostgreSQL: one connection is served by several of the server's sessions.",
        "Halo Link needs a session of its own: set the pooler to session mode (PgBouncer: pool_mode = session), or connect to PostgreSQL itself.");
}
