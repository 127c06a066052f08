using System.Text.RegularExpressions;

namespace Halo.Link.Engines.Parameters;

/// <summary>A decimal with all its digits, as the caller wrote it: no .NET type is wide enough for every database's.</summary>
/// <param name="Text">Matches JSON's grammar of numbers, a leading plus and leading zeros allowed.</param>
readonly partial record struct DecimalText(string Text)
{
    public static bool TryParse(string text, out DecimalText value)
    {
        value = new(text.Trim());
        return Grammar().IsMatch(value.Text);
    }

    [GeneratedRegex(@"\A[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,5})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Grammar();
}
