using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
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
        var words = start >= 0 && message.EndsWith("'.", StringComparison.Ordinal) && message.Length > start + 5
            ? message.AsSpan(start + 3)[..^2]
            : message;
        // SQLite puts whole values and names into some: no more of them is copied than will be told.
        return TextBound.Cut(words.Length > ProtocolLimits.MaxErrorBytes ? words[..(ProtocolLimits.MaxErrorBytes + 1)].ToString() : words.ToString(), ProtocolLimits.MaxErrorBytes);
    }

    /// <summary>Whether it is the file's or the disk's fault, not the command's.</summary>
    public static bool IsOfTheFile(SqliteException exception) => IsOfTheFile(exception.SqliteErrorCode);

    /// <summary>The same of SQLite's code, extended or not.</summary>
    public static bool IsOfTheFile(int code) =>
        (code & 0xFF) is raw.SQLITE_CANTOPEN or raw.SQLITE_NOTADB or raw.SQLITE_CORRUPT or raw.SQLITE_IOERR or raw.SQLITE_PERM;

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

    /// <summary>The bound was reached of what one query may take.</summary>
    public static ErrorDetails OutOfMemory(long bytes) => new(ErrorTypes.HaloLink, 400,
        $"The query needed more memory than one may have here ({bytes >> 20} MiB, the Link's setting sqlite.maxMemoryBytes): ask for less at once, or for smaller values.");
}
