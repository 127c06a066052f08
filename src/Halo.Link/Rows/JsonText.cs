using System.Buffers.Text;
using System.Text.Json;

namespace Halo.Link.Rows;

/// <summary>Turns a database's text for a value into the contract's, byte by byte. What is not in the expected form stays as the database writes it.</summary>
static class JsonText
{
    /// <summary>A number as it stands, where JSON can hold it; else (NaN, infinity) a string.</summary>
    public static void WriteNumber(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        if (IsNumber(text))
            json.WriteRawValue(text, skipInputValidation: true);
        else
            json.WriteStringValue(text);
    }

    /// <summary>Whether it matches JSON's grammar of numbers.</summary>
    public static bool IsNumber(ReadOnlySpan<byte> text)
    {
        var i = text.Length > 0 && text[0] == '-' ? 1 : 0;
        var whole = Digits(text, ref i);
        if (whole == 0 || whole > 1 && text[i - whole] == '0')
            return false;
        if (i < text.Length && text[i] == '.')
        {
            i++;
            if (Digits(text, ref i) == 0)
                return false;
        }
        if (i < text.Length && (text[i] | 0x20) == 'e')
        {
            i++;
            if (i < text.Length && text[i] is (byte)'+' or (byte)'-')
                i++;
            if (Digits(text, ref i) == 0)
                return false;
        }
        return i == text.Length;
    }

    /// <summary><c>2026-03-05 14:30:00.120</c> as <c>2026-03-05T14:30:00.12</c>; without zone.</summary>
    public static void WriteDateTime(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        Span<byte> iso = stackalloc byte[32];
        if (IsDate(text) && text.Length is >= 19 and <= 29 && text[10] is (byte)' ' or (byte)'T' && IsTime(text[11..]))
        {
            var length = TrimFraction(text);
            text[..length].CopyTo(iso);
            iso[10] = (byte)'T';
            json.WriteStringValue(iso[..length]);
        }
        else
            json.WriteStringValue(text);
    }

    /// <summary>Seven digits of fraction, or none where it is zero.</summary>
    public static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        if (!IsTime(text) || text.Length > 16)
        {
            json.WriteStringValue(text);
            return;
        }
        var length = TrimFraction(text);
        Span<byte> seven = stackalloc byte[16];
        seven.Fill((byte)'0');
        text[..length].CopyTo(seven);
        json.WriteStringValue(length == 8 ? seven[..8] : seven);
    }

    /// <summary>Lower-case, where it is a GUID.</summary>
    public static void WriteGuid(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        if (text.Length == 36 && Utf8Parser.TryParse(text, out Guid id, out var used, 'D') && used == 36)
            json.WriteStringValue(id);
        else
            json.WriteStringValue(text);
    }

    /// <summary><c>yyyy-MM-dd</c> at the beginning.</summary>
    public static bool IsDate(ReadOnlySpan<byte> text) =>
        text.Length >= 10 && text[4] == '-' && text[7] == '-'
            && AllDigits(text[..4]) && AllDigits(text[5..7]) && AllDigits(text[8..10]);

    /// <summary><c>HH:mm:ss</c> with or without a fraction, and nothing else.</summary>
    public static bool IsTime(ReadOnlySpan<byte> text) =>
        text.Length >= 8 && text[2] == ':' && text[5] == ':'
            && AllDigits(text[..2]) && AllDigits(text[3..5]) && AllDigits(text[6..8])
            && (text.Length == 8 || text.Length > 9 && text[8] == '.' && AllDigits(text[9..]));

    /// <summary>Length without the zeros that end a fraction.</summary>
    static int TrimFraction(ReadOnlySpan<byte> text)
    {
        if (!text.Contains((byte)'.'))
            return text.Length;
        var trimmed = text.TrimEnd((byte)'0').Length;
        return text[trimmed - 1] == '.' ? trimmed - 1 : trimmed;
    }

    static bool AllDigits(ReadOnlySpan<byte> text) => text.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;

    static int Digits(ReadOnlySpan<byte> text, ref int i)
    {
        var start = i;
        while (i < text.Length && text[i] is >= (byte)'0' and <= (byte)'9')
            i++;
        return i - start;
    }
}
