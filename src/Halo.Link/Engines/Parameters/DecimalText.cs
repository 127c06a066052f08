using System.Text.RegularExpressions;

namespace Halo.Link.Engines.Parameters;

/// <summary>A decimal with all its digits, as the caller wrote it: no .NET type is wide enough for every database's.</summary>
/// <param name="Text">Matches JSON's grammar of numbers, a leading plus and leading zeros allowed: <c>.5</c> and <c>5.</c> are 0.5 and 5.</param>
readonly partial record struct DecimalText(string Text)
{
    public static bool TryParse(string text, out DecimalText value)
    {
        var number = Grammar().Match(text.Trim());
        var (whole, part) = (number.Groups["whole"].Value, number.Groups["part"].Value);
        if (whole.Length + part.Length == 0)
        {
            value = default;
            return false;
        }
        value = new($"{number.Groups["sign"]}{(whole.Length == 0 ? "0" : whole)}{(part.Length == 0 ? "" : ".")}{part}{number.Groups["exponent"]}");
        return true;
    }

    [GeneratedRegex(@"\A(?<sign>[+-]?)(?<whole>[0-9]*)(\.(?<part>[0-9]*))?(?<exponent>([eE][+-]?[0-9]{1,5})?)\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Grammar();
}
