using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Testing;

namespace Halo.Bench.Scenarios;

/// <summary>Two builds beside each other, so that what a change costs is seen on the day it is made.</summary>
/// <param name="other">A commit or a directory of programs.</param>
sealed class Builds(string other) : IScenario
{
    static readonly (string Name, string Sql, int Callers)[] Shapes =
    [
        ("SELECT 1, 1 caller", PracticeData.SelectOne, 1), ("SELECT 1, 64 callers", PracticeData.SelectOne, 64),
        ("1,000 rows × 5, 8 callers", PracticeData.Thousand, 8),
    ];

    public string Name => "builds";

    public string Summary => $"This build against another ({other}), in turns over one PostgreSQL: how fast, and how much processor time a query costs each program.";

    public async Task MeasureAsync(Run run)
    {
        var (_, database) = await run.StartPostgresAsync();
        await PracticeData.FillAsync(database);
        await PracticeData.FillExportAsync(database, run.Choose(200_000, 20_000));
        run.Say($"the programs of {other}");
        var build = run.Own(await OtherBuild.OfAsync(other));
        var now = run.Own(await HaloStand.StartAsync(database));
        var before = run.Own(await StartAsync(build.Programs, database));
        var direct = run.Own(await DirectApi.StartAsync(database));
        await run.WarmAsync([now.Immediate(PracticeData.SelectOne, 64), before.Immediate(PracticeData.SelectOne, 64), direct.Query(PracticeData.SelectOne, 64)]);
        foreach (var (name, sql, callers) in Shapes)
        {
            run.Say(name);
            await CompareAsync(run, name, now, before, direct, sql, callers);
        }
        run.Say("export");
        await CompareExportsAsync(run, now, before, run.Choose(200_000, 20_000));
        run.Note("The reference is the other build. Processor time is the scheduler's own count for each program, divided by the calls of the round.");
    }

    static async Task<HaloStand> StartAsync(string programs, string database)
    {
        var own = Repository.PublishedPrograms;
        Repository.PublishedPrograms = programs;
        try
        {
            return await HaloStand.StartAsync(database);
        }
        finally
        {
            Repository.PublishedPrograms = own;
        }
    }

    async Task CompareAsync(Run run, string what, HaloStand now, HaloStand before, DirectApi direct, string sql, int callers)
    {
        var seconds = run.Choose(3.0, 0.5);
        List<Func<Task<Turn>>> ways =
        [
            () => MeasureAsync(run, now, now.Immediate(sql, callers) with { Seconds = seconds }),
            () => MeasureAsync(run, before, before.Immediate(sql, callers) with { Seconds = seconds }),
            async () => new(await run.Driver.RunAsync(direct.Query(sql, callers) with { Seconds = seconds }), 0, 0),
        ];
        foreach (var way in ways)
            await way();
        var turns = await Alternation.RunAsync(run.Choose(9, 2), ways);
        run.Add(Against("ms, p50", t => t.Load.P50));
        run.Add(Against("ms, p99", t => t.Load.P99));
        run.Add(Against("calls/s", t => t.Load.PerSecond).RatioAtLeast(0.95));
        run.Add(Against("µs of processor time a call, API", t => t.ApiMicroseconds));
        run.Add(Against("µs of processor time a call, Link", t => t.LinkMicroseconds));
        run.Add(Direct("this build ÷ direct API", turns[0]));
        run.Add(Direct("the other ÷ direct API", turns[1]));

        Figure Against(string unit, Func<Turn, double> value) =>
            Figure.Against(what, unit, [.. turns[0].Select(value)], other, [.. turns[1].Select(value)]);

        Figure Direct(string which, IReadOnlyList<Turn> ours) =>
            Figure.Against($"{what}, {which}", "calls/s", [.. ours.Select(t => t.Load.PerSecond)], DirectApi.Name, [.. turns[2].Select(t => t.Load.PerSecond)]) with { Charted = false };
    }

    static async Task<Turn> MeasureAsync(Run run, HaloStand stand, LoadOrder order)
    {
        var (api, link) = Used(stand);
        var load = await run.Driver.RunAsync(order);
        var (apiAfter, linkAfter) = Used(stand);
        return new(load, (apiAfter - api) * 1e6 / load.Calls, (linkAfter - link) * 1e6 / load.Calls);
    }

    static (double Api, double Link) Used(HaloStand stand) =>
        (ProcessUsage.Of(stand.Api.Process.Id).ProcessorSeconds, ProcessUsage.Of(stand.Link.Process.Id).ProcessorSeconds);

    async Task CompareExportsAsync(Run run, HaloStand now, HaloStand before, int rows)
    {
        var (ours, theirs) = (new ExportClient(now, PracticeData.Export, rows), new ExportClient(before, PracticeData.Export, rows));
        List<(string Name, Func<Task<double>> Now, Func<Task<double>> Before)> ways =
            [("export, async pages as stored", ours.PagesAsync, theirs.PagesAsync), ("export, immediate, streamed", ours.ImmediateAsync, theirs.ImmediateAsync)];
        foreach (var (name, oursWay, theirsWay) in ways)
        {
            await oursWay();
            await theirsWay();
            var seconds = await Alternation.RunAsync(run.Choose(5, 2), [oursWay, theirsWay]);
            run.Add(Figure.Against(name, "rows/s", [.. seconds[0].Select(s => rows / s)], other, [.. seconds[1].Select(s => rows / s)]).RatioAtLeast(0.95));
        }
    }

    /// <summary>One round of one build.</summary>
    sealed record Turn(LoadResult Load, double ApiMicroseconds, double LinkMicroseconds);
}
