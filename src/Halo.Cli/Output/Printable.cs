using System.Text;

namespace Halo.Cli.Output;

/// <summary>Text for a terminal: what would steer it is shown, not obeyed.</summary>
static class Printable
{
    public static string Of(string text)
    {
        if (!text.Any(IsControl))
            return text;
        var made = new StringBuilder();
        foreach (var c in text)
        {
            if (!IsControl(c))
                made.Append(c);
            else
                made.Append(c switch { '\n' => "\\n", '\r' => "\\r", '\t' => "\\t", _ => $"\\u{(int)c:x4}" });
        }
        return made.ToString();
    }

    /// <summary>Whether it steers a terminal: controls, also those above U+007F, ends of lines, and what turns the direction of writing.</summary>
    public static bool IsControl(char c) =>
        char.IsControl(c) || c is >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069' or '\u2028' or '\u2029' or '\u200e' or '\u200f' or '\u061c';
}
