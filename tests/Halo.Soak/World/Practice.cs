using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Soak.World;

/// <summary>One practice's database, as the soak itself looks into it, past everything that is broken.</summary>
class Practice(string engine, string direct)
{
    public const int Rows = 20_000;

    public string Engine { get; } = engine;

    /// <summary>Its site, once the Link has brought it.</summary>
    public Guid SiteId { get; set; }

    /// <summary>A table in which twice is visible, and one to export.</summary>
    public virtual async Task PrepareAsync(int seed)
    {
        await using var connection = await OpenAsync();
        await RunAsync(connection, Engine == "sqlite"
            ? "PRAGMA journal_mode = WAL; CREATE TABLE counting (id INTEGER NOT NULL); CREATE TABLE big (id INTEGER PRIMARY KEY, payload TEXT NOT NULL)"
            : "CREATE TABLE counting (id bigint NOT NULL); CREATE TABLE big (id bigint PRIMARY KEY, payload text NOT NULL)");
        await using var transaction = await connection.BeginTransactionAsync();
        for (var i = 0; i < Rows; i += 500)
        {
            var values = Enumerable.Range(i + 1, 500).Select(id => $"({id}, '{Payload(seed, id)}')");
            await RunAsync(connection, $"INSERT INTO big (id, payload) VALUES {string.Join(',', values)}", transaction);
        }
        await transaction.CommitAsync();
    }

    /// <summary>How often each id was written.</summary>
    public virtual async Task<Dictionary<long, int>> CountsAsync()
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT id, COUNT(*) FROM counting GROUP BY id";
        await using var reader = await command.ExecuteReaderAsync();
        var counts = new Dictionary<long, int>();
        while (await reader.ReadAsync())
            counts[reader.GetInt64(0)] = (int)reader.GetInt64(1);
        return counts;
    }

    /// <summary>Rows and digest of a range of the big table.</summary>
    public virtual async Task<RowDigest> DigestAsync(int from, int to)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT id, payload FROM big WHERE id BETWEEN {from} AND {to} ORDER BY id";
        await using var reader = await command.ExecuteReaderAsync();
        using var digest = new RowDigester();
        while (await reader.ReadAsync())
            digest.Add(reader.GetInt64(0), reader.GetString(1));
        return digest.Finish();
    }

    /// <summary>Connections that are at work, or hold a transaction, though nobody asked for anything.</summary>
    public virtual async Task<long> BusyConnectionsAsync()
    {
        if (Engine == "sqlite")
            return 0;
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>SQLite has no server to freeze: somebody else holds the whole file.</summary>
    public async Task LockAsync(TimeSpan duration)
    {
        await using var connection = await OpenAsync();
        await RunAsync(connection, "BEGIN IMMEDIATE");
        await Task.Delay(duration);
        await RunAsync(connection, "ROLLBACK");
    }

    async Task<DbConnection> OpenAsync()
    {
        DbConnection connection = Engine == "sqlite"
            ? new SqliteConnection(direct + ";Pooling=False;Default Timeout=30")
            : new NpgsqlConnection(direct + ";Pooling=False");
        await connection.OpenAsync();
        return connection;
    }

    static async Task RunAsync(DbConnection connection, string sql, DbTransaction? transaction = null)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Cannot be compressed much, so that pages have weight.</summary>
    protected static string Payload(int seed, int id)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed}:{id}")));
        return Convert.ToHexString(hash) + Convert.ToBase64String(SHA256.HashData(hash)) + (id % 50 == 0 ? "Zürich \\\"\n" : "") + Convert.ToBase64String(SHA512.HashData(hash));
    }
}

/// <summary>What rows come to.</summary>
readonly record struct RowDigest(int Rows, string Sha256);

/// <summary>Digests rows in their order.</summary>
sealed class RowDigester : IDisposable
{
    readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    int _rows;

    public void Add(long id, string payload)
    {
        _hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}:{payload}\n")));
        _rows++;
    }

    public RowDigest Finish() => new(_rows, Convert.ToHexString(_hash.GetHashAndReset()));

    public void Dispose() => _hash.Dispose();
}
