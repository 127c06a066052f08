using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed class Writes : IScenario
{
    public string Name => "writes";

    public string Summary => "Single-row inserts by 64 callers, each an immediate nonQuery of its own, against the same by the direct API.";

    public async Task MeasureAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        await PracticeData.FillAsync(database);
        var halo = run.Own(await HaloStand.StartAsync(database));
        var direct = run.Own(await DirectApi.StartAsync(database));
        var calls = run.Choose(10_000, 1_000);
        LoadOrder[] orders = [halo.Immediate(PracticeData.Insert, 64, mode: "nonQuery"), direct.Query(PracticeData.Insert, 64)];
        await run.WarmAsync(orders);
        var before = await PracticeData.CountAsync(database, "writes");
        var rounds = run.Choose(5, 2);
        var results = await Alternation.RunAsync(rounds, [.. orders.Select(o => (Func<Task<LoadResult>>)(() => run.Driver.RunAsync(o with { Calls = calls })))]);
        var written = await PracticeData.CountAsync(database, "writes") - before;
        if (written != 2L * rounds * calls)
            throw new InvalidOperationException($"{written} rows stand in the table instead of {2L * rounds * calls}.");
        foreach (var (unit, value) in ((string, Func<LoadResult, double>)[])[("inserts/s", r => r.PerSecond), ("ms, p50", r => r.P50), ("ms, p99", r => r.P99)])
            run.Add(Figure.Against("insert, 64 callers", unit, [.. results[0].Select(value)], DirectApi.Name, [.. results[1].Select(value)]));
        run.Note($"{calls:N0} inserts a round and way; the rows in the table were counted afterwards, and are as many as were asked for.");
    }
}
