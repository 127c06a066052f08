using System.Text;
using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed class Immediate : IScenario
{
    const string Rows = "application/vnd.halo.rows+json";

    static readonly (string Name, string Sql, string? Accept)[] Shapes =
    [
        ("SELECT 1", PracticeData.SelectOne, null), ("1 row × 20", PracticeData.Twenty, null),
        ("1,000 rows × 5", PracticeData.Thousand, null), ("1,000 rows × 5, as rows", PracticeData.Thousand, Rows),
    ];

    public string Name => "immediate";

    public string Summary => "Immediate queries against a minimal API straight on the database, and against Npgsql through an SSH tunnel; closed loop, service times.";

    public async Task MeasureAsync(Run run)
    {
        var (server, database) = await run.StartPostgresAsync();
        await PracticeData.FillAsync(database);
        var halo = run.Own(await HaloStand.StartAsync(database));
        var direct = run.Own(await DirectApi.StartAsync(database));
        var tunnel = SshTunnel.Missing is null ? run.Own(await SshTunnel.StartAsync(server.Port)) : null;
        if (tunnel is null)
            run.Note(SshTunnel.Missing!);
        await CompareAnswersAsync(halo, direct);
        using var commit = new LedgerCommit(halo.Api.DataDirectory);
        await run.WarmAsync([halo.Immediate(PracticeData.SelectOne, 64), direct.Query(PracticeData.SelectOne, 64)]);
        foreach (var shape in Shapes)
        {
            foreach (var callers in (int[])[1, 8, 64])
            {
                run.Say($"{shape.Name}, {callers} callers");
                LoadOrder[] orders =
                [
                    halo.Immediate(shape.Sql, callers, shape.Accept), direct.Query(shape.Sql, callers),
                    .. tunnel is null ? [] : new[] { new LoadOrder(callers) { ConnectionString = tunnel.Through(database), Sql = shape.Sql } },
                ];
                await MeasureAsync(run, shape.Name, callers, orders, commit);
            }
        }
        run.Note("\"As rows\": `Accept: application/vnd.halo.rows+json`; otherwise Halo's answer holds the rows in base64. The direct API always gives the rows themselves.");
        run.Note("A closed loop asks no faster than it is answered: the times are those of served calls, not of arrivals at a fixed rate.");
    }

    static async Task MeasureAsync(Run run, string shape, int callers, LoadOrder[] orders, LedgerCommit commit)
    {
        foreach (var order in orders)
            await run.Driver.RunAsync(order with { Seconds = run.Choose(2.0, 0.3) });
        var commits = new List<double>();
        var ways = orders.Select(o => (Func<Task<LoadResult>>)(() => run.Driver.RunAsync(o with { Seconds = run.Choose(3.0, 0.4) }))).ToList();
        ways.Add(() =>
        {
            commits.Add(commit.MedianMs(run.Choose(200, 50)));
            return Task.FromResult(new LoadResult(0, 1, 0, 0, 0, 0, 0, 0));
        });
        var results = await Alternation.RunAsync(run.Choose(7, 2), ways);
        var what = callers == 1 ? $"{shape}, 1 caller" : $"{shape}, {callers} callers";
        var halo = results[0];
        for (var i = 1; i < orders.Length; i++)
        {
            var (reference, other) = (i == 1 ? DirectApi.Name : SshTunnel.Name, results[i]);
            run.Add(Against("ms, p50", r => r.P50));
            run.Add(Against("ms, p99", r => r.P99));
            var rate = Against("calls/s", r => r.PerSecond);
            run.Add(callers == 64 && i == 1 && shape == "SELECT 1" ? rate.RatioAtLeast(0.5) : rate);

            Figure Against(string unit, Func<LoadResult, double> value) =>
                Figure.Against(what, unit, [.. halo.Select(value)], reference, [.. other.Select(value)]);
        }
        if (shape == "SELECT 1" && callers == 1)
            AddGoals(run, what, halo, results[1], commits);
        if (shape == "SELECT 1" && callers == 64)
            run.Add(new Figure(what, "p99 ÷ own p50", Spread.Of(halo.Select(r => r.P99 / r.P50))) { Charted = false }.AtMost(5));
    }

    static void AddGoals(Run run, string what, IReadOnlyList<LoadResult> halo, IReadOnlyList<LoadResult> direct, List<double> commits)
    {
        var less = halo.Zip(commits, (h, c) => h.P50 - c).ToList();
        run.Add(new Figure("one durable single-row ledger commit", "ms, median", Spread.Of(commits)) { Charted = false });
        run.Add(new Figure($"{what}: added over the direct API, raw", "ms", Spread.Of(halo.Zip(direct, (h, d) => h.P50 - d.P50))) { Charted = false });
        run.Add(new Figure($"{what}: added over the direct API, less one commit", "ms", Spread.Of(less.Zip(direct, (l, d) => l - d.P50))) { Charted = false }.AtMost(0.15));
        run.Add((Figure.Against($"{what}, less one commit", "ms, p50 less one commit", less, DirectApi.Name, [.. direct.Select(d => d.P50)]) with { Charted = false }).RatioAtMost(2));
    }

    /// <summary>Both give the same rows, or the comparison would be of different work.</summary>
    static async Task CompareAnswersAsync(HaloStand halo, DirectApi direct)
    {
        var answer = await halo.Integrator.ImmediateAsync(halo.Site, PracticeData.SelectOne);
        if (answer.Query.Result?.Data is not { } data)
            throw new InvalidOperationException($"Halo answered {answer}");
        var (ours, theirs) = (Encoding.UTF8.GetString(Convert.FromBase64String(data)), await direct.AskAsync(PracticeData.SelectOne));
        if (ours != theirs)
            throw new InvalidOperationException($"Halo gives {ours}, the direct API {theirs}.");
        foreach (var (_, sql, _) in Shapes)
        {
            if ((await direct.AskAsync(sql)).Length < 9)
                throw new InvalidOperationException($"No rows: {sql}");
        }
    }
}
