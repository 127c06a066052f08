using System.Globalization;
using Halo.Link.Settings;

namespace Halo.Link.Configuring;

/// <summary>The place of one setting, as <c>lanes.async</c> or <c>sites[0].connectionString</c>.</summary>
/// <param name="Steps">Names of settings, and places in lists as numbers from 0.</param>
sealed record SettingsPath(IReadOnlyList<string> Steps)
{
    /// <exception cref="SettingsException">It leads nowhere.</exception>
    public static SettingsPath Parse(string text)
    {
        var steps = text.Replace("[", ".", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal).Split('.');
        return steps.All(s => s.Length > 0 && s.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
            ? new(steps)
            : throw new SettingsException([new("setting", "must be named as lanes.async or sites[0].connectionString.")]);
    }

    /// <summary>A place in a list; null: the step is a name.</summary>
    public static int? PlaceOf(string step) => int.TryParse(step, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place : null;

    public override string ToString() => string.Concat(Steps.Select((s, i) => PlaceOf(s) is null ? (i == 0 ? s : $".{s}") : $"[{s}]"));
}
