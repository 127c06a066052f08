using Halo.Bench.Measuring;
using Halo.Bench.Reporting;

namespace Halo.Bench.Scenarios;

sealed class Micro : IScenario
{
    public string Name => "micro";

    public string Summary => "The parts of the hot path by themselves (BenchmarkDotNet): time and allocation for each row, frame, check and commit.";

    public async Task MeasureAsync(Run run)
    {
        foreach (var figure in await MicroFigure.RunAsync(run.Quick ? ["--quick"] : []))
        {
            run.Add(new Figure(figure.Name, "ns, median", Spread.One(figure.Nanoseconds!.Value)));
            run.Add(new Figure(figure.Name, "bytes allocated", Spread.One(figure.Bytes)) { Charted = false });
        }
        run.Note("A row \"read and encode\" holds what the driver takes for reading it, which \"read alone\" shows by itself. Allocations are those of all threads.");
    }
}
