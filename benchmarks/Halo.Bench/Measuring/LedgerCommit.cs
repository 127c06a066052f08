using System.Diagnostics;
using Halo.Testing;
using Microsoft.Data.Sqlite;

namespace Halo.Bench.Measuring;

/// <summary>
/// What durability alone costs here: one row into the ledger's own table with its indexes, SQLite in WAL mode with
/// <c>synchronous=FULL</c>, committed by itself, in the directory where the API keeps its store.
/// </summary>
sealed class LedgerCommit : IDisposable
{
    readonly string _file;
    readonly SqliteConnection _connection;
    readonly SqliteCommand _insert;

    public LedgerCommit(string directory)
    {
        _file = Path.Combine(directory, "commit.db");
        _connection = new SqliteConnection($"Data Source={_file};Pooling=False");
        _connection.Open();
        Run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
        var schema = File.ReadAllText(Path.Combine(Repository.Root, "src/Halo.Api/Storage/Schema/0001_first.sql"));
        Run(schema.Replace("{uuid}", "TEXT COLLATE NOCASE").Replace("{blob}", "BLOB").Replace("{json}", "TEXT"));
        _insert = _connection.CreateCommand();
        _insert.CommandText = """
            INSERT INTO queries (id, integrator_id, site_id, mode, status, result_set, max_time_in_queue, execution_limit, command_size,
              request_size, sql_size, created_at, updated_at, deadline_at)
            VALUES ($id, $integrator, $site, 'immediate', 'executing', 1, 30000, 60000, 100, 100, 15, 1, 1, 1)
            """;
        _insert.Parameters.AddWithValue("$id", "");
        _insert.Parameters.AddWithValue("$integrator", Guid.NewGuid().ToString());
        _insert.Parameters.AddWithValue("$site", Guid.NewGuid().ToString());
        MedianMs(20);
    }

    /// <returns>Milliseconds.</returns>
    public double MedianMs(int commits = 200)
    {
        var times = new double[commits];
        for (var i = 0; i < commits; i++)
        {
            _insert.Parameters["$id"].Value = Guid.CreateVersion7().ToString();
            var start = Stopwatch.GetTimestamp();
            _insert.ExecuteNonQuery();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        return Spread.Of(times).Median;
    }

    public void Dispose()
    {
        _insert.Dispose();
        _connection.Dispose();
        foreach (var suffix in (string[])["", "-wal", "-shm"])
            File.Delete(_file + suffix);
    }

    void Run(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
