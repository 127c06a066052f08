using Halo.Contracts.Queries;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Values;

/// <summary>A column as the result's own metadata has it.</summary>
static class SqlServerColumns
{
    public static ResultColumn Describe(SqlDataReader reader, int ordinal, string name)
    {
        var databaseType = reader.GetDataTypeName(ordinal);
        var type = TypeOf(databaseType);
        var column = reader.GetColumnSchema()[ordinal];
        var isDecimal = type is SqlType.Decimal;
        var hasScale = isDecimal || type is SqlType.DateTime2 or SqlType.DateTimeOffset or SqlType.Time;
        return new(name, type, databaseType)
        {
            Nullable = column.AllowDBNull,
            Size = type is SqlType.Char or SqlType.NChar or SqlType.VarChar or SqlType.NVarChar or SqlType.Binary or SqlType.VarBinary && column.ColumnSize is > 0 and <= 8000 ? column.ColumnSize : null,
            Precision = isDecimal ? column.NumericPrecision : null,
            Scale = hasScale ? column.NumericScale : null,
        };
    }

    /// <summary>Whether its values have no bound worth the name and are read in pieces.</summary>
    public static bool IsLong(SqlDataReader reader, int ordinal, SqlType? type) => type switch
    {
        SqlType.Xml or SqlType.Text or SqlType.NText or SqlType.Image => true,
        // (max) has no size, or the largest there is, as the server tells it.
        SqlType.VarChar or SqlType.NVarChar or SqlType.VarBinary => reader.GetColumnSchema()[ordinal].ColumnSize is null or < 1 or > 8000,
        _ => false,
    };

    /// <summary>Null for a type that the contract has no name for.</summary>
    public static SqlType? TypeOf(string databaseType) => databaseType switch
    {
        "bigint" => SqlType.BigInt,
        "int" => SqlType.Int,
        "smallint" => SqlType.SmallInt,
        "tinyint" => SqlType.TinyInt,
        "bit" => SqlType.Bit,
        "decimal" or "numeric" => SqlType.Decimal,
        "money" => SqlType.Money,
        "smallmoney" => SqlType.SmallMoney,
        "float" => SqlType.Float,
        "real" => SqlType.Real,
        "char" => SqlType.Char,
        "varchar" => SqlType.VarChar,
        "text" => SqlType.Text,
        "nchar" => SqlType.NChar,
        "nvarchar" => SqlType.NVarChar,
        "ntext" => SqlType.NText,
        "xml" => SqlType.Xml,
        "binary" => SqlType.Binary,
        "varbinary" => SqlType.VarBinary,
        "image" => SqlType.Image,
        "timestamp" or "rowversion" => SqlType.Timestamp,
        "uniqueidentifier" => SqlType.UniqueIdentifier,
        "date" => SqlType.Date,
        "datetime" => SqlType.DateTime,
        "datetime2" => SqlType.DateTime2,
        "smalldatetime" => SqlType.SmallDateTime,
        "datetimeoffset" => SqlType.DateTimeOffset,
        "time" => SqlType.Time,
        "sql_variant" => SqlType.Variant,
        _ when databaseType.Contains('.', StringComparison.Ordinal) => SqlType.Udt,
        _ => null,
    };
}
