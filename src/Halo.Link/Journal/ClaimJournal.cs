using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Journal;

/// <summary>The Link's durable notebook of what it claimed and how far it got. What <see cref="Save"/> wrote survives a power loss.</summary>
/// <remarks>One connection, one writer at a time; calls block for the disk's sync and may come from any thread.</remarks>
sealed partial class ClaimJournal : IDisposable
{
    /// <summary>Name of its file in the data directory.</summary>
    public const string FileName = "journal.db";

    /// <summary>How long a begun query is remembered after it was settled, counted in the Link's own running time.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromHours(24);

    const string Schema = """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        CREATE TABLE IF NOT EXISTS counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS claims (
          query_id BLOB NOT NULL PRIMARY KEY,
          claim_id BLOB NOT NULL,
          number INTEGER NOT NULL,
          site_id BLOB NOT NULL,
          integrator_id BLOB NOT NULL,
          phase TEXT NOT NULL,
          held INTEGER NOT NULL,
          begun INTEGER NOT NULL,
          upload_deadline INTEGER,      -- milliseconds of the Link's running time
          written INTEGER NOT NULL,     -- the same
          written_at TEXT NOT NULL,     -- the wall clock, for people alone
          report BLOB                   -- encrypted
        ) WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS keyed_runs (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          key_hash BLOB NOT NULL UNIQUE,
          query_id BLOB NOT NULL,
          executed TEXT NOT NULL,
          written INTEGER NOT NULL      -- milliseconds of the Link's running time
        );
        INSERT OR IGNORE INTO counters VALUES ('last_claim_number', 0), ('uptime', 0);
        """;

    static readonly string[] Files = ["", "-wal", "-shm"];

    readonly Lock _lock = new();
    readonly SqliteConnection _connection;
    readonly ReportVault _vault;
    readonly TimeProvider _time;
    readonly long _started;
    readonly TimeSpan _uptimeBefore;

    ClaimJournal(SqliteConnection connection, LocalKey key, TimeProvider time)
    {
        _connection = connection;
        _vault = new ReportVault(key);
        _time = time;
        _started = time.GetTimestamp();
        _uptimeBefore = TimeSpan.FromMilliseconds(ReadCounter("uptime"));
        LastClaimNumber = ReadCounter("last_claim_number");
    }

    /// <summary>Opens the journal of a data directory, or makes it.</summary>
    /// <exception cref="SettingsException">It is damaged, or cannot be opened.</exception>
    public static ClaimJournal Open(string dataDirectory, LocalKey key, TimeProvider time)
    {
        var path = Path.Combine(dataDirectory, FileName);
        // One connection for the life of the process: a pool would keep the file open after Dispose.
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        try
        {
            // SQLite would make it for all to read; what it makes beside it takes the rights of this one.
            if (!File.Exists(path))
                OwnFiles.Open(path, FileMode.CreateNew, FileAccess.Write).Dispose();
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = Schema;
            command.ExecuteNonQuery();
            command.CommandText = "PRAGMA quick_check(1)";
            if (command.ExecuteScalar() is not "ok")
                throw Damaged(path);
            var journal = new ClaimJournal(connection, key, time);
            _ = journal.ReadHeld();
            return journal;
        }
        catch (Exception e)
        {
            connection.Dispose();
            if (Explain(e, path) is { } explained)
                throw explained;
            throw;
        }
    }

    /// <summary>The highest claim number ever written; 0 for none.</summary>
    public long LastClaimNumber { get; private set; }

    /// <summary>
    /// How long the Link has run in all its runs, as the journal last wrote it. Limits and retention count this time: the wall clock
    /// of a clinic's server jumps, and a monotonic one ends with the process. Time in which the Link did not run does not count.
    /// </summary>
    public TimeSpan Uptime => _uptimeBefore + _time.GetElapsedTime(_started);

    /// <summary>Bytes of its files.</summary>
    public long Size => Files.Select(end => new FileInfo(_connection.DataSource + end)).Sum(f => f.Exists ? f.Length : 0);

    /// <summary>Transactions written since it was opened, each a sync of the disk.</summary>
    internal int Commits { get; private set; }

    /// <summary>SQLite's own word for how it syncs: 2 is FULL.</summary>
    internal long Synchronous
    {
        get
        {
            lock (_lock)
            {
                using var command = Command(null, "PRAGMA synchronous", []);
                return (long)command.ExecuteScalar()!;
            }
        }
    }

    /// <summary>Writes entries in one transaction, synced when this returns; forgets begun queries whose day is over.</summary>
    /// <exception cref="SqliteException">It could not be written: nothing may be executed on the strength of it.</exception>
    public void Save(params ReadOnlySpan<JournalEntry> entries)
    {
        lock (_lock)
        {
            using var transaction = _connection.BeginTransaction();
            var last = LastClaimNumber;
            foreach (var entry in entries)
            {
                Upsert(transaction, entry);
                last = Math.Max(last, entry.Number);
            }
            var uptime = (long)Uptime.TotalMilliseconds;
            Run(transaction, "UPDATE counters SET value = $v WHERE name = 'last_claim_number'", ("$v", last));
            Run(transaction, "UPDATE counters SET value = $v WHERE name = 'uptime'", ("$v", uptime));
            Run(transaction, "DELETE FROM claims WHERE held = 0 AND written < $v", ("$v", uptime - (long)Remembered.TotalMilliseconds));
            transaction.Commit();
            Commits++;
            LastClaimNumber = last;
        }
    }

