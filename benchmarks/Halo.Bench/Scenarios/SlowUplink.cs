using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Bench.Uplinks;

namespace Halo.Bench.Scenarios;

sealed class SlowUplink : IScenario
{
    const double Megabits = 20;
    static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(30);

    public string Name => "slow-uplink";

    public string Summary => "The export on an uplink of 20 Mbit/s and 30 ms round trip (the harness's own proxy, one bucket for all connections), against COPY through an SSH tunnel over the same.";

    public async Task MeasureAsync(Run run)
    {
        if ((Psql.Missing ?? SshTunnel.Missing) is { } missing)
            run.Note(missing);
        var rows = run.Choose(1_000_000, 60_000);
        var (server, database) = await run.StartPostgresAsync();
        await PracticeData.FillExportAsync(database, rows);
        Uplink? line = null;
        var halo = run.Own(await HaloStand.StartAsync(database, port => (line = run.Own(new Uplink(port, Megabits, RoundTrip))).Address));
        var client = new ExportClient(halo, PracticeData.Export, rows);
        List<(string Name, Func<Task<double>> Run)> ways = [("async, one stream of rows", client.StreamedAsync)];
        if ((Psql.Missing ?? SshTunnel.Missing) is null)
        {
            await AddTunnelAsync("COPY, SSH tunnel", compressed: false);
            await AddTunnelAsync("COPY, SSH tunnel with -C", compressed: true);
        }
        // Compiled and pooled before it counts, over a line that is not paid for: one row.
        await new ExportClient(halo, "SELECT 1 AS one", 1).StreamedAsync();
        var before = line!.Carried;
        var seconds = await Alternation.RunAsync(run.Choose(3, 1), [.. ways.Select(w => w.Run)]);
        var halfs = seconds[0].Select(s => rows / s).ToList();
        if (ways.Count == 1)
            run.Add(new Figure(ways[0].Name, "rows/s", Spread.Of(halfs)));
        for (var other = 1; other < ways.Count; other++)
        {
            var figure = Figure.Against(ways[0].Name, "rows/s", halfs, ways[other].Name, [.. seconds[other].Select(s => rows / s)]);
            run.Add(other == 1 ? figure.RatioAtLeast(2.5) : figure);
        }
        run.Note($"{rows:N0} rows, {client.Last!.ResultSize / 1e6:0.0} MB of JSON; {(line.Carried - before) / 1e6 / seconds[0].Count:0.0} MB of Halo's went up.");

        async Task AddTunnelAsync(string name, bool compressed)
        {
            var tunnel = run.Own(await SshTunnel.StartAsync(server.Port, port => run.Own(new Uplink(port, Megabits, RoundTrip)).Address, compressed));
            ways.Add((name, () => Psql.CopyAsync(tunnel.Through(database), PracticeData.Export)));
        }
    }
}
