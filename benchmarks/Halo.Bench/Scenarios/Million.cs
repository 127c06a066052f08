using System.Globalization;
using System.Text.RegularExpressions;
using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed partial class Million : IScenario
{
    const int Callers = 32, AsyncCallers = 4;

    public string Name => "million";

    public string Summary => "A million immediate queries and 20,000 async ones to one API and one Link: memory and files at a tenth, at half and at the end.";

    public async Task MeasureAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        var halo = run.Own(await HaloStand.StartAsync(database));
        var immediate = halo.Immediate(PracticeData.SelectOne, Callers);
        await LoadAsync("immediate", immediate, run.Choose(1_000_000, 20_000));
        var queue = immediate with { Callers = AsyncCallers, Requests = [.. immediate.Requests!.Select(r => r.Replace("/queries/immediate", "/queries/async", StringComparison.Ordinal))] };
        await LoadAsync("async", queue, run.Choose(20_000, 200));
        run.Note($"{Callers} callers, then {AsyncCallers}, who wait for each step's end. The managed heap is what the last collection left.");

        async Task LoadAsync(string kind, LoadOrder order, int whole)
        {
            var done = 0;
            foreach (var percent in new[] { 10, 50, 100 })
            {
                var until = (int)((long)whole * percent / 100);
                run.Say($"{until:N0} {kind}");
                // What waits in the queue has a bound.
                for (; done < until; done += order.Calls)
                {
                    order = order with { Calls = Math.Min(kind == "async" ? 1000 : int.MaxValue, until - done) };
                    await run.Driver.RunAsync(order);
                    await QueueIsEmptyAsync(halo);
                }
                await ReportAsync(run, halo, $"after {until:N0} {kind}");
            }
        }
    }

    /// <summary>Of those that were queued the last is final: claims are in order.</summary>
    static async Task QueueIsEmptyAsync(HaloStand halo)
    {
        var last = await halo.Integrator.QueueAsync(halo.Site, PracticeData.SelectOne);
        await halo.Integrator.WhenFinalAsync(halo.Site, last.Query.Id, TimeSpan.FromMinutes(10));
    }

    static async Task ReportAsync(Run run, HaloStand halo, string when)
    {
        foreach (var (name, process) in new[] { ("API", halo.Api.Process), ("Link", halo.Link.Process) })
        {
            run.Add(new($"{name}, {when}", "MB resident", Spread.One(ProcessUsage.Of(process.Id).ResidentBytes / 1e6)) { Charted = false });
            run.Add(new($"{name}, {when}", "open files", Spread.One(process.OpenFiles)) { Charted = false });
        }
        var metrics = await halo.Api.Admin.GetStringAsync(new Uri("metrics", UriKind.Relative));
        var heap = HeapSize().Matches(metrics).Sum(m => double.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        run.Add(new($"API, {when}", "MB of managed heap", Spread.One(heap / 1e6)) { Charted = false });
    }

    [GeneratedRegex(@"^dotnet_gc_last_collection_heap_size\S*\{[^}]*\} (\S+)", RegexOptions.Multiline)]
    private static partial Regex HeapSize();
}
