using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>
/// Names of types that users made. The driver reads them once for each database and keeps them; those created since, and new names of those it knows, are
/// looked up here.
/// </summary>
/// <remarks>
/// Over a connection of its own, since the one that has the rows is busy with them. A type without a name is waited for; a name that was looked up some time
/// ago, or that the driver gave, is told as it is, while it is looked up behind the query's back.
/// </remarks>
sealed class PostgresTypes(NpgsqlConnectionStringBuilder settings, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How long a type's old name may be told.</summary>
    public static readonly TimeSpan RefreshedAfter = TimeSpan.FromMinutes(1);

    /// <summary>What the driver calls a type that its copy of the catalogue lacks.</summary>
    const string UnknownToDriver = "-.-";

    /// <summary>The server's own types have numbers below it, and keep their names.</summary>
    const uint FirstOfUsers = 16384;

    const int MostNames = 10_000;
    static readonly TimeSpan LongestLookup = TimeSpan.FromSeconds(2);
    static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(10);

    readonly ConcurrentDictionary<(string Database, uint Oid), (string Name, long At)> _names = new();
    readonly ConditionalWeakTable<NpgsqlDataReader, string> _databases = [];
    readonly SemaphoreSlim _one = new(1);
    readonly CancellationTokenSource _closing = new();
    Task _refresh = Task.CompletedTask;
    long? _failedAt;
    bool _disposed;

    /// <summary>The database's own name of a column's type.</summary>
    public string NameOf(NpgsqlDataReader reader, int ordinal)
    {
        var oid = reader.GetDataTypeOID(ordinal);
        var name = reader.GetDataTypeName(ordinal);
        // Only what has a schema is of users; an array of a domain the driver calls by the type below it.
        if (oid < FirstOfUsers || name != UnknownToDriver && !name.Contains('.', StringComparison.Ordinal))
            return name;
        if (_databases.TryGetValue(reader, out var database) && _names.TryGetValue((database, oid), out var learned))
            return learned.Name;
        return name == UnknownToDriver ? "unknown" : name;
    }

    /// <summary>Looks up the columns' types that are not known yet. Where it cannot, they stay unknown, and the rows come all the same.</summary>
    public async ValueTask LearnAsync(NpgsqlConnection connection, NpgsqlDataReader reader, CancellationToken stop)
    {
        HashSet<uint>? users = null;
        for (var i = 0; i < reader.FieldCount; i++)
        {
            if (reader.GetDataTypeOID(i) is >= FirstOfUsers and var oid)
                (users ??= []).Add(oid);
        }
        if (users is null)
            return;
        var database = connection.Database;
        _databases.AddOrUpdate(reader, database);
        if (IsUnnamed(reader, database))
            await LookUpOnceAsync(database, users, stop);
        else if (users.Any(oid => !IsFresh(database, oid)) && _one.Wait(0, CancellationToken.None))
            _refresh = RefreshAsync(database, users);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;
        await _closing.CancelAsync();
        await _refresh;
        _closing.Dispose();
    }

    bool IsUnnamed(NpgsqlDataReader reader, string database)
    {
        for (var i = 0; i < reader.FieldCount; i++)
        {
            if (reader.GetDataTypeName(i) == UnknownToDriver && !_names.ContainsKey((database, reader.GetDataTypeOID(i))))
                return true;
        }
        return false;
    }

    bool IsFresh(string database, uint oid) => _names.TryGetValue((database, oid), out var name) && time.GetElapsedTime(name.At) < RefreshedAfter;

    async Task LookUpOnceAsync(string database, HashSet<uint> oids, CancellationToken stop)
    {
        using var limit = new DriverCancellation(time, stop);
        limit.CancelAfter(LongestLookup);
        try
        {
            await _one.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _failedAt = time.GetTimestamp();
            return;
        }
        try
        {
            await TryLookUpAsync(database, oids, limit.Token);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Holds the turn that it was given.</summary>
    async Task RefreshAsync(string database, HashSet<uint> oids)
    {
        // The query does not wait, not even for what comes before the first await.
        await Task.Yield();
        using var limit = new DriverCancellation(time, _closing.Token);
        limit.CancelAfter(LongestLookup);
        try
        {
            await TryLookUpAsync(database, oids, limit.Token);
        }
        finally
        {
            _one.Release();
        }
    }

    async Task TryLookUpAsync(string database, HashSet<uint> oids, CancellationToken stop)
    {
        if (oids.All(oid => IsFresh(database, oid)) || _failedAt is { } failed && time.GetElapsedTime(failed) <= AfterFailure)
            return;
        try
        {
            await LookUpAsync(database, oids, stop);
            _failedAt = null;
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            _failedAt = time.GetTimestamp();
        }
    }

    async Task LookUpAsync(string database, IEnumerable<uint> oids, CancellationToken stop)
    {
        // What it finds may have been so no later than now.
        var at = time.GetTimestamp();
        var options = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Database = database, Pooling = false };
        await using var connection = new NpgsqlConnection(options.ConnectionString);
        await connection.OpenAsync(stop);
        // As the driver names them once it has read them: with the schema, arrays by their element.
        await using var command = new NpgsqlCommand($"""
            SELECT t.oid, CASE WHEN t.typcategory = 'A' AND e.oid IS NOT NULL THEN en.nspname || '.' || e.typname || '[]' ELSE n.nspname || '.' || t.typname END
            FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
            LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
            WHERE t.oid IN ({string.Join(',', oids.Select(o => o.ToString(CultureInfo.InvariantCulture)))})
            """, connection);
        await using var row = await command.ExecuteReaderAsync(stop);
        if (_names.Count > MostNames)
            _names.Clear();
        while (await row.ReadAsync(stop))
            _names[(database, row.GetFieldValue<uint>(0))] = (row.GetString(1), at);
    }
}
