using System.Globalization;
using System.Text;
using Halo.Bench.Measuring;

namespace Halo.Bench.Reporting;

/// <summary>Reports as tables for people, in Markdown.</summary>
static class Tables
{
    public static string Of(ScenarioReport report)
    {
        var text = new StringBuilder();
        text.AppendLine($"# {report.Name}").AppendLine().AppendLine(report.Summary).AppendLine();
        foreach (var line in Lines(report.Header))
            text.AppendLine($"- {line}");
        text.AppendLine().AppendLine("| what | unit | Halo | reference | its value | Halo ÷ reference | goal |").AppendLine("| --- | --- | ---: | --- | ---: | ---: | --- |");
        foreach (var f in report.Figures)
            text.AppendLine($"| {f.What} | {f.Unit} | {Text(f.Halo)} | {f.Reference ?? "–"} | {Text(f.ReferenceValue)} | {Text(f.Ratio)} | {Goal(f)} |");
        text.AppendLine().AppendLine("Each value is the median over the rounds, with minimum and maximum; a ratio is taken round by round.");
        foreach (var note in report.Notes)
            text.AppendLine().AppendLine(note);
        if (report.Failure is { } failure)
            text.AppendLine().AppendLine($"**Did not come to its end:** {failure.ReplaceLineEndings(" ")}");
        return text.ToString();
    }

    /// <summary>Every goal of all reports, with what was reached.</summary>
    public static string Goals(IEnumerable<ScenarioReport> reports)
    {
        var text = new StringBuilder("| scenario | figure | goal | reached | |\n| --- | --- | --- | ---: | --- |\n");
        foreach (var report in reports)
        {
            foreach (var f in report.Figures.Where(f => f.Goal is not null))
                text.AppendLine($"| [{report.Name}]({report.Name}.md) | {f.What}, {f.Unit}{(f.Reference is null ? "" : $", against {f.Reference}")} | {f.Goal} | {Text(f.Goal!.StartsWith("ratio", StringComparison.Ordinal) ? f.Ratio : f.Halo)} | {(f.Reached == true ? "met" : "**not met**")} |");
            if (report.Failure is not null)
                text.AppendLine($"| [{report.Name}]({report.Name}.md) | | | | **did not come to its end** |");
        }
        return text.ToString();
    }

    public static IEnumerable<string> Lines(Header header) =>
    [
        $"Measured: {header.Date}, {header.Load}", $"Machine: {header.Machine}", $"Versions: {header.Versions}", $"Durability: {header.Durability}",
    ];

    public static string Number(double value) => Math.Abs(value) switch
    {
        >= 1000 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 100 => value.ToString("0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        >= 0.1 or 0 => value.ToString("0.00", CultureInfo.InvariantCulture),
        _ => value.ToString("0.0000", CultureInfo.InvariantCulture),
    };

    static string Goal(Figure f) => f.Goal is null ? "" : $"{f.Goal}: {(f.Reached == true ? "met" : "**not met**")}";

    static string Text(Spread? s) => s is null ? "–" : s.Min == s.Max ? Number(s.Median) : $"{Number(s.Median)} ({Number(s.Min)}–{Number(s.Max)})";
}
