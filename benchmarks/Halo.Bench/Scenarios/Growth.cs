using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Testing.Processes;

namespace Halo.Bench.Scenarios;

sealed class Growth : IScenario
{
    const int Callers = 8;

    public string Name => "growth";

    public string Summary => "The same immediate load while sites, ledger and integrators grow, each against its own first row.";

    public async Task MeasureAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        await MeasureAsync(run, "sites", run.Choose<int[]>([1, 100, 10_000], [1, 1_000]),
            count => StandAsync(database, file => StoreFilling.AddSitesAsync(file, count - 1), count > 1));
        await MeasureAsync(run, "ledger records", run.Choose<int[]>([1_000, 1_000_000], [1_000, 100_000]),
            count => StandAsync(database, file => StoreFilling.AddLedgerAsync(file, count), true));
        await MeasureIntegratorsAsync(run, database, run.Choose<int[]>([1, 10, 100], [1, 100]));
        run.Note($"SELECT 1, {Callers} callers. Each size has an API and a Link of its own, and all of a kind run side by side, so that rounds alternate. The store was filled by SQL while its API was stopped.");
    }

    static async Task MeasureAsync(Run run, string kind, int[] counts, Func<int, Task<HaloStand>> start)
    {
        var stands = new List<HaloStand>();
        foreach (var count in counts)
        {
            run.Say($"{count:N0} {kind}");
            stands.Add(run.Own(await start(count)));
        }
        await CompareAsync(run, kind, counts, [.. stands.Select(s => s.Immediate(PracticeData.SelectOne, Callers))]);
        foreach (var stand in stands)
            await run.EndAsync(stand);
    }

    static async Task<HaloStand> StandAsync(string database, Func<string, Task> fill, bool grows)
    {
        var stand = await HaloStand.StartAsync(database);
        try
        {
            // One that ended, to be copied.
            await stand.Integrator.ImmediateAsync(stand.Site, PracticeData.SelectOne);
            if (grows)
                await stand.RefillAsync(fill);
            return stand;
        }
        catch
        {
            await stand.DisposeAsync();
            throw;
        }
    }

    static async Task MeasureIntegratorsAsync(Run run, string database, int[] counts)
    {
        var stand = run.Own(await HaloStand.StartAsync(database));
        var integrators = new List<IntegratorClient> { stand.Integrator };
        while (integrators.Count < counts[^1])
        {
            var integrator = await stand.Fixture.MakeIntegratorAsync($"Grown {integrators.Count}");
            await stand.Api.PairAsync(integrator, stand.Site);
            integrators.Add(integrator);
        }
        run.Say($"{counts[^1]} integrators");
        await CompareAsync(run, "integrators", counts, [.. counts.Select(c => stand.Immediate(PracticeData.SelectOne, Callers, integrators: integrators.Take(c)))]);
    }

    static async Task CompareAsync(Run run, string kind, int[] counts, IReadOnlyList<LoadOrder> orders)
    {
        await run.WarmAsync(orders);
        var results = await Alternation.RunAsync(run.Choose(7, 2),
            [.. orders.Select(o => (Func<Task<LoadResult>>)(() => run.Driver.RunAsync(o with { Seconds = run.Choose(3.0, 0.5) })))]);
        for (var i = 0; i < counts.Length; i++)
        {
            var what = $"{counts[i]:N0} {kind}";
            if (i == 0)
                run.Add(new Figure(what, "ms, p50", Spread.Of(results[0].Select(r => r.P50))));
            else
                run.Add(Figure.Against(what, "ms, p50", [.. results[i].Select(r => r.P50)], $"first row ({counts[0]:N0})", [.. results[0].Select(r => r.P50)]).RatioAtMost(1.2));
        }
    }
}
