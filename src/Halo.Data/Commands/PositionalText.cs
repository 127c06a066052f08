using System.Globalization;
using System.Text;
using Halo.Client.Commands;

namespace Halo.Data.Commands;

/// <summary>SQL with <c>?</c> or <c>$1</c> for parameters without names: the service's have names, and so the text gets them.</summary>
static class PositionalText
{
    /// <param name="count">How many parameters there are.</param>
    /// <returns>The text with names, and the names in the parameters' order.</returns>
    /// <exception cref="InvalidOperationException">The text has others, or not as many.</exception>
    public static (string Text, string[] Names) Named(string text, int count)
    {
        var prefix = "@p";
        while (text.Contains(prefix, StringComparison.OrdinalIgnoreCase))
            prefix += "_";
        // Beside $1 a question mark is an operator of PostgreSQL's.
        var isQuestion = !HasDollars(text);
        var made = new StringBuilder(text.Length + 3 * count);
        var place = new SqlPlace();
        var (marks, highest, inOrder) = (0, 0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            var digits = 0;
            if (text[i] == (isQuestion ? '?' : '$') && place.IsOutside && !place.IsBehindName)
                while (i + 1 + digits < text.Length && char.IsAsciiDigit(text[i + 1 + digits]))
                    digits++;
            if (digits > 0 || isQuestion && text[i] == '?' && place.IsOutside)
            {
                var number = digits > 0 ? Number(text.AsSpan(i + 1, digits)) : ++inOrder;
                (marks, highest) = (marks + 1, Math.Max(highest, number));
                if (number < 1)
                    throw Unfit(text[i] + "0 is none.");
                made.Append(CultureInfo.InvariantCulture, $"{prefix}{number}");
                i += digits;
                place.Pass('0');
                continue;
            }
            made.Append(text[i]);
            place.Pass(text[i]);
        }
        if (marks == 0)
            throw Unfit("The text has none: it needs ? or $1.");
        if (highest != count)
            throw Unfit($"The text has {highest} and the command {count}.");
        return (made.ToString(), [.. Enumerable.Range(1, count).Select(n => string.Create(CultureInfo.InvariantCulture, $"{prefix}{n}"))]);
    }

    static bool HasDollars(string text)
    {
        var place = new SqlPlace();
        for (var i = 0; i < text.Length - 1; i++)
        {
            if (text[i] == '$' && char.IsAsciiDigit(text[i + 1]) && place.IsOutside && !place.IsBehindName)
                return true;
            place.Pass(text[i]);
        }
        return false;
    }

    static int Number(ReadOnlySpan<char> digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : int.MaxValue;

    static InvalidOperationException Unfit(string why) => new($"The command's parameters have no names, so that they take the places of ? or $1, $2 in its text. {why}");
}
