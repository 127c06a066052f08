using Microsoft.Data.Sqlite;

namespace Halo.Link.Engines.Sqlite;

/// <summary>SQLite's own words out of the driver's: <c>SQLite Error 1: 'no such table: x'.</c> becomes <c>no such table: x</c>.</summary>
static class SqliteErrors
{
    public static string OwnWords(SqliteException exception)
    {
        var message = exception.Message;
        var start = message.IndexOf(": '", StringComparison.Ordinal);
        return start >= 0 && message.EndsWith("'.", StringComparison.Ordinal) && message.Length > start + 5
            ? message[(start + 3)..^2]
            : message;
    }
}
