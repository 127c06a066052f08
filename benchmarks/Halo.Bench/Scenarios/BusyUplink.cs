using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Bench.Uplinks;

namespace Halo.Bench.Scenarios;

sealed class BusyUplink : IScenario
{
    public string Name => "busy-uplink";

    public string Summary => "An immediate SELECT 1 while a large result goes up, on 10 Mbit/s and 30 ms round trip, against itself on the idle line.";

    public async Task MeasureAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        Uplink? line = null;
        var halo = run.Own(await HaloStand.StartAsync(database, port => (line = run.Own(new Uplink(port, 10, TimeSpan.FromMilliseconds(30)))).Address));
        var order = halo.Immediate(PracticeData.SelectOne, 1);
        await run.Driver.RunAsync(order with { Seconds = 1 });
        // The upload is one: its rounds are within it, those of the idle line before and after.
        List<LoadResult> idle = [];
        await IdleAsync();
        // A bulky row is about half of its kilobyte after compression.
        var query = (await halo.Integrator.QueueAsync(halo.Site, PracticeData.Bulky(run.Choose(370_000, 40_000)))).Query;
        var begun = line!.Carried;
        while (line.Carried - begun < 200_000)
            await Task.Delay(20);
        List<double> p50 = [], p99 = [];
        begun = line.Carried;
        for (var round = 0; round < run.Choose(7, 2); round++)
        {
            run.Say($"under the upload, round {round + 1}");
            var busy = await run.Driver.RunAsync(order with { Seconds = run.Choose(18.0, 5) });
            p50.Add(busy.P50);
            p99.Add(busy.P99);
        }
        var state = await halo.Integrator.FindAsync(halo.Site, query.Id);
        if (state.CompletedAt is not null)
            run.Note($"The upload was over before the measurement was ({state.Status}): the figures are too good.");
        run.Note($"{(line.Carried - begun) / 1e6:0.0} MB went up meanwhile.");
        await halo.Integrator.SendAsync(HttpMethod.Delete, $"integrator/sites/{halo.Site}/queries/{query.Id}");
        await halo.Integrator.WhenFinalAsync(halo.Site, query.Id, TimeSpan.FromMinutes(2));
        await IdleAsync();
        var (idle50, idle99) = (Spread.Of(idle.Select(r => r.P50)), Spread.Of(idle.Select(r => r.P99)));
        run.Add(new Figure("SELECT 1, idle line", "ms, p50", idle50));
        run.Add(new Figure("SELECT 1, under the upload", "ms, p50", Spread.Of(p50)));
        run.Add(new Figure("SELECT 1, idle line", "ms, p99", idle99));
        run.Add(new Figure("SELECT 1, under the upload", "ms, p99", Spread.Of(p99)));
        run.Add(new Figure("p99 under the upload, less idle p99", "ms", Spread.Of(p99.Select(p => p - idle99.Median))) { Charted = false }.AtMost(100));

        async Task IdleAsync()
        {
            for (var round = 0; round < run.Choose(3, 1); round++)
            {
                run.Say("idle line");
                idle.Add(await run.Driver.RunAsync(order with { Seconds = run.Choose(18.0, 5) }));
            }
        }
    }
}
