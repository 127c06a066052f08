using System.Diagnostics;
using System.Net;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Testing;

namespace Halo.Bench.Scenarios;

/// <summary>What the first callers after a start meet: of the programs as they are installed, which <c>./build</c> compiles ahead of time and which warm up.</summary>
sealed class ColdStart : IScenario
{
    const int First = 1000;

    public string Name => "cold-start";

    public string Summary => "API and Link started anew: time until ready and online, the first call, the first 1,000 by one caller against as many once warm.";

    public async Task MeasureAsync(Run run)
    {
        var own = Repository.PublishedPrograms;
        if (own is null)
        {
            // Programs as a test's build leaves them are no measure of a start: they are not compiled ahead, and the harness lets them do no warm-up.
            run.Say("./build");
            await Child.RunAsync(Path.Combine(Repository.Root, "build"));
            Repository.PublishedPrograms = Path.Combine(Repository.Root, "out");
        }
        try
        {
            await MeasurePublishedAsync(run);
        }
        finally
        {
            Repository.PublishedPrograms = own;
        }
    }

    static async Task MeasurePublishedAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        var halo = run.Own(await HaloStand.StartAsync(database));
        var order = halo.Immediate(PracticeData.SelectOne, 1) with { Calls = First };
        // Once before it counts: the harness's own client is cold, too.
        await RestartAsync(halo);
        var (ready, online, first, early, warm) = (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round < run.Choose(5, 2); round++)
        {
            var (apiMs, linkMs, firstMs) = await RestartAsync(halo);
            ready.Add(apiMs);
            online.Add(linkMs);
            first.Add(firstMs);
            early.Add((await run.Driver.RunAsync(order)).P50);
            await run.Driver.RunAsync(order with { Seconds = run.Choose(20.0, 3.0), Calls = 0 });
            warm.Add((await run.Driver.RunAsync(order)).P50);
        }
        run.Add(new("API, from its start until it says that it is ready", "ms", Spread.Of(ready)) { Charted = false });
        run.Add(new("Link, from its start until its site is online", "ms", Spread.Of(online)) { Charted = false });
        run.Add(new Figure("the first call", "ms", Spread.Of(first)).AtMost(30));
        run.Add(Figure.Against("the first 1,000, one caller", "ms, p50", early, "once warm", warm).RatioAtMost(1.3));
        run.Note($"The programs: {Repository.PublishedPrograms}, compiled ahead of time.");
        run.Note("The API answers nothing before /health/ready says 200; the first call is the first query of this run of both programs.");
    }

    static async Task<(double ApiMs, double LinkMs, double FirstMs)> RestartAsync(HaloStand halo)
    {
        await halo.StopAsync();
        var start = Stopwatch.GetTimestamp();
        await halo.Api.StartAsync();
        var ready = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        start = Stopwatch.GetTimestamp();
        await halo.Link.StartAsync();
        var online = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        start = Stopwatch.GetTimestamp();
        var answer = await halo.Integrator.ImmediateAsync(halo.Site, PracticeData.SelectOne);
        var first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return answer.Status == HttpStatusCode.OK ? (ready, online, first) : throw new InvalidOperationException($"The first call was answered {answer}");
    }
}
