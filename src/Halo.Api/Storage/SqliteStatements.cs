using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Api.Storage;

/// <summary>The writer's prepared statements, by their text.</summary>
sealed class SqliteStatements(SqliteConnection connection) : IDisposable
{
    // The product has some dozens of texts; a bound in case one is built from values after all.
    const int Bound = 256;
    readonly Dictionary<string, SqliteCommand> _prepared = [];

    public int Run(SqliteTransaction transaction, Statement statement)
    {
        if (!_prepared.TryGetValue(statement.Sql, out var command))
        {
            if (_prepared.Count == Bound)
                Clear();
            command = (SqliteCommand)connection.Command(transaction, statement.Sql, statement.Parameters);
            command.Prepare();
            _prepared.Add(statement.Sql, command);
        }
        command.Transaction = transaction;
        foreach (var (name, value) in statement.Parameters)
            command.Parameters["@" + name].Value = value ?? DBNull.Value;
        return command.ExecuteNonQuery();
    }

    /// <summary>Whether SQLite has rolled the whole transaction back by itself, as it does when the disk is full.</summary>
    public static bool IsUndone(SqliteTransaction transaction) =>
        transaction.Connection is not { Handle: { } handle } || raw.sqlite3_get_autocommit(handle) != 0;

    public void Dispose() => Clear();

    void Clear()
    {
        foreach (var command in _prepared.Values)
            command.Dispose();
        _prepared.Clear();
    }
}
