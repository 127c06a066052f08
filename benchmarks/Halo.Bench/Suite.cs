using System.Diagnostics;
using Halo.Bench.Reporting;
using Halo.Bench.Scenarios;

namespace Halo.Bench;

/// <summary>One scenario after another, each from an empty machine; a failure of one is named and the others go on.</summary>
sealed class Suite(IReadOnlyList<IScenario> scenarios, bool quick, Results results)
{
    Run? _current;

    /// <summary>Ends the servers of the scenario under way: whoever interrupts the harness leaves nothing behind.</summary>
    public ValueTask AbandonAsync() => _current?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <returns>Whether each came to its end.</returns>
    public async Task<bool> RunAsync()
    {
        var whole = true;
        foreach (var scenario in scenarios)
        {
            Console.WriteLine($"== {scenario.Name}");
            var report = new ScenarioReport(scenario.Name, scenario.Summary, Header.Here(quick));
            var start = Stopwatch.GetTimestamp();
            try
            {
                await using var run = _current = new Run(report, quick, Console.Out);
                await scenario.MeasureAsync(run);
            }
            catch (Exception e)
            {
                report.Failure = e.Message;
                Console.WriteLine(e);
                whole = false;
            }
            report.Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Console.WriteLine($"  {report.Seconds:0} s");
            Console.WriteLine(results.Save(report));
        }
        return whole;
    }
}
