using Microsoft.Data.Sqlite;
using SQLitePCL;

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

    /// <summary>Whether it is the file's or the disk's fault, not the command's.</summary>
    public static bool IsOfTheFile(SqliteException exception) =>
        exception.SqliteErrorCode is raw.SQLITE_CANTOPEN or raw.SQLITE_NOTADB or raw.SQLITE_CORRUPT or raw.SQLITE_IOERR or raw.SQLITE_PERM;

    /// <summary>What to do about a file that cannot be opened.</summary>
    public static string AdviceOf(SqliteException exception, string file) => exception.SqliteErrorCode switch
    {
        raw.SQLITE_CANTOPEN when !File.Exists(file) => $"There is no file {file}: correct the path in the site's connectionString, or bring the file back.",
        raw.SQLITE_CANTOPEN or raw.SQLITE_PERM or raw.SQLITE_READONLY => $"Give the account that Halo Link runs as the right to {file} and its folder.",
        raw.SQLITE_NOTADB => $"{file} is no SQLite database, or is encrypted: correct the path in the site's connectionString, or restore the file.",
        raw.SQLITE_CORRUPT => $"{file} is damaged: restore it from a backup.",
        raw.SQLITE_IOERR => $"Check the disk or the share that holds {file}.",
        _ => $"Check the file {file}.",
    };
}
