using Microsoft.Data.Sqlite;

namespace Halo.Samples.Clinic;

/// <summary>One prepared INSERT for a whole table.</summary>
sealed class TableWriter : IDisposable
{
    readonly SqliteCommand _insert;

    public TableWriter(SqliteConnection connection, SqliteTransaction transaction, string table, int columns)
    {
        _insert = connection.CreateCommand();
        _insert.Transaction = transaction;
        _insert.CommandText = $"INSERT INTO {table} VALUES ({string.Join(", ", Enumerable.Range(1, columns).Select(i => $"@p{i}"))})";
        for (var i = 1; i <= columns; i++)
            _insert.Parameters.Add(new SqliteParameter($"@p{i}", null));
        _insert.Prepare();
    }

    /// <summary>How many rows it has written: the last one's id.</summary>
    public int Rows { get; private set; }

    /// <summary>Writes a row; its id is the next number.</summary>
    public int Add(params ReadOnlySpan<object?> values)
    {
        _insert.Parameters[0].Value = ++Rows;
        for (var i = 0; i < values.Length; i++)
            _insert.Parameters[i + 1].Value = values[i] switch
            {
                null => DBNull.Value,
                bool flag => flag ? 1 : 0,
                DateOnly date => date.ToString("yyyy-MM-dd"),
                DateTime time => time.ToString("yyyy-MM-dd HH:mm:ss"),
                Guid id => id.ToString(),
                var value => value,
            };
        _insert.ExecuteNonQuery();
        return Rows;
    }

    public void Dispose() => _insert.Dispose();
}
