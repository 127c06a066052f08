using System.Text;

namespace Halo.Cli.Output;

/// <summary>Rows in columns for people, or as a table of Markdown. All of them are held until the end, since the widest value makes the width.</summary>
sealed class TableOutput(Stream stream, bool isMarkdown) : RowOutput(stream)
{
    readonly List<(string?[] Values, bool[] IsText)> _rows = [];

    protected override void Row(string?[] values, bool[] isText) => _rows.Add((values, isText));

    protected override void End()
    {
        if (Columns.Count == 0)
            return;
        var cells = _rows.Select(r => r.Values.Select(Cell).ToArray()).Prepend([.. Columns.Select(c => Cell(c.Name))]).ToList();
        var widths = Enumerable.Range(0, Columns.Count).Select(i => Math.Max(3, cells.Max(r => WidthOf(r[i])))).ToArray();
        var right = Enumerable.Range(0, Columns.Count).Select(i => _rows.Count > 0 && _rows.All(r => r.Values[i] is null || !r.IsText[i]) && _rows.Any(r => r.Values[i] is not null)).ToArray();
        for (var i = 0; i < cells.Count; i++)
        {
            Line(cells[i].Select((c, at) => Padded(c, widths[at], right[at])));
            if (i == 0)
                Line(widths.Select((w, at) => right[at] && isMarkdown ? new string('-', w - 1) + ":" : new string('-', w)));
        }
    }

    void Line(IEnumerable<string> cells) => Stream.Write(Encoding.UTF8.GetBytes((isMarkdown ? $"| {string.Join(" | ", cells)} |" : string.Join("  ", cells).TrimEnd()) + "\n"));

    string Cell(string? value) => value is null ? isMarkdown ? "" : "NULL" : isMarkdown ? Printable.Of(value).Replace("|", "\\|", StringComparison.Ordinal) : Printable.Of(value);

    static string Padded(string cell, int width, bool right)
    {
        var space = new string(' ', width - WidthOf(cell));
        return right ? space + cell : cell + space;
    }

    // Letters with their marks are one place.
    static int WidthOf(string text) => System.Globalization.StringInfo.ParseCombiningCharacters(text).Length;
}
