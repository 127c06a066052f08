using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using Halo.Testing;

namespace Halo.Bench.Gates;

/// <summary>What CI compares: ratios and allocations against the committed ones, with margins wide enough for a shared machine.</summary>
sealed class Gate(bool accept)
{
    static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    readonly string _file = Path.Combine(Repository.Root, "benchmarks", "results", "gate.json");

    public async Task<bool> RunAsync()
    {
        var start = Stopwatch.GetTimestamp();
        var known = File.Exists(_file) ? JsonSerializer.Deserialize<List<GateMeasure>>(await File.ReadAllTextAsync(_file), Json)! : [];
        var found = await GateRun.MeasureAsync();
        var passes = Compare(known, found);
        // A busy moment is not a regression: what fell behind is measured once more before it counts.
        if (!passes && !accept)
        {
            Console.WriteLine("Something fell behind; measured once more.");
            found = await GateRun.MeasureAsync();
            passes = Compare(known, found);
        }
        if (accept)
        {
            await File.WriteAllTextAsync(_file, JsonSerializer.Serialize(found, Json) + "\n");
            Console.WriteLine($"Written to {_file}.");
        }
        Console.WriteLine($"gate: {(accept ? "accepted" : passes ? "passed" : "FELL BEHIND")}, {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s");
        return accept || passes;
    }

    static bool Compare(List<GateMeasure> known, IReadOnlyList<GateMeasure> found)
    {
        Console.WriteLine($"{"figure",-52} {"committed",10} {"found",10} {"bound",10}");
        var passes = true;
        foreach (var measure in known)
        {
            var now = found.FirstOrDefault(f => f.Name == measure.Name);
            var holds = now is not null && measure.Allows(now.Value);
            passes &= holds;
            Console.WriteLine($"{measure.Name,-52} {measure.Value,10:0.00} {now?.Value.ToString("0.00") ?? "missing",10} {(measure.Better == "more" ? "≥" : "≤")}{measure.Bound,9:0.00}{(holds ? "" : "  FELL BEHIND")}");
        }
        foreach (var now in found.Where(f => !known.Exists(k => k.Name == f.Name)))
            Console.WriteLine($"{now.Name,-52} {"none",10} {now.Value,10:0.00}  not compared: ./bench --gate --accept takes it up");
        return passes;
    }
}
