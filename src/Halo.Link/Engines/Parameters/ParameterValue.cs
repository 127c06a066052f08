using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines.Parameters;

/// <summary>A parameter's JSON value as the .NET value of its declared type, without a narrower type in between.</summary>
/// <remarks>A type without an offset takes UTC (<c>Z</c>, <c>+00:00</c>) as it is written, and refuses any other offset rather than lose it.</remarks>
static class ParameterValue
{
    static readonly string[] DateTimes =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", "yyyy-MM-dd HH:mm:ss.FFFFFFF", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd HH:mm", "yyyy-MM-dd",
    ];

    static readonly string[] DateTimeOffsets =
    [
        "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd HH:mm:ss.FFFFFFFzzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd HH:mm:ss.FFFFFFF'Z'",
        "yyyy-MM-dd'T'HH:mmzzz", "yyyy-MM-dd HH:mm:ss.FFFFFFF zzz", "yyyy-MM-dd'T'HH:mm'Z'",
    ];

    /// <summary>Reads the value.</summary>
    /// <param name="value">Null where NULL; of decimals a <see cref="DecimalText"/>; without a type a string, long, double, bool or <see cref="DecimalText"/>.</param>
    /// <param name="expected">What was expected, where it does not fit. Never the value itself.</param>
    public static bool TryRead(JsonElement? json, SqlType? type, out object? value, out string expected)
    {
        value = null;
        expected = "";
        if (json is not { } element || element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
            return true;
        if (element.ValueKind is JsonValueKind.Array or JsonValueKind.Object)
        {
            expected = "a string, a number, true, false or null";
            return false;
        }
        if (type is null && element.ValueKind != JsonValueKind.String)
        {
            value = Untyped(element);
            return true;
        }
        if (!TryGetText(element, out var text))
        {
            expected = "well-formed Unicode text";
            return false;
        }
        (value, expected) = Parse(text, type);
        return value is not null;
    }

    static object Untyped(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => element.TryGetInt64(out var whole) ? whole : new DecimalText(element.GetRawText()),
    };

    static bool TryGetText(JsonElement element, out string text)
    {
        try
        {
            text = element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
            return true;
        }
        catch (InvalidOperationException)
        {
            // A lone surrogate, written as an escape.
            text = "";
            return false;
        }
    }

    static (object? Value, string Expected) Parse(string text, SqlType? type) => type switch
    {
        SqlType.BigInt => (Whole<long>(text), "a whole number of 64 bits"),
        SqlType.Int => (Whole<int>(text), "a whole number of 32 bits"),
        SqlType.SmallInt => (Whole<short>(text), "a whole number from -32768 to 32767"),
        SqlType.TinyInt => (Whole<byte>(text), "a whole number from 0 to 255"),
        SqlType.Bit => (Bit(text), "true, false, 1 or 0"),
        SqlType.Decimal or SqlType.Money or SqlType.SmallMoney =>
            (DecimalText.TryParse(text, out var number) ? number : null, "a decimal number as -12.34"),
        SqlType.Float => (Float(text), "a number"),
        SqlType.Real => (Real(text), "a number of single precision"),
        SqlType.Binary or SqlType.VarBinary or SqlType.Image or SqlType.Timestamp => (Base64(text), "binary in base64"),
        SqlType.UniqueIdentifier => (Guid.TryParse(text, out var id) ? id : null, "a GUID"),
        SqlType.Date => (DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date
            : Moment(text) is { TimeOfDay.Ticks: 0 } midnight ? DateOnly.FromDateTime(midnight) : null, "a date without offset as 2026-03-05"),
        SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => (Moment(text),
            "a date-time without offset as 2026-03-05T14:30:00.123: send the local time that the database holds, or use type DateTimeOffset"),
        SqlType.DateTimeOffset => (MomentWithOffset(text), "a date-time with offset as 2026-03-05T14:30:00+11:00"),
        SqlType.Time => (TimeOnly.TryParseExact(text, ["HH:mm:ss.FFFFFFF", "HH:mm"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? time : null, "a time as 14:30:00"),
        _ => (text, ""),
    };

    static object? Whole<T>(string text) where T : struct, System.Numerics.IBinaryInteger<T> =>
        T.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var value)
            ? value : null;

    static object? Bit(string text) => text.Trim() switch
    {
        "1" => true,
        "0" => false,
        var word when word.Equals("true", StringComparison.OrdinalIgnoreCase) => true,
        var word when word.Equals("false", StringComparison.OrdinalIgnoreCase) => false,
        _ => null,
    };

    static double? Float(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && IsWithin(text, double.IsInfinity(value), value == 0) ? value : null;

    static float? Real(string text) =>
        float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && IsWithin(text, float.IsInfinity(value), value == 0) ? value : null;

    /// <summary>Digits that became infinity or zero are out of range, and are not guessed.</summary>
    static bool IsWithin(string text, bool infinite, bool zero) =>
        !(infinite || zero) || !text.AsSpan(0, text.AsSpan().IndexOfAny('e', 'E') is var e and >= 0 ? e : text.Length).ContainsAnyInRange('1', '9');

    static byte[]? Base64(string text)
    {
        var bytes = new byte[(text.Length + 3) / 4 * 3];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }

    static DateTime? Moment(string text) =>
        DateTime.TryParseExact(text, DateTimes, CultureInfo.InvariantCulture, DateTimeStyles.None, out var value) ? value
        : MomentWithOffset(text) is { Offset.Ticks: 0 } utc ? utc.DateTime : null;

    static DateTimeOffset? MomentWithOffset(string text) =>
        DateTimeOffset.TryParseExact(text, DateTimeOffsets, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var value) ? value
        : DateTime.TryParseExact(text, DateTimes, CultureInfo.InvariantCulture, DateTimeStyles.None, out var utc) ? new DateTimeOffset(utc, TimeSpan.Zero)
        : null;
}
