using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed class Export : IScenario
{
    public string Name => "export";

    public string Summary => "A table of ten mixed columns until the last byte is with the client, against psql's COPY, straight and through an SSH tunnel.";

    public async Task MeasureAsync(Run run)
    {
        var rows = run.Choose(1_000_000, 100_000);
        var (server, database) = await run.StartPostgresAsync();
        await PracticeData.FillExportAsync(database, rows);
        var halo = run.Own(await HaloStand.StartAsync(database, settings: ("Halo__Limits__ImmediateExecutionMs", "600000")));
        var client = new ExportClient(halo, PracticeData.Export, rows);
        var tunnel = SshTunnel.Missing is null ? run.Own(await SshTunnel.StartAsync(server.Port)) : null;
        List<(string Name, Func<Task<double>> Run)> ways =
        [
            ("async, one stream of rows", client.StreamedAsync), ("async, pages as stored", client.PagesAsync),
            ("async, pages as they come", client.PagesAsTheyComeAsync), ("immediate, streamed", client.ImmediateAsync),
        ];
        var ours = ways.Count;
        if (Psql.Missing is null)
            ways.Add(("COPY", () => Psql.CopyAsync(database, PracticeData.Export)));
        if (Psql.Missing is null && tunnel is not null)
            ways.Add(("COPY, SSH tunnel", () => Psql.CopyAsync(tunnel.Through(database), PracticeData.Export)));
        foreach (var note in (string?[])[Psql.Missing, SshTunnel.Missing])
            if (note is not null)
                run.Note(note);
        foreach (var (name, way) in ways)
        {
            run.Say($"{name}: warm");
            for (var time = 0; time < run.Choose(3, 1); time++)
                await way();
        }
        var seconds = await Alternation.RunAsync(run.Choose(5, 2), [.. ways.Select(w => w.Run)]);
        for (var way = 0; way < ours; way++)
        {
            var halfs = seconds[way].Select(s => rows / s).ToList();
            if (ways.Count == ours)
                run.Add(new Figure(ways[way].Name, "rows/s", Spread.Of(halfs)));
            for (var other = ours; other < ways.Count; other++)
            {
                var figure = Figure.Against(ways[way].Name, "rows/s", halfs, ways[other].Name, [.. seconds[other].Select(s => rows / s)]);
                run.Add(other == ours ? figure.RatioAtLeast(0.5) : figure);
            }
        }
        run.Note($"{rows:N0} rows, {client.Last!.ResultSize / 1e6:0} MB of JSON in {client.Last.Result?.Pages?.Count} pages. Pages are Brotli and not decoded by the client; \"as stored\" asks for the first when the last is there, \"as they come\" for each at once.");
    }
}
