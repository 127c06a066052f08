using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Halo.Bench.Reporting;

/// <summary>The directory of results: each scenario's JSON, table and charts, and over all of them the goals.</summary>
sealed partial class Results(string directory)
{
    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public string Save(ScenarioReport report)
    {
        Directory.CreateDirectory(directory);
        foreach (var old in Directory.GetFiles(directory, $"{report.Name}-*.svg"))
            File.Delete(old);
        Write($"{report.Name}.json", JsonSerializer.Serialize(report, Json) + "\n");
        var table = Tables.Of(report);
        var charts = DrawCharts(report).ToList();
        Write($"{report.Name}.md", table + string.Concat(charts.Select(c => $"\n![{report.Name}]({c})\n")));
        Write("README.md", $"# Results\n\nWritten by `./bench`; the method is in [docs/performance.md](../../docs/performance.md).\n\n{Tables.Goals(All())}");
        return table;
    }

    IEnumerable<ScenarioReport> All() => Directory.GetFiles(directory, "*.json").Where(f => Path.GetFileName(f) != "gate.json").Order()
        .Select(f => JsonSerializer.Deserialize<ScenarioReport>(File.ReadAllText(f), Json)!);

    IEnumerable<string> DrawCharts(ScenarioReport report)
    {
        foreach (var unit in report.Figures.Where(f => f.Charted).GroupBy(f => f.Unit))
        {
            var chart = new Chart($"{report.Name}: {unit.Key}");
            foreach (var figure in unit)
            {
                chart.Add(figure.What, "Halo", figure.Halo);
                if (figure.ReferenceValue is { } reference)
                    chart.Add(figure.What, figure.Reference!, reference);
            }
            var name = $"{report.Name}-{Words().Replace(unit.Key.ToLowerInvariant(), "-").Trim('-')}.svg";
            Write(name, chart.Render());
            yield return name;
        }
    }

    void Write(string name, string text) => File.WriteAllText(Path.Combine(directory, name), text);

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex Words();
}
