using System.Globalization;
using Halo.Contracts.Queries;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Halo.Link.Engines.Sqlite;

/// <summary>What a declared type promises of a column. SQLite keeps none of it: each value says its storage class itself.</summary>
static class SqliteColumns
{
    public static ResultColumn Describe(SqliteDataReader reader, int ordinal, string name) => Describe(reader.Handle!, ordinal, name);

    /// <summary>The same of a statement that is only compiled.</summary>
    public static ResultColumn Describe(sqlite3_stmt statement, int ordinal, string name) => Of(name, DeclaredType(statement, ordinal));

    /// <summary>A column by its declaration.</summary>
    public static ResultColumn Of(string name, string declared)
    {
        var (size, scale) = Facets(declared);
        var type = TypeOf(declared);
        return new(name, type, declared)
        {
            Size = type is SqlType.Decimal ? null : size,
            Precision = type is SqlType.Decimal ? size : null,
            Scale = type is SqlType.Decimal ? scale : null,
        };
    }

    /// <summary>As it stands in CREATE TABLE, without white space around; empty for an expression.</summary>
    public static string DeclaredType(SqliteDataReader reader, int ordinal) => DeclaredType(reader.Handle!, ordinal);

    static string DeclaredType(sqlite3_stmt statement, int ordinal) => raw.sqlite3_column_decltype(statement, ordinal).utf8_to_string()?.Trim() ?? "";

    /// <summary>The nearest type of the contract; null where the declaration says nothing.</summary>
    public static SqlType? TypeOf(string declared)
    {
        var parenthesis = declared.IndexOf('(', StringComparison.Ordinal);
        return (parenthesis < 0 ? declared : declared[..parenthesis]).TrimEnd().ToUpperInvariant() switch
        {
            "INTEGER" or "BIGINT" or "INT8" or "UNSIGNED BIG INT" => SqlType.BigInt,
            "INT" or "INT4" or "MEDIUMINT" => SqlType.Int,
            "SMALLINT" or "INT2" => SqlType.SmallInt,
            "TINYINT" => SqlType.TinyInt,
            "BOOLEAN" or "BOOL" or "BIT" => SqlType.Bit,
            "DECIMAL" or "NUMERIC" or "NUMBER" or "MONEY" => SqlType.Decimal,
            "REAL" or "DOUBLE" or "DOUBLE PRECISION" or "FLOAT" => SqlType.Float,
            "DATE" => SqlType.Date,
            "DATETIME" or "DATETIME2" or "TIMESTAMP" or "SMALLDATETIME" => SqlType.DateTime2,
            "DATETIMEOFFSET" or "TIMESTAMPTZ" or "TIMESTAMP WITH TIME ZONE" => SqlType.DateTimeOffset,
            "TIME" => SqlType.Time,
            "UUID" or "GUID" or "UNIQUEIDENTIFIER" => SqlType.UniqueIdentifier,
            "BLOB" or "BINARY" or "VARBINARY" or "IMAGE" or "BYTEA" => SqlType.VarBinary,
            "TEXT" or "NTEXT" or "CLOB" or "STRING" => SqlType.NVarChar,
            "CHAR" or "NCHAR" or "CHARACTER" or "NATIVE CHARACTER" => SqlType.NChar,
            "VARCHAR" or "NVARCHAR" or "CHARACTER VARYING" or "VARYING CHARACTER" => SqlType.NVarChar,
            _ => null,
        };
    }

    static (int? Size, int? Scale) Facets(string declared)
    {
        var start = declared.IndexOf('(', StringComparison.Ordinal);
        var end = declared.IndexOf(')', StringComparison.Ordinal);
        if (start < 0 || end < start)
            return default;
        var parts = declared[(start + 1)..end].Split(',', StringSplitOptions.TrimEntries);
        return (Number(parts[0]), parts.Length > 1 ? Number(parts[1]) : null);
    }

    static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
