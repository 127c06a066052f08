using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Api.Storage.Sqlite;

/// <summary>The writer's prepared statements, by their text.</summary>
/// <remarks>SQLite is called itself: the driver makes a reader for each run, looks every parameter up by its name and boxes what it binds.</remarks>
sealed class SqliteStatements(SqliteConnection connection) : IDisposable
{
    // The product has some dozens of texts; a bound in case one is built from values after all.
    const int Bound = 256;
    readonly sqlite3 _database = connection.Handle ?? throw new InvalidOperationException("The connection is not open.");
    readonly Dictionary<string, SqliteStatement> _prepared = [];

    /// <returns>Rows affected.</returns>
    public int Run(Statement statement)
    {
        if (!_prepared.TryGetValue(statement.Sql, out var prepared))
        {
            if (_prepared.Count == Bound)
                Clear();
            prepared = new(_database, statement.Sql);
            _prepared.Add(statement.Sql, prepared);
        }
        return prepared.Run(statement.Parameters);
    }

    /// <summary>Whether SQLite has rolled the whole transaction back by itself, as it does when the disk is full.</summary>
    public bool IsUndone => raw.sqlite3_get_autocommit(_database) != 0;

    public void Dispose() => Clear();

    void Clear()
    {
        foreach (var statement in _prepared.Values)
            statement.Dispose();
        _prepared.Clear();
    }
}
