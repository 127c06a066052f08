using System.Text.Json;
using Halo.Bench.Stands;

namespace Halo.Bench.Measuring;

/// <summary>What the program of micro-benchmarks found.</summary>
sealed record MicroFigure(string Name, double? Nanoseconds, double Bytes)
{
    /// <param name="how"><c>--allocations</c>, <c>--quick</c>, or nothing.</param>
    public static async Task<IReadOnlyList<MicroFigure>> RunAsync(params string[] how)
    {
        var file = Path.GetTempFileName();
        try
        {
            // Counted in optimised code from the first call on: what the quick compiler's code allocates is not the program's.
            var environment = how.Contains("--allocations") ? new Dictionary<string, string> { ["DOTNET_TieredCompilation"] = "0" } : null;
            await Child.RunAsync(Child.Dotnet, [Programs.Of("Halo.Bench.Micro"), file, .. how], environment);
            return JsonSerializer.Deserialize<List<MicroFigure>>(await File.ReadAllTextAsync(file))!;
        }
        finally
        {
            File.Delete(file);
        }
    }
}
