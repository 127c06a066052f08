using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Halo.Client.Rows;

/// <summary>One value of a row as a .NET type: whole, or an exception that says why not. Its text never shows the value, which may be a patient's.</summary>
static class RowValues
{
    public static string String(Row row, int column) => row.Text(column) ?? throw row.Unreadable(column, "it is NULL.");

    public static T Whole<T>(Row row, int column) where T : struct, IBinaryInteger<T>
    {
        if (row.KindOf(column) is JsonTokenType.Number or JsonTokenType.String
            && T.TryParse(row.Raw(column), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            return value;
        throw Misfit(row, column, $"a whole number that {typeof(T).Name} holds");
    }

    public static bool Bool(Row row, int column) => row.KindOf(column) switch
    {
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Number when row.Raw(column) is [(byte)'1'] => true,
        JsonTokenType.Number when row.Raw(column) is [(byte)'0'] => false,
        _ => throw Misfit(row, column, "true, false, 1 or 0"),
    };

    public static decimal Decimal(Row row, int column)
    {
        if (row.KindOf(column) is not (JsonTokenType.Number or JsonTokenType.String)
            || !double.TryParse(row.Raw(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var about) || !double.IsFinite(about))
            throw Misfit(row, column, "a number that Decimal holds");
        return ExactDecimal.TryParse(row.Raw(column), out var value)
            ? value
            : throw row.Unreadable(column, "the number has more digits than Decimal holds. Read it as a string, a double or a JsonElement.");
    }

    public static T Real<T>(Row row, int column) where T : struct, IFloatingPointIeee754<T>
    {
        if (row.KindOf(column) is JsonTokenType.Number or JsonTokenType.String)
        {
            var text = row.Raw(column);
            if (T.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && !T.IsInfinity(value) && !T.IsNaN(value))
                return value;
            if (text.SequenceEqual("NaN"u8))
                return T.NaN;
            if (text.SequenceEqual("Infinity"u8))
                return T.PositiveInfinity;
            if (text.SequenceEqual("-Infinity"u8))
                return T.NegativeInfinity;
        }
        throw Misfit(row, column, $"a number that {typeof(T).Name} holds");
    }

    public static BigInteger Big(Row row, int column) =>
        row.KindOf(column) is JsonTokenType.Number or JsonTokenType.String
        && BigInteger.TryParse(Encoding.UTF8.GetString(row.Raw(column)), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Misfit(row, column, "a whole number");

    public static DateTime Moment(Row row, int column)
    {
        if (!IsText(row, column) || !IsoTime.TryMoment(row.Raw(column), out var local, out var offset))
            throw Misfit(row, column, "a date and time that DateTime holds");
        if (offset is not { } away)
            return local;
        return away == TimeSpan.Zero ? DateTime.SpecifyKind(local, DateTimeKind.Utc)
            : throw row.Unreadable(column, "the time has an offset, which DateTime would lose. Read it as DateTimeOffset.");
    }

    public static DateTimeOffset MomentWithOffset(Row row, int column)
    {
        if (!IsText(row, column) || !IsoTime.TryMoment(row.Raw(column), out var local, out var offset))
            throw Misfit(row, column, "a date and time that DateTimeOffset holds");
        if (offset is not { } away)
            throw row.Unreadable(column, "the time has no offset. Read it as DateTime: it is what the practice's database holds, most often its local time.");
        var utc = local.Ticks - away.Ticks;
        return utc >= 0 && utc <= DateTime.MaxValue.Ticks ? new(local, away) : throw Misfit(row, column, "a date and time that DateTimeOffset holds");
    }

    public static DateOnly Date(Row row, int column)
    {
        if (IsText(row, column) && IsoTime.TryMoment(row.Raw(column), out var local, out var offset) && offset is null && local.TimeOfDay == TimeSpan.Zero)
            return DateOnly.FromDateTime(local);
        throw Misfit(row, column, "a date that DateOnly holds");
    }

    public static TimeOnly Clock(Row row, int column) =>
        IsText(row, column) && IsoTime.TryClock(row.Raw(column), out var clock) && clock.Days == 0 ? TimeOnly.FromTimeSpan(clock) : throw Misfit(row, column, "a time that TimeOnly holds");

    public static TimeSpan Span(Row row, int column) =>
        IsText(row, column) && IsoTime.TryClock(row.Raw(column), out var clock) ? clock : throw Misfit(row, column, "a time of day");

    public static Guid Id(Row row, int column) =>
        IsText(row, column) && Utf8Parser.TryParse(row.Raw(column), out Guid value, out var read) && read == row.Raw(column).Length ? value : throw Misfit(row, column, "a GUID");

    public static char Character(Row row, int column) => String(row, column) is [var only] ? only : throw Misfit(row, column, "one character");

    public static byte[] Binary(Row row, int column)
    {
        if (row.KindOf(column) == JsonTokenType.String)
        {
            // A slash may be written as an escape.
            ReadOnlySpan<byte> text = row.IsEscaped(column) ? Encoding.UTF8.GetBytes(row.Text(column)!) : row.Raw(column);
            var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
            if (Base64.DecodeFromUtf8(text, bytes, out _, out var written) == OperationStatus.Done)
                return written == bytes.Length ? bytes : bytes[..written];
        }
        throw Misfit(row, column, "binary");
    }

    /// <summary>What it is without a wish: string, long, decimal, double, bool or null.</summary>
    public static object? Plain(Row row, int column)
    {
        switch (row.KindOf(column))
        {
            case JsonTokenType.Null:
                return null;
            case JsonTokenType.True or JsonTokenType.False:
                return row.KindOf(column) == JsonTokenType.True;
            case JsonTokenType.Number:
                var text = row.Raw(column);
                if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
                    return whole;
                // A number with an exponent was a float.
                if (text.ContainsAny((byte)'e', (byte)'E'))
                    return Real<double>(row, column);
                return ExactDecimal.TryParse(text, out var exact)
                    ? exact
                    : throw row.Unreadable(column, "the number has more digits than Decimal holds. Read the row as Dictionary<string, string?> or as JsonElement.");
            default:
                return row.Text(column);
        }
    }

    public static object Enumeration(Row row, int column, Type type)
    {
        if (row.KindOf(column) == JsonTokenType.String)
            return Enum.TryParse(type, row.Text(column), ignoreCase: true, out var named) && Enum.IsDefined(type, named) ? named : throw Misfit(row, column, $"a name of {type.Name}");
        var number = Whole<long>(row, column);
        var value = Enum.ToObject(type, number);
        return Convert.ToInt64(value, CultureInfo.InvariantCulture) == number ? value : throw Misfit(row, column, $"a number of {type.Name}");
    }

    static bool IsText(Row row, int column) => row.KindOf(column) == JsonTokenType.String && !row.IsEscaped(column);

    static HaloMappingException Misfit(Row row, int column, string expected) =>
        row.IsNull(column) ? row.Unreadable(column, "it is NULL, which the type does not hold. Make it nullable.") : row.Unreadable(column, $"it is not {expected}.");
}
