using System.Data.SqlTypes;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Microsoft.Data.SqlClient;

namespace Halo.Link.Engines.SqlServer.Values;

/// <summary>Writes values by their column's type. Each column is touched once and in order, as sequential access demands.</summary>
/// <remarks>User-defined types (geography, geometry, hierarchyid) come as their bytes in base64: their text can be made by the server alone (<c>.ToString()</c>).</remarks>
static class SqlServerValues
{
    public static ValueWriter WriterFor(SqlDataReader reader, int ordinal)
    {
        var type = SqlServerColumns.TypeOf(reader.GetDataTypeName(ordinal));
        var isLong = SqlServerColumns.IsLong(reader, ordinal, type);
        ValueWriter write = type switch
        {
            SqlType.BigInt => static (row, i, json) => json.WriteNumberValue(row.GetInt64(i)),
            SqlType.Int => static (row, i, json) => json.WriteNumberValue(row.GetInt32(i)),
            SqlType.SmallInt => static (row, i, json) => json.WriteNumberValue(row.GetInt16(i)),
            SqlType.TinyInt => static (row, i, json) => json.WriteNumberValue(row.GetByte(i)),
            SqlType.Bit => static (row, i, json) => json.WriteBooleanValue(row.GetBoolean(i)),
            SqlType.Money or SqlType.SmallMoney => static (row, i, json) => json.WriteNumberValue(row.GetDecimal(i)),
            // Up to 28 digits .NET's decimal holds every one of them.
            SqlType.Decimal when reader.GetColumnSchema()[ordinal].NumericPrecision <= 28 => static (row, i, json) => json.WriteNumberValue(row.GetDecimal(i)),
            SqlType.Decimal => static (row, i, json) => WriteDecimal(json, ((SqlDataReader)row).GetSqlDecimal(i)),
            SqlType.Float => static (row, i, json) => json.WriteNumberValue(row.GetDouble(i)),
            SqlType.Real => static (row, i, json) => json.WriteNumberValue(row.GetFloat(i)),
            SqlType.UniqueIdentifier => static (row, i, json) => json.WriteStringValue(row.GetGuid(i)),
            SqlType.Date => static (row, i, json) => WriteMoment(json, row.GetDateTime(i), "yyyy-MM-dd"),
            SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => static (row, i, json) => WriteMoment(json, row.GetDateTime(i), Moment),
            SqlType.DateTimeOffset => static (row, i, json) => WriteMoment(json, ((SqlDataReader)row).GetDateTimeOffset(i), Moment + "zzz"),
            SqlType.Time => static (row, i, json) => WriteTime(json, ((SqlDataReader)row).GetTimeSpan(i)),
            // A date in it comes as datetime2: the driver tells them apart by GetFieldValue<DateOnly> alone, and sequential access reads a value once.
            SqlType.Variant => static (row, i, json) => WriteAny(json, ((SqlDataReader)row).GetSqlValue(i)),
            SqlType.VarBinary or SqlType.Image when isLong => LongValues.WriteBinary,
            SqlType.Timestamp => static (row, i, json) => WriteRowVersion(json, ((SqlDataReader)row).GetSqlBytes(i)),
            SqlType.Binary or SqlType.VarBinary or SqlType.Image or SqlType.Udt =>
                static (row, i, json) => json.WriteBase64StringValue(((SqlDataReader)row).GetSqlBytes(i).Value),
            SqlType.Xml => LongValues.WriteXml,
            _ when isLong => LongValues.WriteText,
            _ => static (row, i, json) => json.WriteStringValue(row.GetString(i)),
        };
        if (isLong)
            write = LongValues.Unwrapped(write);
        return (row, i, json) =>
        {
            if (row.IsDBNull(i))
                json.WriteNullValue();
            else
                write(row, i, json);
        };
    }

    const string Moment = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF";

    /// <summary>What a sql_variant or an output parameter holds, by the type it comes as.</summary>
    public static void WriteAny(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null or DBNull or INullable { IsNull: true }:
                json.WriteNullValue();
                break;
            case SqlDecimal number:
                WriteDecimal(json, number);
                break;
            case SqlMoney money:
                json.WriteNumberValue(money.Value);
                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case SqlInt64 or SqlInt32 or SqlInt16 or SqlByte or long or int or short or byte:
                json.WriteRawValue(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{value}")), skipInputValidation: true);
                break;
            case SqlBoolean bit:
                json.WriteBooleanValue(bit.Value);
                break;
            case bool bit:
                json.WriteBooleanValue(bit);
                break;
            case SqlDouble number:
                json.WriteNumberValue(number.Value);
                break;
            case double number:
                json.WriteNumberValue(number);
                break;
            case SqlSingle number:
                json.WriteNumberValue(number.Value);
                break;
            case float number:
                json.WriteNumberValue(number);
                break;
            case SqlGuid id:
                json.WriteStringValue(id.Value);
                break;
            case Guid id:
                json.WriteStringValue(id);
                break;
            case SqlBinary bytes:
                json.WriteBase64StringValue(bytes.Value);
                break;
            case SqlBytes bytes:
                json.WriteBase64StringValue(bytes.Value);
                break;
            case byte[] bytes:
                json.WriteBase64StringValue(bytes);
                break;
            case SqlDateTime moment:
                WriteMoment(json, moment.Value, Moment);
                break;
            case DateTime moment:
                WriteMoment(json, moment, Moment);
                break;
            case DateTimeOffset moment:
                WriteMoment(json, moment, Moment + "zzz");
                break;
            case TimeSpan time:
                WriteTime(json, time);
                break;
            case SqlXml xml:
                json.WriteStringValue(xml.Value);
                break;
            default:
                json.WriteStringValue(value.ToString());
                break;
        }
    }

    /// <summary>Always eight bytes: where an outer join makes it NULL, the driver can tell it as none.</summary>
    static void WriteRowVersion(Utf8JsonWriter json, SqlBytes bytes)
    {
        if (bytes.IsNull || bytes.Length == 0)
            json.WriteNullValue();
        else
            json.WriteBase64StringValue(bytes.Value);
    }

    static void WriteDecimal(Utf8JsonWriter json, SqlDecimal number) =>
        json.WriteRawValue(number.ToString(), skipInputValidation: true);

    static void WriteMoment<T>(Utf8JsonWriter json, T moment, string format) where T : IUtf8SpanFormattable
    {
        Span<byte> text = stackalloc byte[40];
        moment.TryFormat(text, out var length, format, CultureInfo.InvariantCulture);
        json.WriteStringValue(text[..length]);
    }

    static void WriteTime(Utf8JsonWriter json, TimeSpan time)
    {
        Span<byte> text = stackalloc byte[16];
        ((IUtf8SpanFormattable)time).TryFormat(text, out var length, time.Ticks % TimeSpan.TicksPerSecond == 0 ? "hh':'mm':'ss" : "hh':'mm':'ss'.'fffffff", CultureInfo.InvariantCulture);
        json.WriteStringValue(text[..length]);
    }
}