    /// <summary>The API has settled them: remembers what was begun, removes what never was. In one transaction; what another claim has taken over stays as it is.</summary>
    public void Settle(IReadOnlyList<JournalEntry> entries)
    {
        lock (_lock)
        {
            using var transaction = _connection.BeginTransaction();
            foreach (var entry in entries)
            {
                if (!entry.Begun)
                    Run(transaction, "DELETE FROM claims WHERE query_id = $q AND claim_id = $c AND begun = 0", ("$q", Key(entry.QueryId)), ("$c", Key(entry.ClaimId)));
                else if (Read(transaction, "WHERE query_id = $q AND claim_id = $c", ("$q", Key(entry.QueryId)), ("$c", Key(entry.ClaimId))).Count > 0)
                    Upsert(transaction, entry with { Held = false });
            }
            transaction.Commit();
            Commits++;
        }
    }

    /// <summary>The entry of a query, held or remembered; null where the journal knows none.</summary>
    public JournalEntry? Find(Guid queryId) => Read(null, "WHERE query_id = $q", ("$q", Key(queryId))).SingleOrDefault();

    /// <summary>Every entry that the API has not settled yet, in the order of the claims.</summary>
    public IReadOnlyList<JournalEntry> ReadHeld() => Read(null, "WHERE held = 1 ORDER BY number");

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
            _connection.Dispose();
    }

    List<JournalEntry> Read(SqliteTransaction? transaction, string where, params (string Name, object? Value)[] parameters)
    {
        lock (_lock)
        {
            using var command = Command(transaction, $"""
                SELECT query_id, claim_id, number, site_id, integrator_id, phase, held, begun, upload_deadline, report FROM claims {where}
                """, parameters);
            using var row = command.ExecuteReader();
            var entries = new List<JournalEntry>();
            while (row.Read())
            {
                var queryId = Id(row, 0);
                entries.Add(new JournalEntry(queryId, Id(row, 1), row.GetInt64(2), Id(row, 3), Id(row, 4), Enum.Parse<ClaimPhase>(row.GetString(5)))
                {
                    Held = row.GetBoolean(6),
                    Begun = row.GetBoolean(7),
                    UploadDeadline = row.IsDBNull(8) ? null : row.GetInt64(8),
                    Report = row.IsDBNull(9) ? null : _vault.Open(queryId, (byte[])row[9]),
                });
            }
            return entries;
        }
    }

    void Upsert(SqliteTransaction transaction, JournalEntry entry) => Run(transaction, """
        INSERT OR REPLACE INTO claims
          (query_id, claim_id, number, site_id, integrator_id, phase, held, begun, upload_deadline, written, written_at, report)
        VALUES ($query, $claim, $number, $site, $integrator, $phase, $held, $begun, $deadline, $written, $at, $report)
        """,
        ("$query", Key(entry.QueryId)), ("$claim", Key(entry.ClaimId)), ("$number", entry.Number), ("$site", Key(entry.SiteId)),
        ("$integrator", Key(entry.IntegratorId)), ("$phase", entry.Phase.ToString()), ("$held", entry.Held), ("$begun", entry.Begun),
        ("$deadline", entry.UploadDeadline), ("$written", (long)Uptime.TotalMilliseconds), ("$at", _time.GetUtcNow().ToString("O")),
        ("$report", entry.Report is null ? null : _vault.Seal(entry.QueryId, entry.Report)));

    long ReadCounter(string name)
    {
        using var command = Command(null, "SELECT value FROM counters WHERE name = $name", [("$name", name)]);
        return (long)command.ExecuteScalar()!;
    }

    void Run(SqliteTransaction? transaction, string sql, params (string Name, object? Value)[] parameters)
    {
        using var command = Command(transaction, sql, parameters);
        command.ExecuteNonQuery();
    }

    SqliteCommand Command(SqliteTransaction? transaction, string sql, (string Name, object? Value)[] parameters)
    {
        var command = _connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var (name, value) in parameters)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }

    static SettingsException? Explain(Exception e, string path) => e switch
    {
        SqliteException { SqliteErrorCode: raw.SQLITE_ERROR or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB } => Damaged(path),
        // A row that reads as none of ours.
        ArgumentException or InvalidCastException or InvalidOperationException => Damaged(path),
        SqliteException or IOException or UnauthorizedAccessException => Unusable(
            $"{path} cannot be opened: look at the disk, and let the account {Environment.UserName} read and write there."),
        _ => null,
    };

    static SettingsException Damaged(string path) => Unusable(
        $"{path} is damaged: remove it, with {FileName}-wal and {FileName}-shm beside it, and start again; queries that were open become unknown.");

    static SettingsException Unusable(string message) => new([new("dataDirectory", message)]);

    static byte[] Key(Guid id) => id.ToByteArray(bigEndian: true);

    static Guid Id(SqliteDataReader row, int ordinal) => new((byte[])row[ordinal], bigEndian: true);
}
