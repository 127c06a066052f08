namespace Halo.Api.Basics;

/// <summary>Finds the name that somebody probably meant: for "did you mean" in commands, settings, fields and parameters.</summary>
static class NearestName
{
    /// <summary>Names that are shorter are too alike by chance to speak of a slip.</summary>
    const int ShortestSlip = 5;

    /// <summary>The known name that is one edit away (a letter more, less, other or swapped with its neighbour), or differs in case alone; null: none.</summary>
    public static string? OneEditFrom(string name, IEnumerable<string> known) => known.FirstOrDefault(k =>
        k.Equals(name, StringComparison.OrdinalIgnoreCase) || k.Length >= ShortestSlip && Math.Abs(k.Length - name.Length) <= 1 && Distance(name, k) <= 1);

    /// <summary>The known name that is most like this one, where it is like enough that a person may have meant it; null: none.</summary>
    public static string? To(string name, IReadOnlyCollection<string> known) => known
        .Select(k => (Name: k, Distance: Distance(name, k)))
        .Where(k => k.Distance <= Math.Max(1, Math.Min(name.Length, k.Name.Length) / 3))
        .OrderBy(k => k.Distance)
        .Select(k => k.Name)
        .FirstOrDefault() ?? (name.Length < ShortestSlip ? null : known.FirstOrDefault(k => k.StartsWith(name, StringComparison.OrdinalIgnoreCase)));

    /// <summary>"; did you mean X?", or a full stop.</summary>
    public static string Question(string? meant) => meant is null ? "." : $"; did you mean {meant}?";

    /// <summary>Edits from one name to the other, where case does not count: letters added, removed, changed, or swapped with their neighbour.</summary>
    static int Distance(string one, string other)
    {
        // Nobody means a name of hundreds of letters.
        if (one.Length > 100 || other.Length > 100)
            return int.MaxValue;
        var table = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
            table[i, 0] = i;
        for (var j = 0; j <= other.Length; j++)
            table[0, j] = j;
        for (var i = 1; i <= one.Length; i++)
        {
            for (var j = 1; j <= other.Length; j++)
            {
                var same = At(one, i) == At(other, j);
                var least = Math.Min(Math.Min(table[i - 1, j], table[i, j - 1]) + 1, table[i - 1, j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && At(one, i) == At(other, j - 1) && At(one, i - 1) == At(other, j))
                    least = Math.Min(least, table[i - 2, j - 2] + 1);
                table[i, j] = least;
            }
        }
        return table[one.Length, other.Length];

        static char At(string text, int position) => char.ToLowerInvariant(text[position - 1]);
    }
}
