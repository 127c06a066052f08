using Halo.Contracts.Queries;

namespace Halo.Link.Journal;

// What has run under which Idempotency-Key: the API's own record of it can be lost with the API's disk.
sealed partial class ClaimJournal
{
    /// <summary>The oldest go beyond so many: about 100 MB, and twelve keyed commands in each second of a day.</summary>
    const int MostKeys = 1_000_000;

    const int Step = 100;

    /// <summary>Takes a key for a query that is about to run: synced when this returns. Forgets some keys whose day is over.</summary>
    /// <returns>What is known of another query that was begun under it; null: the key is this query's, and it may run.</returns>
    /// <exception cref="Microsoft.Data.Sqlite.SqliteException">It could not be written: the command may not run.</exception>
    public Executed? TakeKey(byte[] keyHash, Guid queryId)
    {
        lock (_lock)
        {
            using var transaction = _connection.BeginTransaction();
            var uptime = (long)Uptime.TotalMilliseconds;
            var oldest = uptime - (long)Remembered.TotalMilliseconds;
            using (var find = Command(transaction, "SELECT query_id, executed FROM keyed_runs WHERE key_hash = $key AND written >= $oldest", [("$key", keyHash), ("$oldest", oldest)]))
            using (var row = find.ExecuteReader())
            {
                if (row.Read() && Id(row, 0) != queryId)
                    return Enum.Parse<Executed>(row.GetString(1));
            }
            Run(transaction, "INSERT OR REPLACE INTO keyed_runs (key_hash, query_id, executed, written) VALUES ($key, $query, $executed, $written)",
                ("$key", keyHash), ("$query", Key(queryId)), ("$executed", nameof(Executed.Unknown)), ("$written", uptime));
            Run(transaction,
                """
                DELETE FROM keyed_runs WHERE number IN (
                  SELECT number FROM (SELECT number, written FROM keyed_runs ORDER BY number LIMIT $step)
                  WHERE written < $oldest OR number <= last_insert_rowid() - $most)
                """,
                ("$step", Step), ("$oldest", oldest), ("$most", MostKeys));
            Run(transaction, "UPDATE counters SET value = $v WHERE name = 'uptime'", ("$v", uptime));
            transaction.Commit();
            return null;
        }
    }

    /// <summary>How the query that has a key ended. What the database did not do leaves the key free: its repeat may run.</summary>
    public void SettleKey(byte[] keyHash, Guid queryId, Executed executed)
    {
        lock (_lock)
        {
            if (executed == Executed.No)
                Run(null, "DELETE FROM keyed_runs WHERE key_hash = $key AND query_id = $query", ("$key", keyHash), ("$query", Key(queryId)));
            else if (executed == Executed.Yes)
                Run(null, "UPDATE keyed_runs SET executed = $executed WHERE key_hash = $key AND query_id = $query",
                    ("$executed", nameof(Executed.Yes)), ("$key", keyHash), ("$query", Key(queryId)));
        }
    }
}
