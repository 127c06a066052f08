using Halo.Contracts.Sites;

namespace Halo.Api.Settings;

/// <summary>The oldest version of each PMS that is served: the settings <c>Halo:MinimumVersions:{PMS}</c>.</summary>
/// <remarks>
/// Versions are compared part by part as numbers, as far as they are numbers: <c>1.9</c> is below <c>1.11</c>, <c>1.11 SP2</c> is
/// <c>1.11</c>. One that begins with no number, or is not known, is served: nobody is cut off because it could not be read.
/// </remarks>
sealed class MinimumVersions(IReadOnlyDictionary<string, string> byPms)
{
    readonly Dictionary<string, string> _byType = byPms.ToDictionary(p => PmsNames.TypeOf(p.Key), p => p.Value, StringComparer.OrdinalIgnoreCase);

    /// <summary>Nothing is refused.</summary>
    public static MinimumVersions None { get; } = new(new Dictionary<string, string>());

    /// <summary>Reads the section; the PMS may be named with or without its spaces.</summary>
    public static MinimumVersions Read(IConfigurationSection section, List<string> faults)
    {
        var read = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (PartsOf(child.Value) is null)
                faults.Add($"{child.Path} is \"{child.Value}\"; it takes a version that begins with a number, as 1.11.");
            else if (!read.TryAdd(PmsNames.TypeOf(child.Key), child.Value!.Trim()))
                faults.Add($"{child.Path} is there twice.");
        }
        return new(read);
    }

    /// <summary>The minimum that this version does not reach; null: it is served.</summary>
    public string? MissedBy(string pmsName, string? version) =>
        _byType.TryGetValue(PmsNames.TypeOf(pmsName), out var minimum) && PartsOf(version) is { } parts && Compare(parts, PartsOf(minimum)!) < 0
            ? minimum
            : null;

    /// <summary>The parts of the number that a version begins with, after an optional v; null where it begins with none.</summary>
    static string[]? PartsOf(string? version)
    {
        var text = (version ?? "").AsSpan().Trim();
        if (text is ['v' or 'V', ..])
            text = text[1..].TrimStart();
        var length = 0;
        while (length < text.Length && (char.IsAsciiDigit(text[length])
            || text[length] == '.' && length > 0 && text[length - 1] != '.' && length + 1 < text.Length && char.IsAsciiDigit(text[length + 1])))
            length++;
        return length == 0 ? null : [.. text[..length].ToString().Split('.').Select(p => p.TrimStart('0'))];
    }

    static int Compare(string[] one, string[] other)
    {
        for (var i = 0; i < Math.Max(one.Length, other.Length); i++)
        {
            var (a, b) = (i < one.Length ? one[i] : "", i < other.Length ? other[i] : "");
            // Without leading zeros the longer number is the larger one, however long.
            var order = a.Length != b.Length ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(a, b);
            if (order != 0)
                return order;
        }
        return 0;
    }
}
