using System.Buffers;
using System.Globalization;
using System.Text;

namespace Halo.Line.Logging;

/// <summary>
/// Text from elsewhere, made safe for a terminal or a log: what would break the line, move the cursor, colour, or turn the direction of writing is
/// written as an escape, as <c>\n</c> or <c>\u001B</c>. So one message is one line, and looks like what it is.
/// </summary>
public static class VisibleText
{
    static readonly SearchValues<char> Plain = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(c => (char)c)]);

    /// <summary>The text itself where nothing in it has to be escaped.</summary>
    public static string Of(string? text)
    {
        if (text is null)
            return "";
        var first = text.AsSpan().IndexOfAnyExcept(Plain);
        if (first < 0)
            return text;
        var made = new StringBuilder(text.Length + 16).Append(text, 0, first);
        var rest = text.AsSpan(first);
        while (!rest.IsEmpty)
        {
            // Half of a surrogate pair has no place in any text.
            var isRune = Rune.DecodeFromUtf16(rest, out var rune, out var length) == OperationStatus.Done;
            if (isRune && !IsUnsafe(rune))
                made.Append(rest[..length]);
            else
                Escape(made, rest[..length]);
            rest = rest[length..];
        }
        return made.ToString();
    }

    /// <summary>Controls (ESC, BEL, DEL, C1 …), U+2028 and U+2029, and what cannot be seen: overrides of the direction, zero-width and tag characters.</summary>
    static bool IsUnsafe(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Format;

    static void Escape(StringBuilder made, ReadOnlySpan<char> characters)
    {
        foreach (var c in characters)
        {
            _ = c switch
            {
                '\n' => made.Append("\\n"),
                '\r' => made.Append("\\r"),
                '\t' => made.Append("\\t"),
                _ => made.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"),
            };
        }
    }
}
