namespace Halo.Bench.Micro;

/// <summary>Bytes allocated for each operation, counted and not timed: seconds instead of minutes, and the same on every machine.</summary>
static class Allocations
{
    const int Times = 5;

    public static async Task<IReadOnlyList<MicroFigure>> CountAsync()
    {
        List<MicroFigure> figures = [];
        var frames = new FrameBenchmarks();
        figures.Add(await CountAsync("frame: write", FrameBenchmarks.Frames, () => Task.FromResult(frames.Write())));
        figures.Add(await CountAsync("frame: read", FrameBenchmarks.Frames, () => Task.FromResult(frames.Read())));
        var keys = new KeyBenchmarks();
        await keys.SetUpAsync();
        figures.Add(await CountAsync("key check", KeyBenchmarks.Checks, () => Task.FromResult(keys.Check())));
        await keys.CleanUpAsync();
        var pages = new PageBenchmarks();
        pages.SetUp();
        figures.Add(await CountAsync("row into a page", PageBenchmarks.Rows, pages.CutAsync));
        pages.CleanUp();
        var rows = new RowBenchmarks();
        rows.SetUp();
        foreach (var type in RowBenchmarks.Types)
        {
            rows.Type = type;
            figures.Add(await CountAsync($"row encoded: {type}", RowBenchmarks.Rows, rows.EncodeAsync));
        }
        rows.CleanUp();
        var ledger = new LedgerBenchmarks();
        await ledger.SetUpAsync();
        figures.Add(await CountAsync("ledger: accept and outcome", LedgerBenchmarks.Queries, ledger.RecordAsync));
        await ledger.CleanUpAsync();
        return figures;
    }

    /// <summary>The least of several: what a timer or the compiler allocates meanwhile is not the operation's.</summary>
    static async Task<MicroFigure> CountAsync(string name, int operations, Func<Task> run)
    {
        await run();
        var least = long.MaxValue;
        for (var i = 0; i < Times; i++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await run();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return new MicroFigure(name, null, (double)least / operations);
    }
}
