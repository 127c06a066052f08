using System.Data.Common;
using System.Text.Json;
using Halo.Client;
using Halo.Client.Rows;

namespace Halo.Data;

public sealed partial class HaloDbDataReader
{
    // Who takes a value in pieces does not decode it for each.
    (int Ordinal, byte[] Bytes)? _bytes;
    (int Ordinal, string Text)? _text;

    /// <inheritdoc/>
    public override bool IsDBNull(int ordinal) => RowAt(ordinal).IsNull(ordinal);

    /// <summary>The value in the type that <see cref="GetFieldType"/> says; <see cref="DBNull.Value"/> for NULL.</summary>
    /// <exception cref="InvalidCastException">The type does not hold it whole, as a decimal of more than 28 digits or a date beyond .NET's. <see cref="GetString"/> gives it.</exception>
    public override object GetValue(int ordinal)
    {
        var row = RowAt(ordinal);
        try
        {
            return _fields[ordinal].Read(row, ordinal);
        }
        catch (HaloMappingException e)
        {
            throw Misfit(e);
        }
    }

    /// <inheritdoc/>
    public override int GetValues(object[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        _ = Current;
        var count = Math.Min(values.Length, _fields.Length);
        for (var i = 0; i < count; i++)
            values[i] = GetValue(i);
        return count;
    }

    /// <inheritdoc/>
    public override bool GetBoolean(int ordinal) => Get(ordinal, RowValues.Bool);

    /// <inheritdoc/>
    public override byte GetByte(int ordinal) => Get(ordinal, RowValues.Whole<byte>);

    /// <inheritdoc/>
    public override short GetInt16(int ordinal) => Get(ordinal, RowValues.Whole<short>);

    /// <inheritdoc/>
    public override int GetInt32(int ordinal) => Get(ordinal, RowValues.Whole<int>);

    /// <inheritdoc/>
    public override long GetInt64(int ordinal) => Get(ordinal, RowValues.Whole<long>);

    /// <inheritdoc/>
    public override float GetFloat(int ordinal) => Get(ordinal, RowValues.Real<float>);

    /// <inheritdoc/>
    public override double GetDouble(int ordinal) => Get(ordinal, RowValues.Real<double>);

    /// <inheritdoc/>
    public override decimal GetDecimal(int ordinal) => Get(ordinal, RowValues.Decimal);

    /// <inheritdoc/>
    public override DateTime GetDateTime(int ordinal) => Get(ordinal, RowValues.Moment);

    /// <inheritdoc/>
    public override Guid GetGuid(int ordinal) => Get(ordinal, RowValues.Id);

    /// <inheritdoc/>
    public override char GetChar(int ordinal) => Get(ordinal, RowValues.Character);

    /// <summary>The value as text, of any type: numbers with all their digits, dates as ISO 8601, binary in base64.</summary>
    public override string GetString(int ordinal) => Get(ordinal, RowValues.String);

    /// <inheritdoc/>
    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) => Copy<byte>(BytesAt(ordinal), dataOffset, buffer, bufferOffset, length);

    /// <inheritdoc/>
    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) => Copy<char>(TextAt(ordinal), dataOffset, buffer, bufferOffset, length);

    /// <summary>Binary as a stream.</summary>
    public override Stream GetStream(int ordinal) => new MemoryStream(BytesAt(ordinal), writable: false);

    /// <summary>Text as a reader, which is empty for NULL.</summary>
    public override TextReader GetTextReader(int ordinal) => new StringReader(IsDBNull(ordinal) ? "" : TextAt(ordinal));

    /// <summary>The value as one of: all whole numbers and BigInteger, decimal, double, float, bool, char, string, DateTime, DateTimeOffset, DateOnly, TimeOnly, TimeSpan, Guid, byte[], enums, JsonElement, object, Stream, TextReader; and their nullable forms.</summary>
    /// <exception cref="InvalidCastException">It does not hold the value whole, or it is NULL and the type has no place for that.</exception>
    public override T GetFieldValue<T>(int ordinal)
    {
        if (typeof(T) == typeof(object))
            return (T)GetValue(ordinal);
        if (typeof(T) == typeof(Stream))
            return (T)(object)GetStream(ordinal);
        if (typeof(T) == typeof(TextReader))
            return (T)(object)GetTextReader(ordinal);
        var row = RowAt(ordinal);
        if (row.IsNull(ordinal))
        {
            return typeof(T) == typeof(DBNull) ? (T)(object)DBNull.Value
                : typeof(T) == typeof(JsonElement) ? (T)(object)row.Element(ordinal)
                : Nullable.GetUnderlyingType(typeof(T)) is not null ? default!
                : throw new InvalidCastException($"Column {GetName(ordinal)} of row {row.Number}: it is NULL.");
        }
        if (!ValueGetters.Knows(typeof(T)))
            throw new InvalidCastException($"No value becomes {typeof(T)}.");
        try
        {
            return ValueGetters.Typed(typeof(T)) is Func<Row, int, T> typed ? typed(row, ordinal) : (T)ValueGetters.Boxed(typeof(T))(row, ordinal)!;
        }
        catch (HaloMappingException e)
        {
            throw Misfit(e);
        }
    }

    Row Current => Open._isOnRow ? _source.Row : throw new InvalidOperationException("There is no current row: call Read first, and go on only where it says true.");

    Row RowAt(int ordinal)
    {
        var row = Current;
        _ = FieldAt(ordinal);
        return row;
    }

    T Get<T>(int ordinal, Func<Row, int, T> read)
    {
        var row = RowAt(ordinal);
        try
        {
            return read(row, ordinal);
        }
        catch (HaloMappingException e)
        {
            throw Misfit(e);
        }
    }

    byte[] BytesAt(int ordinal) => _bytes is { } known && known.Ordinal == ordinal ? known.Bytes : (_bytes = (ordinal, Get(ordinal, RowValues.Binary))).Value.Bytes;

    string TextAt(int ordinal) => _text is { } known && known.Ordinal == ordinal ? known.Text : (_text = (ordinal, Get(ordinal, RowValues.String))).Value.Text;

    void Forget() => (_bytes, _text) = (null, null);

    /// <returns>How many were copied; without a buffer how many there are.</returns>
    static long Copy<T>(ReadOnlySpan<T> all, long from, T[]? buffer, int bufferOffset, int length)
    {
        if (buffer is null)
            return all.Length;
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfNegative(bufferOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (bufferOffset > buffer.Length || length > buffer.Length - bufferOffset)
            throw new ArgumentOutOfRangeException(nameof(length), length, "The buffer has no room for so many.");
        if (from >= all.Length)
            return 0;
        var taken = all[(int)from..];
        taken = taken[..Math.Min(length, taken.Length)];
        taken.CopyTo(buffer.AsSpan(bufferOffset));
        return taken.Length;
    }

    static InvalidCastException Misfit(HaloMappingException reason) => new(reason.Message, reason);
}
