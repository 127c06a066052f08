using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;
using Halo.Testing.Tds;

namespace Halo.Bench.Scenarios;

sealed class SqlServer : IScenario
{
    public string Name => "sql-server";

    public string Summary => "Rows of nvarchar(max), xml and varbinary(max) from a TDS server, against a bare SqlClient reader; and one xml value of 1 to 8 MB.";

    public async Task MeasureAsync(Run run)
    {
        var rows = run.Choose(1_000_000, 50_000);
        var server = run.Own(new TdsServer(TdsPractice.AnswerAsync));
        var halo = run.Own(await HaloStand.StartAsync(server.ConnectionString, engine: "sqlServer", settings: ("Halo__Limits__ImmediateExecutionMs", "600000")));
        var sql = TdsPractice.Rows(rows);
        var client = new ExportClient(halo, sql, rows);
        Func<Task<double>>[] ways =
        [
            client.ImmediateAsync, client.PagesAsTheyComeAsync,
            () => Task.Run(() => SqlClientReader.Read(server.ConnectionString, sql, rows)),
        ];
        run.Say("warm");
        foreach (var way in ways)
            await way();
        ProcessUsage.ForgetPeak(halo.Link.Process.Id);
        var seconds = await Alternation.RunAsync(run.Choose(3, 1), ways);
        List<double>[] rates = [.. seconds.Select(s => s.Select(t => rows / t).ToList())];
        run.Add(Figure.Against("immediate, streamed", "rows/s", rates[0], "SqlClient", rates[2]).RatioAtLeast(0.5));
        run.Add(Figure.Against("async, pages as they come", "rows/s", rates[1], "SqlClient", rates[2]).RatioAtLeast(0.5));
        run.Add(Peak("Link, peak over these rows", halo));
        ProcessUsage.ForgetPeak(halo.Link.Process.Id);
        await MeasureXmlAsync(run, halo);
        run.Add(Peak("Link, peak over these values", halo));
        run.Note($"{rows:N0} rows of an int, nvarchar(max) of 90 characters, xml of 160 and varbinary(max) of 120 bytes. The server sends a block of a thousand rows again and again and runs in the harness, as the bare reader does.");
    }

    static Figure Peak(string name, HaloStand halo) =>
        new Figure(name, "MB resident", Spread.One(ProcessUsage.Of(halo.Link.Process.Id).PeakResidentBytes / 1e6)).AtMost(150);

    static async Task MeasureXmlAsync(Run run, HaloStand halo)
    {
        int[] sizes = [1, 2, 4, 8];
        var clients = sizes.Select(s => new ExportClient(halo, TdsPractice.Xml(s), 1)).ToList();
        foreach (var client in clients)
            await client.ImmediateAsync();
        var seconds = await Alternation.RunAsync(run.Choose(9, 3), [.. clients.Select(c => (Func<Task<double>>)c.ImmediateAsync)]);
        List<double>[] perMegabyte = [.. sizes.Select((s, i) => seconds[i].Select(t => t * 1000 / s).ToList())];
        for (var i = 1; i < sizes.Length; i++)
            run.Add(Figure.Against($"one xml value of {sizes[i]} MB", "ms/MB", perMegabyte[i], "of 1 MB", perMegabyte[0]).RatioAtMost(2) with { Charted = false });
    }
}
