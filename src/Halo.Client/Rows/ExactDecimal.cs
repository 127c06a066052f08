using System.Globalization;
using System.Numerics;
using System.Text;

namespace Halo.Client.Rows;

/// <summary>Numbers as .NET's decimal where it holds every digit; its own parsing rounds.</summary>
static class ExactDecimal
{
    /// <summary>As many digits always fit, wherever the point stands among them.</summary>
    const int SafeDigits = 28;

    public static bool TryParse(ReadOnlySpan<byte> text, out decimal value)
    {
        if (!decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
            return false;
        return text.Length <= SafeDigits && !text.ContainsAny((byte)'e', (byte)'E') || IsSame(Encoding.ASCII.GetString(text), value);
    }

    static bool IsSame(string text, decimal value)
    {
        var (digits, exponent) = Normal(text);
        return (digits, exponent) == Normal(value.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Digits without zeros at their end, and what they are to be multiplied with: a power of ten.</summary>
    static (BigInteger Digits, long Exponent) Normal(string text)
    {
        var e = text.AsSpan().IndexOfAny('e', 'E');
        var exponent = e < 0 ? 0L : long.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = e < 0 ? text : text[..e];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            exponent -= mantissa.Length - point - 1;
            mantissa = mantissa.Remove(point, 1);
        }
        var digits = BigInteger.Parse(mantissa, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (digits.IsZero)
            return (digits, 0);
        while (digits % 10 == 0)
            (digits, exponent) = (digits / 10, exponent + 1);
        return (digits, exponent);
    }
}
