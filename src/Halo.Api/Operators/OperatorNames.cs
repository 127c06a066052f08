using System.Globalization;
using System.Text;

namespace Halo.Api.Operators;

/// <summary>Names of operators: they stand in the audit log, so none may look as another by what cannot be seen.</summary>
static class OperatorNames
{
    public const int Longest = 100;

    /// <summary>Whether it can be a name: something is seen, and nothing in it is invisible, controls, or turns the direction of the text.</summary>
    public static bool IsName(string? name) => name is { Length: >= 1 and <= Longest } && !char.IsWhiteSpace(name[0]) && !char.IsWhiteSpace(name[^1])
        && name.EnumerateRunes().All(r => Rune.GetUnicodeCategory(r) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
            or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.Surrogate));

    /// <summary>The same for names that differ in case or spaces.</summary>
    public static string KeyOf(string name) =>
        string.Join(' ', name.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
