using System.Diagnostics;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed class OneLink : IScenario
{
    public string Name => "one-link";

    public string Summary => "One Link connected and idle, and during an export: processor time and resident memory.";

    public async Task MeasureAsync(Run run)
    {
        var rows = run.Choose(1_000_000, 100_000);
        var (_, database) = await run.StartPostgresAsync();
        await PracticeData.FillExportAsync(database, rows);
        var halo = run.Own(await HaloStand.StartAsync(database));
        var (link, api) = (halo.Link.Process.Id, halo.Api.Process.Id);
        // The runtime compiles anew what has run thirty times, which takes most of what an idle program uses then. Thirty pings take ten minutes.
        var settling = TimeSpan.FromSeconds(run.Choose(720, 5));
        run.Say($"settling for {settling.TotalSeconds:0} s");
        await Task.Delay(settling);
        var idle = TimeSpan.FromSeconds(run.Choose(600, 60));
        run.Say($"idle for {idle.TotalSeconds:0} s");
        var (linkBefore, apiBefore, start) = (ProcessUsage.Of(link), ProcessUsage.Of(api), Stopwatch.GetTimestamp());
        await Task.Delay(idle);
        var (linkIdle, apiIdle, seconds) = (ProcessUsage.Of(link), ProcessUsage.Of(api), Stopwatch.GetElapsedTime(start).TotalSeconds);
        run.Add(Share("Link, idle", linkIdle.ProcessorSeconds - linkBefore.ProcessorSeconds, seconds).AtMost(0.1));
        run.Add(Share("API, idle", apiIdle.ProcessorSeconds - apiBefore.ProcessorSeconds, seconds));
        run.Add(Memory("Link, idle", linkIdle.ResidentBytes).AtMost(60));
        run.Add(Memory("Link, idle, its own part", linkIdle.OwnBytes));
        run.Add(Memory("API, idle", apiIdle.ResidentBytes));
        run.Add(Memory("API, idle, its own part", apiIdle.OwnBytes));
        run.Say("export");
        ProcessUsage.ForgetPeak(link);
        ProcessUsage.ForgetPeak(api);
        var took = new List<double>();
        for (var round = 0; round < run.Choose(3, 1); round++)
            took.Add(await new ExportClient(halo, PracticeData.Export, rows).StreamedAsync());
        var (linkAfter, apiAfter) = (ProcessUsage.Of(link), ProcessUsage.Of(api));
        run.Add(Memory("Link, peak during exports", linkAfter.PeakResidentBytes).AtMost(150));
        run.Add(Memory("API, peak during exports", apiAfter.PeakResidentBytes));
        run.Add(Cost("Link, export", linkAfter.ProcessorSeconds - linkIdle.ProcessorSeconds));
        run.Add(Cost("API, export and its stream", apiAfter.ProcessorSeconds - apiIdle.ProcessorSeconds));
        run.Note($"Idling is counted from {settling.TotalSeconds:0} s after the start. An agent runs for weeks; until what pings and timers run is compiled for good, the compiler uses several times what idling itself does.");
        run.Note($"Exports of {rows:N0} rows × 10, {took.Count} of them.");
        run.Note("A process's own part is what it wrote itself; the rest are pages of the runtime's and the libraries' files, which the kernel shares between programs and takes back when memory is short.");

        Figure Cost(string what, double spent) => new(what, "µs of processor time per row", Spread.One(spent * 1e6 / (rows * (double)took.Count))) { Charted = false };
    }

    static Figure Share(string what, double spent, double seconds) => new(what, "% of one processor", Spread.One(100 * spent / seconds)) { Charted = false };

    static Figure Memory(string what, long bytes) => new(what, "MB resident", Spread.One(bytes / 1e6));
}
