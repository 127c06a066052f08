using System.Buffers;
using System.Data.Common;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Npgsql;

namespace Halo.Link.Engines.Postgres.Values;

/// <summary>Turns the server's text for a value into JSON, bytes to bytes. Types without a rule are the server's text itself.</summary>
/// <remarks>Short values are read at once into a buffer of their column's own; longer text and binary goes through in pieces, whatever its length.</remarks>
static class PostgresValues
{
    /// <summary>Holds nearly every value there is; a thousand columns need 256 KiB.</summary>
    const int ShortBytes = 256;

    delegate void TextWriter(Utf8JsonWriter json, ReadOnlySpan<byte> text);

    public static ValueWriter WriterFor(NpgsqlDataReader reader, int ordinal)
    {
        var type = PostgresColumns.TypeOf(reader.GetDataTypeOID(ordinal));
        TextWriter write = type switch
        {
            SqlType.Bit => static (json, text) => json.WriteBooleanValue(text.SequenceEqual("t"u8)),
            SqlType.BigInt or SqlType.Int or SqlType.SmallInt or SqlType.Decimal or SqlType.Float or SqlType.Real => JsonText.WriteNumber,
            SqlType.VarBinary => PostgresBinary.Write,
            SqlType.DateTime2 => JsonText.WriteDateTime,
            SqlType.DateTimeOffset => PostgresInstant.Write,
            SqlType.Time => JsonText.WriteTime,
            _ => static (json, text) => json.WriteStringValue(text),
        };
        var isBounded = type is not (null or SqlType.VarBinary or SqlType.NText or SqlType.NVarChar or SqlType.NChar or SqlType.Xml);
        var scratch = new byte[ShortBytes];
        return (row, column, json) =>
        {
            if (row.IsDBNull(column))
            {
                json.WriteNullValue();
                return;
            }
            // A buffer that is filled to its end may not hold all of it.
            var length = (int)row.GetBytes(column, 0, scratch, 0, scratch.Length);
            if (length < scratch.Length)
                write(json, scratch.AsSpan(0, length));
            else
                WriteLong(row, column, json, scratch, write, isBounded, type == SqlType.VarBinary);
        };
    }

    /// <param name="isBounded">A number: at most some 150,000 digits, and needed as one.</param>
    static void WriteLong(DbDataReader row, int column, Utf8JsonWriter json, byte[] start, TextWriter write, bool isBounded, bool isBinary)
    {
        var total = (int)row.GetBytes(column, 0, null, 0, 0);
        var length = start.Length;
        var buffer = ArrayPool<byte>.Shared.Rent(isBounded ? total : Math.Min(total, JsonPieces.Bytes));
        try
        {
            start.CopyTo(buffer, 0);
            if (total <= buffer.Length)
            {
                Fill(row, column, length, buffer, length, total - length);
                write(json, buffer.AsSpan(0, total));
                return;
            }
            if (isBinary)
            {
                PostgresBinary.WriteLong(json, start, total, (offset, to) => Fill(row, column, offset, to, 0, Math.Min(to.Length, total - offset)));
                return;
            }
            for (var offset = 0; offset < total; offset += length, length = 0)
            {
                length += Fill(row, column, offset + length, buffer, length, Math.Min(buffer.Length, total - offset) - length);
                json.WriteStringValueSegment(buffer.AsSpan(0, length), isFinalSegment: offset + length == total);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads all that is asked for: at once, or as it comes.</summary>
    static int Fill(DbDataReader row, int column, int offset, byte[] buffer, int at, int length)
    {
        for (var read = 0; read < length;)
            read += (int)row.GetBytes(column, offset + read, buffer, at + read, length - read);
        return length;
    }
}
