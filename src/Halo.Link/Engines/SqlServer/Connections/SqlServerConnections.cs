using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Connections;

/// <summary>Makes the connections of one login: what its connection string must and must not say, and which pool a query's connection comes from.</summary>
sealed class SqlServerConnections : IDisposable
{
    /// <summary>
    /// A session's name is part of the login, so each needs connections of its own: so many integrators and so many tags have one, those that come first, and
    /// one kind never takes the other's places. The rest of the tags go by their integrator's, the rest of the integrators by the Link's.
    /// </summary>
    const int MostOfAKind = 8;

    /// <summary>Characters that the driver takes.</summary>
    const int LongestName = 128;

    /// <summary>In seconds, longer than a query waits. The driver makes the connections of a pool one after another: one without an end would keep all others away.</summary>
    const int LongestConnect = 30;

    static readonly TimeSpan LooksAfter = TimeSpan.FromSeconds(1);

    readonly SqlConnectionStringBuilder _settings;
    readonly SqlServerResets _resets;
    readonly bool _readIntent;
    readonly TimeProvider _time;
    readonly HashSet<string> _tags = new(StringComparer.Ordinal);
    readonly HashSet<Guid> _integrators = [];
    readonly HashSet<string> _pools = new(StringComparer.Ordinal);

    /// <param name="readIntent">Who may only read is sent to a readable replica.</param>
    public SqlServerConnections(string connectionString, bool readIntent, TimeProvider time)
    {
        (_readIntent, _time, _resets) = (readIntent, time, new(time));
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
        if (_settings.ConnectTimeout is 0 or > LongestConnect)
            _settings.ConnectTimeout = LongestConnect;
        // Seconds; the driver's ten would be the caller's.
        if (!_settings.ShouldSerialize("Connect Retry Interval"))
            _settings.ConnectRetryInterval = 1;
    }

    /// <summary>The connection string's own database; empty: the login's default.</summary>
    public string Database => _settings.InitialCatalog;

    /// <remarks>With the system's own account the server is all that tells logins apart.</remarks>
    public string LoginKey => $"{_settings.DataSource}\n{_settings.UserID}\n{_settings.Password}";

    /// <summary>One that is not open yet.</summary>
    public SqlConnection New(string? database = null, SessionName? name = null, CommandAccess access = CommandAccess.Write)
    {
        var pool = ConnectionString(database, name, access);
        lock (_pools)
            _pools.Add(pool);
        return new(pool);
    }

    /// <summary>A server that does not let in at once is looked at, and one whose port is closed not waited for.</summary>
    public async Task OpenAsync(SqlConnection connection, CancellationToken stop)
    {
        using var noMore = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var opening = _resets.OpenAsync(connection, noMore.Token);
        await opening.WaitAsync(LooksAfter, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Where there is a second server, the driver goes on to that one.
        if (!opening.IsCompleted && _settings.FailoverPartner.Length == 0
            && await SqlServerPortProbe.WhyClosedAsync(_settings.DataSource, _time, stop) is { } closed && !opening.IsCompleted)
        {
            await noMore.CancelAsync();
            _ = opening.ContinueWith(static late => late.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw closed;
        }
        await opening;
    }

    /// <remarks>Without the driver's pool a session ends with its connection.</remarks>
    public ValueTask CloseAsync(SqlConnection connection) => _settings.Pooling ? _resets.CloseAsync(connection) : connection.DisposeAsync();

    /// <summary>Closes what idles.</summary>
    public void Dispose()
    {
        _resets.Dispose();
        ClearPools();
    }

    /// <summary>Closes what idles, under whatever name; what is in use closes when it comes back.</summary>
    public void ClearPools()
    {
        string[] pools;
        lock (_pools)
            pools = [.. _pools];
        foreach (var pool in pools)
        {
            using var any = new SqlConnection(pool);
            SqlConnection.ClearPool(any);
        }
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

    /// <summary>Each is a pool of its own.</summary>
    string ConnectionString(string? database, SessionName? name, CommandAccess access)
    {
        var applicationName = NameOf(name);
        var readIntent = _readIntent && access != CommandAccess.Write;
        if (database is null && applicationName is null && !readIntent)
            return _settings.ConnectionString;
        var settings = new SqlConnectionStringBuilder(_settings.ConnectionString);
        if (database is not null)
            settings.InitialCatalog = database;
        if (applicationName is not null)
            settings.ApplicationName = applicationName;
        if (readIntent)
            settings.ApplicationIntent = ApplicationIntent.ReadOnly;
        return settings.ConnectionString;
    }

    /// <returns>Null: the Link's own.</returns>
    string? NameOf(SessionName? name)
    {
        if (name is { Tag: { Length: > 0 } tag } && HasPlace(_tags, tag))
            return tag;
        return name?.Integrator is { } integrator && integrator != Guid.Empty && HasPlace(_integrators, integrator)
            ? name.WithoutTag(_settings.ApplicationName, LongestName)
            : null;
    }

    static bool HasPlace<T>(HashSet<T> places, T wanted)
    {
        lock (places)
            return places.Contains(wanted) || places.Count < MostOfAKind && places.Add(wanted);
    }
}
