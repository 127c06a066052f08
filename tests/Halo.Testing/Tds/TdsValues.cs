using System.Buffers.Binary;
using System.Data.SqlTypes;
using System.Globalization;
using System.Text;

namespace Halo.Testing.Tds;

/// <summary>Values as their bytes, both ways ([MS-TDS] 2.2.5.5), without the length before them.</summary>
static class TdsValues
{
    static readonly DateTime Era = new(1900, 1, 1);

    /// <summary>The bytes of a value that is not null.</summary>
    public static byte[] Encode(TdsTypeInfo type, object value) => value as byte[] ?? type.Type switch
    {
        TdsType.IntN => Int(type.Size, Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        TdsType.BitN => [(bool)value ? (byte)1 : (byte)0],
        TdsType.FloatN => type.Size == 4 ? BitConverter.GetBytes(Convert.ToSingle(value, CultureInfo.InvariantCulture)) : BitConverter.GetBytes(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
        TdsType.MoneyN => Money(type.Size, (decimal)value),
        TdsType.DecimalN or TdsType.NumericN => Decimal(type, value),
        TdsType.Guid => ((Guid)value).ToByteArray(),
        TdsType.DateTimeN => DateTimeN(type.Size, (DateTime)value),
        TdsType.Date => Days((DateTime)value),
        TdsType.Time => Time(type.Scale, (TimeSpan)value),
        TdsType.DateTime2 => [.. Time(type.Scale, ((DateTime)value).TimeOfDay), .. Days((DateTime)value)],
        TdsType.DateTimeOffset => Offset(type.Scale, (DateTimeOffset)value),
        TdsType.VarChar or TdsType.Char or TdsType.Text => Encoding.Latin1.GetBytes((string)value),
        _ => Encoding.Unicode.GetBytes((string)value),
    };

    public static object Decode(TdsTypeInfo type, ReadOnlySpan<byte> bytes) => type.Type switch
    {
        TdsType.IntN => bytes.Length switch
        {
            1 => (object)bytes[0],
            2 => BinaryPrimitives.ReadInt16LittleEndian(bytes),
            4 => BinaryPrimitives.ReadInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        },
        TdsType.BitN => bytes[0] != 0,
        TdsType.FloatN => bytes.Length == 4 ? (object)BinaryPrimitives.ReadSingleLittleEndian(bytes) : BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        TdsType.MoneyN => bytes.Length == 4
            ? BinaryPrimitives.ReadInt32LittleEndian(bytes) / 10000m
            : (((long)BinaryPrimitives.ReadInt32LittleEndian(bytes) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..])) / 10000m,
        TdsType.DecimalN or TdsType.NumericN => Number(type, bytes),
        TdsType.Guid => new Guid(bytes),
        TdsType.DateTimeN => bytes.Length == 4
            ? Era.AddDays(BinaryPrimitives.ReadUInt16LittleEndian(bytes)).AddMinutes(BinaryPrimitives.ReadUInt16LittleEndian(bytes[2..]))
            : new SqlDateTime(BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..])).Value,
        TdsType.Date => Day(bytes),
        TdsType.Time => TimeOf(type.Scale, bytes),
        TdsType.DateTime2 => Day(bytes[^3..]) + TimeOf(type.Scale, bytes[..^3]),
        TdsType.DateTimeOffset => OffsetOf(type.Scale, bytes),
        TdsType.VarChar or TdsType.Char or TdsType.Text => Encoding.Latin1.GetString(bytes),
        TdsType.NVarChar or TdsType.NChar or TdsType.NText or TdsType.Xml => Encoding.Unicode.GetString(bytes),
        _ => bytes.ToArray(),
    };

    static byte[] Int(int size, long value) => BitConverter.GetBytes(value)[..size];

    static byte[] Money(int size, decimal value)
    {
        var units = (long)(value * 10000m);
        return size == 4
            ? BitConverter.GetBytes((int)units)
            : [.. BitConverter.GetBytes((int)(units >> 32)), .. BitConverter.GetBytes((uint)units)];
    }

    static byte[] Decimal(TdsTypeInfo type, object value)
    {
        var number = SqlDecimal.ConvertToPrecScale(value as SqlDecimal? ?? new SqlDecimal((decimal)value), type.Precision, type.Scale);
        var bytes = new byte[DecimalBytes(type.Precision)];
        bytes[0] = number.IsPositive ? (byte)1 : (byte)0;
        Buffer.BlockCopy(number.Data, 0, bytes, 1, bytes.Length - 1);
        return bytes;
    }

    static int DecimalBytes(byte precision) => precision switch { <= 9 => 5, <= 19 => 9, <= 28 => 13, _ => 17 };

    static SqlDecimal Number(TdsTypeInfo type, ReadOnlySpan<byte> bytes)
    {
        Span<byte> data = stackalloc byte[16];
        bytes[1..].CopyTo(data);
        return new(type.Precision, type.Scale, bytes[0] == 1, BitConverter.ToInt32(data), BitConverter.ToInt32(data[4..]), BitConverter.ToInt32(data[8..]), BitConverter.ToInt32(data[12..]));
    }

    static byte[] DateTimeN(int size, DateTime value)
    {
        if (size == 4)
            return [.. BitConverter.GetBytes((ushort)(value - Era).Days), .. BitConverter.GetBytes((ushort)value.TimeOfDay.TotalMinutes)];
        var moment = new SqlDateTime(value);
        return [.. BitConverter.GetBytes(moment.DayTicks), .. BitConverter.GetBytes(moment.TimeTicks)];
    }

    static byte[] Days(DateTime value) => BitConverter.GetBytes(value.Date.Subtract(DateTime.MinValue).Days)[..3];

    static DateTime Day(ReadOnlySpan<byte> bytes) => DateTime.MinValue.AddDays(bytes[0] | bytes[1] << 8 | bytes[2] << 16);

    static byte[] Time(byte scale, TimeSpan value) => BitConverter.GetBytes(value.Ticks / TicksOf(scale))[..(scale <= 2 ? 3 : scale <= 4 ? 4 : 5)];

    static TimeSpan TimeOf(byte scale, ReadOnlySpan<byte> bytes)
    {
        Span<byte> whole = stackalloc byte[8];
        bytes.CopyTo(whole);
        return new(BitConverter.ToInt64(whole) * TicksOf(scale));
    }

    static long TicksOf(byte scale) => (long)Math.Pow(10, 7 - scale);

    static byte[] Offset(byte scale, DateTimeOffset value) =>
        [.. Time(scale, value.UtcDateTime.TimeOfDay), .. Days(value.UtcDateTime), .. BitConverter.GetBytes((short)value.Offset.TotalMinutes)];

    static DateTimeOffset OffsetOf(byte scale, ReadOnlySpan<byte> bytes)
    {
        var utc = new DateTimeOffset(Day(bytes[^5..^2]) + TimeOf(scale, bytes[..^5]), TimeSpan.Zero);
        return utc.ToOffset(TimeSpan.FromMinutes(BinaryPrimitives.ReadInt16LittleEndian(bytes[^2..])));
    }
}
