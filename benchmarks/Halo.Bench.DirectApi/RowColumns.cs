using System.Text.Json;
using Npgsql;

namespace Halo.Bench.DirectApi;

/// <summary>The columns of one result, their writers chosen once.</summary>
sealed class RowColumns
{
    readonly JsonEncodedText[] _names;
    readonly Action<NpgsqlDataReader, int, Utf8JsonWriter>[] _writers;

    public RowColumns(NpgsqlDataReader reader)
    {
        _names = [.. Enumerable.Range(0, reader.FieldCount).Select(i => JsonEncodedText.Encode(reader.GetName(i)))];
        _writers = [.. Enumerable.Range(0, reader.FieldCount).Select(i => WriterFor(reader.GetFieldType(i)))];
    }

    public void WriteRow(NpgsqlDataReader reader, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        for (var i = 0; i < _names.Length; i++)
        {
            json.WritePropertyName(_names[i]);
            if (reader.IsDBNull(i))
                json.WriteNullValue();
            else
                _writers[i](reader, i, json);
        }
        json.WriteEndObject();
    }

    static Action<NpgsqlDataReader, int, Utf8JsonWriter> WriterFor(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Int16 => static (r, i, j) => j.WriteNumberValue(r.GetInt16(i)),
        TypeCode.Int32 => static (r, i, j) => j.WriteNumberValue(r.GetInt32(i)),
        TypeCode.Int64 => static (r, i, j) => j.WriteNumberValue(r.GetInt64(i)),
        TypeCode.Decimal => static (r, i, j) => j.WriteNumberValue(r.GetDecimal(i)),
        TypeCode.Double => static (r, i, j) => j.WriteNumberValue(r.GetDouble(i)),
        TypeCode.Boolean => static (r, i, j) => j.WriteBooleanValue(r.GetBoolean(i)),
        TypeCode.DateTime => static (r, i, j) => j.WriteStringValue(r.GetDateTime(i)),
        _ when type == typeof(DateOnly) => WriteDate,
        _ when type == typeof(Guid) => static (r, i, j) => j.WriteStringValue(r.GetGuid(i)),
        _ => static (r, i, j) => j.WriteStringValue(r.GetString(i)),
    };

    static void WriteDate(NpgsqlDataReader reader, int ordinal, Utf8JsonWriter json)
    {
        Span<char> text = stackalloc char[10];
        reader.GetFieldValue<DateOnly>(ordinal).TryFormat(text, out var length, "O");
        json.WriteStringValue(text[..length]);
    }
}
