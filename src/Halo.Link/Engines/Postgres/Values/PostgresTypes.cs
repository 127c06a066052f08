using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>Names of types that were created after the driver had read the database's catalogue, which it does once: looked up when they are met.</summary>
/// <remarks>Over a connection of its own, since the one that has the rows is busy with them; once for each type, as long as the engine lives.</remarks>
sealed class PostgresTypes(NpgsqlConnectionStringBuilder settings, TimeProvider time) : IDisposable
{
    /// <summary>What the driver calls a type that its copy of the catalogue lacks.</summary>
    const string UnknownToDriver = "-.-";

    const int MostNames = 10_000;
    static readonly TimeSpan LongestLookup = TimeSpan.FromSeconds(2);
    static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(10);

    readonly ConcurrentDictionary<(string Database, uint Oid), string> _names = new();
    readonly ConditionalWeakTable<NpgsqlDataReader, string> _databases = [];
    readonly SemaphoreSlim _one = new(1);
    long? _failedAt;

    /// <summary>The database's own name of a column's type.</summary>
    public string NameOf(NpgsqlDataReader reader, int ordinal)
    {
        var name = reader.GetDataTypeName(ordinal);
        return name != UnknownToDriver ? name
            : _databases.TryGetValue(reader, out var database) && _names.TryGetValue((database, reader.GetDataTypeOID(ordinal)), out var learned) ? learned
            : "unknown";
    }

    /// <summary>Looks up the columns' types that are not known yet. Where it cannot, they stay unknown, and the rows come all the same.</summary>
    public async ValueTask LearnAsync(NpgsqlConnection connection, NpgsqlDataReader reader, CancellationToken stop)
    {
        HashSet<uint>? missing = null;
        for (var i = 0; i < reader.FieldCount; i++)
        {
            if (reader.GetDataTypeName(i) == UnknownToDriver)
                (missing ??= []).Add(reader.GetDataTypeOID(i));
        }
        if (missing is null)
            return;
        var database = connection.Database;
        _databases.AddOrUpdate(reader, database);
        if (missing.All(oid => _names.ContainsKey((database, oid))))
            return;
        using var limit = new DriverCancellation(time, stop);
        limit.CancelAfter(LongestLookup);
        try
        {
            await _one.WaitAsync(limit.Token);
            try
            {
                missing.RemoveWhere(oid => _names.ContainsKey((database, oid)));
                if (missing.Count > 0 && (_failedAt is not { } failed || time.GetElapsedTime(failed) > AfterFailure))
                    await LookUpAsync(database, missing, limit.Token);
            }
            finally
            {
                _one.Release();
            }
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            _failedAt = time.GetTimestamp();
        }
    }

    public void Dispose() => _one.Dispose();

    async Task LookUpAsync(string database, IEnumerable<uint> oids, CancellationToken stop)
    {
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
            _names[(database, row.GetFieldValue<uint>(0))] = row.GetString(1);
        _failedAt = null;
    }
}
