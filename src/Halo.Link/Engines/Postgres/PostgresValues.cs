using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Results;
using Npgsql;

namespace Halo.Link.Engines.Postgres;

/// <summary>Turns the server's text for a value into JSON, bytes to bytes. Types without a rule are the server's text itself.</summary>
static class PostgresValues
{
    delegate void TextWriter(Utf8JsonWriter json, ReadOnlySpan<byte> text);

    public static ValueWriter WriterFor(NpgsqlDataReader reader, int ordinal)
    {
        TextWriter write = PostgresColumns.TypeOf(reader.GetDataTypeOID(ordinal)) switch
        {
            SqlType.Bit => static (json, text) => json.WriteBooleanValue(text.SequenceEqual("t"u8)),
            SqlType.BigInt or SqlType.Int or SqlType.SmallInt or SqlType.Decimal or SqlType.Float or SqlType.Real => JsonText.WriteNumber,
            SqlType.VarBinary => PostgresBinary.Write,
            SqlType.DateTime2 => JsonText.WriteDateTime,
            SqlType.DateTimeOffset => PostgresInstant.Write,
            SqlType.Time => JsonText.WriteTime,
            _ => static (json, text) => json.WriteStringValue(text),
        };
        // One column's largest value is kept until the result's end; rows share it.
        var scratch = new byte[64];
        return (row, column, json) =>
        {
            if (row.IsDBNull(column))
            {
                json.WriteNullValue();
                return;
            }
            // A buffer that is filled to its end may not hold all of it.
            var length = (int)row.GetBytes(column, 0, scratch, 0, scratch.Length);
            if (length == scratch.Length)
            {
                length = (int)row.GetBytes(column, 0, null, 0, 0);
                if (length >= scratch.Length)
                    scratch = new byte[Math.Max(length + 1, scratch.Length * 2)];
                length = (int)row.GetBytes(column, 0, scratch, 0, length);
            }
            write(json, scratch.AsSpan(0, length));
        };
    }
}
