using System.Globalization;
using System.Text;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;

namespace Halo.Link.Rows;

/// <summary>Makes the names of a row's columns unique, so that none is lost in a JSON object.</summary>
static class ColumnNames
{
    /// <summary>Unnamed columns become <c>Column1</c>… by ordinal; a repeated name gets the first number from 1 that is free.</summary>
    /// <remarks>
    /// SQLite names a column without a name of its own by its expression, which can be as long as the command: names are cut at
    /// <see cref="ProtocolLimits.MaxNameBytes"/>, in the rows too.
    /// A column that bears such a numbered name itself keeps it: <c>id, id, id1</c> becomes <c>id, id2, id1</c>.
    /// </remarks>
    public static string[] MakeUnique(IReadOnlyList<string> columns)
    {
        // With room for a number behind it.
        var given = columns.Select(c => TextBound.Cut(c, ProtocolLimits.MaxNameBytes - 16)).ToArray();
        var taken = new HashSet<string>(given, StringComparer.Ordinal);
        var first = new HashSet<string>(StringComparer.Ordinal);
        var names = new string[given.Length];
        for (var i = 0; i < names.Length; i++)
        {
            var unnamed = given[i].Length == 0 || given[i] == "?column?";
            var name = unnamed ? Numbered("Column", i + 1) : given[i];
            var free = unnamed ? taken.Add(name) : first.Add(name);
            for (var number = 1; !free; number++)
            {
                var candidate = Numbered(name, number);
                free = taken.Add(candidate);
                if (free)
                    name = candidate;
            }
            names[i] = WellFormed(name);
        }
        return names;
    }

    static string Numbered(string name, int number) => name + number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Lone surrogates become U+FFFD, as in every text.</summary>
    static string WellFormed(string name) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(name));
}
