using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Scenarios;
using Halo.Bench.Stands;
using Halo.Testing;

namespace Halo.Bench.Gates;

/// <summary>The short set: about a minute, without SSH.</summary>
static class GateRun
{
    const int Rounds = 7;
    const int ExportRows = 50_000;
    // Machines are shared and differ: a ratio says that something is of another kind, not that it is a tenth slower.
    const double RatioMargin = 5;

    public static async Task<IReadOnlyList<GateMeasure>> MeasureAsync()
    {
        List<GateMeasure> found = [];
        await using (var server = await PostgresServer.StartAsync())
        {
            var database = await server.CreateDatabaseAsync();
            await PracticeData.FillAsync(database);
            await PracticeData.FillExportAsync(database, ExportRows);
            await using var halo = await HaloStand.StartAsync(database);
            await using var direct = await DirectApi.StartAsync(database);
            await using var driver = new LoadDriver();
            using var commit = new LedgerCommit(halo.Api.DataDirectory);
            foreach (var callers in (int[])[1, 16])
                found.Add(await ImmediateAsync(driver, halo.Immediate(PracticeData.SelectOne, callers), direct.Query(PracticeData.SelectOne, callers), commit));
            if (Psql.Missing is null)
                found.Add(await ExportAsync(halo, database));
        }
        foreach (var figure in await MicroFigure.RunAsync("--allocations"))
            found.Add(new GateMeasure($"bytes allocated, {figure.Name}", Math.Round(figure.Bytes, 2), "less", 1.1, Slack: 2));
        return found;
    }

    /// <summary>One caller: added time, in ledger commits, so that a slow disk does not count. Many: throughput.</summary>
    static async Task<GateMeasure> ImmediateAsync(LoadDriver driver, LoadOrder halo, LoadOrder direct, LedgerCommit commit)
    {
        foreach (var order in (LoadOrder[])[halo, direct])
            await driver.RunAsync(order with { Seconds = 5 });
        var commits = new List<double>();
        var results = await Alternation.RunAsync<LoadResult>(Rounds,
        [
            () => driver.RunAsync(halo with { Seconds = 1 }),
            () =>
            {
                commits.Add(commit.MedianMs(50));
                return driver.RunAsync(direct with { Seconds = 1 });
            },
        ]);
        if (halo.Callers > 1)
            return new GateMeasure($"calls/s, SELECT 1, {halo.Callers} callers ÷ direct API", Median(0, r => r.PerSecond, 1), "more", RatioMargin);
        // The reference is a direct call and a durable commit: what Halo cannot do without.
        var floor = results[1].Zip(commits, (r, c) => r.P50 + c).ToList();
        return new GateMeasure("p50, SELECT 1, 1 caller ÷ (direct API + one commit)",
            Math.Round(Spread.Ratio([.. results[0].Select(r => r.P50)], floor).Median, 3), "less", RatioMargin);

        double Median(int ours, Func<LoadResult, double> value, int other) =>
            Math.Round(Spread.Ratio([.. results[ours].Select(value)], [.. results[other].Select(value)]).Median, 3);
    }

    static async Task<GateMeasure> ExportAsync(HaloStand halo, string database)
    {
        var client = new ExportClient(halo, PracticeData.Export, ExportRows);
        List<Func<Task<double>>> ways = [client.StreamedAsync, () => Psql.CopyAsync(database, PracticeData.Export)];
        foreach (var way in ways)
            await way();
        var seconds = await Alternation.RunAsync(Rounds, ways);
        return new GateMeasure($"rows/s, export of {ExportRows:N0} rows ÷ COPY", Math.Round(Spread.Ratio(seconds[1], seconds[0]).Median, 3), "more", RatioMargin);
    }
}
