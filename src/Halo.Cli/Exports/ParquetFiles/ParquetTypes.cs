using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Halo.Client.Rows;
using Halo.Contracts.Queries;
using Parquet.Data;
using Parquet.Schema;

namespace Halo.Cli.Exports.ParquetFiles;

/// <summary>Which type of Parquet a column has, by its declared type (docs/command-line.md).</summary>
static class ParquetTypes
{
    /// <summary>Digits of Parquet's decimals, and of those among them that .NET's decimal always holds.</summary>
    const int MostDigits = 38, PlainDigits = 28;

    const int TicksPerMicrosecond = 10;

    public static ParquetColumn Of(ResultColumn column, bool asText)
    {
        var (name, declared) = (column.Name, column.DatabaseType);
        return asText ? new ParquetTexts(name, declared) : column.Type switch
        {
            SqlType.Bit => Values<bool>("true or false", (row, i) => RowValues.Bool(row, i)),
            SqlType.TinyInt or SqlType.SmallInt or SqlType.Int => Values<int>("a whole number of 32 bits", (row, i) => RowValues.Whole<int>(row, i)),
            SqlType.BigInt => Values<long>("a whole number of 64 bits", (row, i) => RowValues.Whole<long>(row, i)),
            SqlType.Real => Values<float>("a number of 32 bits", (row, i) => RowValues.Real<float>(row, i)),
            SqlType.Float => Values<double>("a number of 64 bits", (row, i) => RowValues.Real<double>(row, i)),
            SqlType.Money => Decimal(19, 4),
            SqlType.SmallMoney => Decimal(10, 4),
            // Without a declared size any number of digits may come.
            SqlType.Decimal when column.Precision is >= 1 and <= MostDigits && (column.Scale ?? 0) >= 0 && (column.Scale ?? 0) <= column.Precision => Decimal(column.Precision.Value, column.Scale ?? 0),
            SqlType.Date => Values<DateOnly>("a date from 0001-01-01 to 9999-12-31", (row, i) => RowValues.Date(row, i)),
            SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => new ParquetValues<DateTime>(
                new DateTimeDataField(name, DateTimeFormat.Timestamp, isAdjustedToUTC: false, DateTimeTimeUnit.Micros, isNullable: true), declared,
                "a date and time without offset in whole microseconds", (row, i) => Moment(row, i, DateTimeKind.Unspecified)),
            // Others have an offset of their own, which a moment in UTC would lose.
            SqlType.DateTimeOffset when declared is "timestamp with time zone" or "timestamptz" => new ParquetValues<DateTime>(
                new DateTimeDataField(name, DateTimeFormat.Timestamp, isAdjustedToUTC: true, DateTimeTimeUnit.Micros, isNullable: true), declared,
                "a moment in UTC in whole microseconds", (row, i) => Moment(row, i, DateTimeKind.Utc)),
            SqlType.Time => new ParquetValues<long>(new TimeDataField(name, TimeUnitPrecision.Micros, isNullable: true), declared, "a time of day before 24:00 in whole microseconds", Clock),
            SqlType.UniqueIdentifier => Values<Guid>("a GUID", (row, i) => RowValues.Id(row, i)),
            SqlType.Binary or SqlType.VarBinary or SqlType.Image or SqlType.Timestamp or SqlType.Udt => new ParquetBinary(name, declared),
            _ => new ParquetTexts(name, declared),
        };

        ParquetColumn Values<T>(string holds, Func<Row, int, T?> read) where T : struct => new ParquetValues<T>(new DataField<T>(name, nullable: true), declared, holds, read);

        ParquetColumn Decimal(int precision, int scale)
        {
            var holds = string.Create(CultureInfo.InvariantCulture, $"a number of {precision} digits, {scale} of them after the point");
            // Parquet.Net writes decimals of up to 18 digits wrongly where they come as BigDecimal.
            return precision <= PlainDigits
                ? new ParquetValues<decimal>(new DecimalDataField(name, precision, scale, isNullable: true), declared, holds,
                    (row, i) => Unscaled(row, i, precision, scale) is { } digits ? Scaled(digits, scale) : null)
                : new ParquetValues<BigDecimal>(new DecimalDataField(name, precision, scale, isNullable: true, clrType: typeof(BigDecimal)), declared, holds,
                    (row, i) => Unscaled(row, i, precision, scale) is { } digits ? new BigDecimal(digits, precision, scale) : null);
        }
    }

    static DateTime? Moment(Row row, int column, DateTimeKind kind)
    {
        var moment = RowValues.Moment(row, column);
        return moment.Kind == kind && moment.Ticks % TicksPerMicrosecond == 0 ? moment : null;
    }

    static long? Clock(Row row, int column)
    {
        var clock = RowValues.Clock(row, column);
        return clock.Ticks % TicksPerMicrosecond == 0 ? clock.Ticks / TicksPerMicrosecond : null;
    }

    static decimal Scaled(BigInteger digits, int scale)
    {
        var whole = (decimal)BigInteger.Abs(digits);
        var bits = decimal.GetBits(whole);
        return new decimal(bits[0], bits[1], bits[2], digits.Sign < 0, (byte)scale);
    }

    /// <summary>A number as its digits without the point, with exactly so many behind it; null where any would be lost.</summary>
    static BigInteger? Unscaled(Row row, int column, int precision, int scale)
    {
        if (row.KindOf(column) is not (JsonTokenType.Number or JsonTokenType.String))
            return null;
        var text = Encoding.UTF8.GetString(row.Raw(column));
        var e = text.AsSpan().IndexOfAny('e', 'E');
        var exponent = 0;
        if (e >= 0 && !int.TryParse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            return null;
        var mantissa = e < 0 ? text : text[..e];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            exponent -= mantissa.Length - point - 1;
            mantissa = mantissa.Remove(point, 1);
        }
        if (!BigInteger.TryParse(mantissa, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var digits))
            return null;
        if (digits.IsZero)
            return digits;
        // A double's exponent, at most: powers beyond the digits that fit are not worked out.
        for (; exponent > -scale; exponent--)
        {
            digits *= 10;
            if (IsTooLong(digits, precision))
                return null;
        }
        for (; exponent < -scale; exponent++)
        {
            digits = BigInteger.DivRem(digits, 10, out var lost);
            if (!lost.IsZero)
                return null;
        }
        return IsTooLong(digits, precision) ? null : digits;
    }

    static bool IsTooLong(BigInteger digits, int precision) => BigInteger.Abs(digits) >= BigInteger.Pow(10, precision);
}
