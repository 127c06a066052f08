using System.Globalization;
using System.Net;
using System.Text;
using Halo.Bench.Measuring;

namespace Halo.Bench.Reporting;

/// <summary>Horizontal bars, grouped: the median, with a line from minimum to maximum. Readable on light and dark pages.</summary>
sealed class Chart(string title)
{
    const int Left = 260, Width = 900, Bar = 16, Gap = 14, Top = 64, Right = 110;
    static readonly string[] Colours = ["#2563eb", "#9ca3af", "#d97706", "#059669", "#7c3aed"];
    readonly List<(string Group, string Series, Spread Value)> _bars = [];

    public void Add(string group, string series, Spread value)
    {
        if (!_bars.Exists(b => b.Group == group && b.Series == series))
            _bars.Add((group, series, value));
    }

    public string Render()
    {
        var series = _bars.Select(b => b.Series).Distinct().ToList();
        var groups = _bars.GroupBy(b => b.Group).ToList();
        var height = Top + _bars.Count * Bar + groups.Count * Gap + 10;
        double smallest = _bars.Min(b => b.Value.Median), largest = _bars.Max(b => b.Value.Max);
        // Bars that could not be seen beside others are told apart by a logarithmic scale.
        var logarithmic = smallest > 0 && largest / smallest > 40;
        var svg = new StringBuilder();
        svg.AppendLine($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {height}" font-family="system-ui, sans-serif" font-size="12">""");
        svg.AppendLine($"""<rect width="{Width}" height="{height}" fill="#ffffff" rx="6"/>""");
        svg.AppendLine($"""<text x="16" y="24" font-size="15" font-weight="600" fill="#111827">{Escape(title)}{(logarithmic ? " (logarithmic)" : "")}</text>""");
        for (var i = 0; i < series.Count; i++)
        {
            svg.AppendLine($"""<rect x="{16 + i * 150}" y="36" width="12" height="12" fill="{Colours[i % Colours.Length]}"/>""");
            svg.AppendLine($"""<text x="{33 + i * 150}" y="46" fill="#374151">{Escape(series[i])}</text>""");
        }
        var y = Top;
        foreach (var group in groups)
        {
            svg.AppendLine($"""<text x="{Left - 10}" y="{y + group.Count() * Bar / 2 + 4}" text-anchor="end" fill="#111827">{Escape(group.Key)}</text>""");
            foreach (var (_, name, value) in group)
            {
                DrawBar(svg, y, Colours[series.IndexOf(name) % Colours.Length], value, Place);
                y += Bar;
            }
            y += Gap;
        }
        return svg.AppendLine("</svg>").ToString();

        double Place(double value)
        {
            var share = logarithmic ? Math.Log(Math.Max(value, smallest / 2) / (smallest / 2)) / Math.Log(largest / (smallest / 2)) : value / largest;
            return Math.Max(1, Math.Clamp(share, 0, 1) * (Width - Left - Right));
        }
    }

    static void DrawBar(StringBuilder svg, int y, string colour, Spread value, Func<double, double> place)
    {
        double end = Left + place(value.Median), from = Left + place(value.Min), to = Left + place(value.Max), middle = y + Bar / 2.0 - 1;
        svg.AppendLine($"""<rect x="{Left}" y="{y}" width="{Coordinate(end - Left)}" height="{Bar - 3}" fill="{colour}"/>""");
        if (to - from > 1)
            svg.AppendLine($"""<line x1="{Coordinate(from)}" y1="{Coordinate(middle)}" x2="{Coordinate(to)}" y2="{Coordinate(middle)}" stroke="#111827"/>""");
        svg.AppendLine($"""<text x="{Coordinate(Math.Max(end, to) + 6)}" y="{y + 11}" fill="#374151">{Tables.Number(value.Median)}</text>""");
    }

    static string Coordinate(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    static string Escape(string text) => WebUtility.HtmlEncode(text);
}
