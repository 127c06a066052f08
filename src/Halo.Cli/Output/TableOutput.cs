using System.Globalization;
using System.Text;

namespace Halo.Cli.Output;

/// <summary>Rows in columns for people, or as a table of Markdown. All of them are held until the end, since the widest value makes the width.</summary>
/// <param name="foldAt">The width from which on each row is written with a column to a line; 0: always; null: never.</param>
/// <param name="stop">Ends writing: they may be many.</param>
sealed class TableOutput(Stream stream, bool isMarkdown, int? foldAt = null, CancellationToken stop = default) : RowOutput(stream)
{
    readonly List<(string?[] Values, bool[] IsText)> _rows = [];

    /// <summary>A row of words.</summary>
    public void Words(string[] values)
    {
        var isText = new bool[values.Length];
        Array.Fill(isText, true);
        Row(values, isText);
    }

    protected override void Row(string?[] values, bool[] isText) => _rows.Add((values, isText));

    protected override void End()
    {
        if (Columns.Count == 0)
            return;
        var cells = _rows.Select(r => r.Values.Select(Cell).ToArray()).Prepend([.. Columns.Select(c => Cell(c.Name))]).ToList();
        var widths = Enumerable.Range(0, Columns.Count).Select(i => Math.Max(3, cells.Max(r => TextWidth.Of(r[i])))).ToArray();
        if (foldAt is { } most && _rows.Count > 0 && (most == 0 || widths.Sum() + 2 * (widths.Length - 1) > most))
        {
            Fold(cells);
            return;
        }
        var right = Enumerable.Range(0, Columns.Count).Select(i => _rows.Count > 0 && _rows.All(r => r.Values[i] is null || !r.IsText[i]) && _rows.Any(r => r.Values[i] is not null)).ToArray();
        for (var i = 0; i < cells.Count; i++)
        {
            Line(cells[i].Select((c, at) => Padded(c, widths[at], right[at])));
            if (i == 0)
                Line(widths.Select((w, at) => right[at] && isMarkdown ? new string('-', w - 1) + ":" : new string('-', w)));
        }
    }

    void Fold(List<string[]> cells)
    {
        var width = cells[0].Max(TextWidth.Of);
        for (var row = 1; row < cells.Count; row++)
        {
            Line([string.Create(CultureInfo.InvariantCulture, $"-[ {row} ]").PadRight(width + 1, '-')]);
            for (var i = 0; i < cells[row].Length; i++)
                Line([$"{Padded(cells[0][i], width, right: false)} | {cells[row][i]}"]);
        }
    }

    void Line(IEnumerable<string> cells)
    {
        stop.ThrowIfCancellationRequested();
        Stream.Write(Encoding.UTF8.GetBytes((isMarkdown ? $"| {string.Join(" | ", cells)} |" : string.Join("  ", cells).TrimEnd()) + "\n"));
    }

    string Cell(string? value) => value is null ? isMarkdown ? "" : "NULL" : isMarkdown ? Printable.Of(value).Replace("|", "\\|", StringComparison.Ordinal) : Printable.Of(value);

    static string Padded(string cell, int width, bool right)
    {
        var space = new string(' ', width - TextWidth.Of(cell));
        return right ? space + cell : cell + space;
    }
}
