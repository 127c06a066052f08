using System.Text;
using Spectre.Console.Rendering;

namespace Halo.Samples.Demo;

/// <summary>Makes a table fit its terminal, whatever the width: each row stays one line.</summary>
static class TableFit
{
    /// <summary>Narrower than this a column says nothing.</summary>
    const int Narrowest = 6;

    /// <summary>Between two columns, and at both ends: a line and a blank on each side of it.</summary>
    const int Frame = 3;

    /// <summary>The widths of the first columns, as many as have room.</summary>
    /// <param name="natural">What each column would take.</param>
    /// <param name="longest">What each may take.</param>
    /// <param name="total">Cells of a line.</param>
    public static IReadOnlyList<int> Fit(IReadOnlyList<int> natural, int longest, int total)
    {
        var widths = natural.Select(w => Math.Clamp(w, 1, longest)).ToList();
        while (Taken(widths) > total)
        {
            var widest = widths.IndexOf(widths.Max());
            if (widths[widest] > Narrowest)
                widths[widest]--;
            else if (widths.Count > 1)
            {
                // What is left out makes room: the others get back what they gave.
                var left = widths.Count - 1;
                return Fit([.. natural.Take(left)], longest, total);
            }
            else
                break;
        }
        return widths;
    }

    /// <summary>Cells of a text: some characters take two, some none.</summary>
    public static int WidthOf(string text) => Segment.CellCount([new Segment(text)]);

    /// <summary>The text, cut to so many cells.</summary>
    public static string Cut(string text, int cells)
    {
        if (WidthOf(text) <= cells)
            return text;
        var cut = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (WidthOf(cut.ToString() + rune) > cells - 1)
                break;
            cut.Append(rune);
        }
        return cut.Append('…').ToString();
    }

    static int Taken(List<int> widths) => widths.Sum() + Frame * widths.Count + 1;
}
