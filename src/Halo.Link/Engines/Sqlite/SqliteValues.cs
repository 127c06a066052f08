using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>Writes each value by its storage class, guided by the column's declared type.</summary>
/// <remarks>
/// <code>
/// stored    declared                      JSON
/// NULL      any                           null
/// INTEGER   BOOLEAN, BIT and 0 or 1       false, true
/// INTEGER   other                         number
/// REAL      any                           shortest number that reads back the same; infinity as string
/// TEXT      DECIMAL, NUMERIC              number with all digits, where JSON can hold it
/// TEXT      DATETIME, TIMESTAMP           date-time, where it is one in full
/// TEXT      TIME                          time, where it is one in full
/// TEXT      UUID, GUID, UNIQUEIDENTIFIER  lower-case, where it is one
/// TEXT      other                         string as stored, also after U+0000
/// BLOB      any                           base64
/// </code>
/// </remarks>
static class SqliteValues
{
    delegate void TextWriter(Utf8JsonWriter json, ReadOnlySpan<byte> text);

    public static ValueWriter WriterFor(SqliteDataReader reader, int ordinal)
    {
        var type = SqliteColumns.TypeOf(SqliteColumns.DeclaredType(reader, ordinal));
        var boolean = type == SqlType.Bit;
        TextWriter text = type switch
        {
            SqlType.Decimal => JsonText.WriteNumber,
            SqlType.DateTime2 => JsonText.WriteDateTime,
            SqlType.Time => JsonText.WriteTime,
            SqlType.UniqueIdentifier => JsonText.WriteGuid,
            _ => JsonPieces.WriteText,
        };
        return (row, column, json) => Write(((SqliteDataReader)row).Handle!, column, json, boolean, text);
    }

    static void Write(sqlite3_stmt row, int column, Utf8JsonWriter json, bool boolean, TextWriter text)
    {
        switch (raw.sqlite3_column_type(row, column))
        {
            case raw.SQLITE_INTEGER:
                var number = raw.sqlite3_column_int64(row, column);
                if (boolean && number is 0 or 1)
                    json.WriteBooleanValue(number == 1);
                else
                    json.WriteNumberValue(number);
                break;
            case raw.SQLITE_FLOAT:
                var real = raw.sqlite3_column_double(row, column);
                if (double.IsFinite(real))
                    json.WriteNumberValue(real);
                else
                    json.WriteStringValue(real > 0 ? "Infinity"u8 : "-Infinity"u8);
                break;
            case raw.SQLITE_TEXT:
                // Asked for as text first, a UTF-16 database converts it; read as bytes, it does not end at U+0000.
                _ = raw.sqlite3_column_text(row, column);
                text(json, BytesOf(row, column));
                break;
            case raw.SQLITE_BLOB:
                JsonPieces.WriteBase64(json, BytesOf(row, column));
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }

    /// <exception cref="SqliteException">There is no memory for the value (<c>zeroblob</c> and UTF-16 are spelt out here): SQLite then hands out an empty one.</exception>
    static ReadOnlySpan<byte> BytesOf(sqlite3_stmt row, int column)
    {
        var bytes = raw.sqlite3_column_blob(row, column);
        return bytes.IsEmpty && raw.sqlite3_errcode(raw.sqlite3_db_handle(row)) == raw.SQLITE_NOMEM
            ? throw new SqliteException("out of memory", raw.SQLITE_NOMEM)
            : bytes;
    }
}
