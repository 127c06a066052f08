using System.Globalization;
using System.Net;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.Cli.Tests.Exports;

/// <summary>Exports that are killed on the way, and go on.</summary>
public sealed class ExportResumeTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    [Theory]
    [InlineData("csv")]
    [InlineData("ndjson")]
    [InlineData("parquet")]
    public async Task Killed_five_times_on_the_way_it_gives_the_same_files_and_asks_the_practice_once(string format)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Kills by a signal; make it run on Linux.");
        var halo = house.CommandLine();
        var whole = await halo.RunAsync(["export", "--all-tables", "--format", format, "--out", "whole"]);
        Assert.True(whole.ExitCode == 0, whole.ToString());

        // A slow line: about a megabyte of pages takes some seconds.
        await using var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, house.Fixture.Api.Address.Port));
        proxy.Down.BytesPerSecond = 400_000;
        halo.Environment["HALO_API"] = $"http://127.0.0.1:{proxy.Port}";
        var tag = $"killed-{format}";
        string[] export = ["export", "--all-tables", "--format", format, "--out", "killed", "--tag", tag];
        var work = Path.Combine(halo.Home, "killed", ".halo-export");
        var seen = new HashSet<string>();
        for (var kill = 1; kill <= 5; kill++)
        {
            var before = seen.Count;
            var killed = await halo.RunAsync(export, meanwhile: async id =>
            {
                await Eventually.BecomesAsync(() => Task.FromResult(Fetched()), fetched => fetched >= before + 4);
                Assert.True(Signals.Send(id, Signals.Kill));
            });
            Assert.True(killed.ExitCode == 137, killed.ToString());
            Assert.True(File.Exists(Path.Combine(work, "state.json")));
        }

        var ended = await halo.RunAsync(export);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("Going on with the export", ended.Errors, StringComparison.Ordinal);
        var expected = Directory.GetFileSystemEntries(Path.Combine(halo.Home, "whole")).Select(f => Path.GetFileName(f)!).Order().ToList();
        Assert.Equal(6, expected.Count);
        Assert.Equal(expected, Directory.GetFileSystemEntries(Path.Combine(halo.Home, "killed")).Select(f => Path.GetFileName(f)!).Order());
        foreach (var file in expected)
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(halo.Home, "whole", file)), await File.ReadAllBytesAsync(Path.Combine(halo.Home, "killed", file)));

        var queries = JsonSerializer.Deserialize((await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries?tag={tag}")).Body, HaloJson.Default.QueryList)!.Queries;
        Assert.Equal(6, queries.Count);

        int Fetched()
        {
            if (Directory.Exists(work))
                seen.UnionWith(Directory.GetFiles(work, "*.page").Select(f => Path.GetFileName(f)!));
            return seen.Count;
        }
    }

    [Fact]
    public async Task What_was_written_before_is_not_fetched_or_asked_again()
    {
        var halo = house.CommandLine();
        string[] export = ["export", "--table", "practitioners", "--table", "patients", "--out", "some", "--json"];
        await using var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, house.Fixture.Api.Address.Port));
        proxy.Down.BytesPerSecond = 20_000;
        halo.Environment["HALO_API"] = $"http://127.0.0.1:{proxy.Port}";
        var first = Path.Combine(halo.Home, "some", "practitioners.csv");
        var killed = await halo.RunAsync(export, meanwhile: async id =>
        {
            await Eventually.BecomesAsync(() => Task.FromResult(File.Exists(first)), there => there);
            Assert.True(Signals.Send(id, Signals.Kill));
        });
        Assert.True(killed.ExitCode == 137, killed.ToString());
        var written = File.GetLastWriteTimeUtc(first);
        proxy.Down.BytesPerSecond = 0;
        var ended = await halo.RunAsync(export);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("1 of 2 files written", ended.Errors, StringComparison.Ordinal);
        Assert.Equal(written, File.GetLastWriteTimeUtc(first));
        Assert.Equal([12, 2_000], JsonDocument.Parse(ended.Output).RootElement.GetProperty("files").EnumerateArray().Select(f => f.GetProperty("rows").GetInt32()));
    }

    [Fact]
    public async Task A_query_whose_rows_are_gone_is_asked_anew()
    {
        var halo = house.CommandLine();
        await using var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, house.Fixture.Api.Address.Port));
        proxy.Down.BytesPerSecond = 50_000;
        halo.Environment["HALO_API"] = $"http://127.0.0.1:{proxy.Port}";
        string[] export = ["export", "--table", "invoices", "--out", "invoices.csv", "--tag", "gone"];
        var work = Path.Combine(halo.Home, ".invoices.csv.halo-export");
        var killed = await halo.RunAsync(export, meanwhile: async id =>
        {
            await Eventually.BecomesAsync(() => Task.FromResult(Directory.Exists(work) ? Directory.GetFiles(work, "*.page").Length : 0), pages => pages > 0);
            Assert.True(Signals.Send(id, Signals.Kill));
        });
        var state = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(work, "state.json"))).RootElement;
        Assert.DoesNotContain("SELECT", state.GetRawText(), StringComparison.OrdinalIgnoreCase);
        var query = state.GetProperty("files")[0].GetProperty("query").GetGuid();
        using (var client = new HttpClient { BaseAddress = house.Fixture.Api.Address, DefaultRequestHeaders = { { "Ocp-Apim-Subscription-Key", house.Integrator.Key } } })
        using (var removed = await client.DeleteAsync(new Uri($"integrator/sites/{house.Site.Id}/queries/{query}/results", UriKind.Relative)))
            Assert.True(removed.IsSuccessStatusCode, removed.StatusCode.ToString());

        proxy.Down.BytesPerSecond = 0;
        var ended = await halo.RunAsync(export);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("asked again", ended.Errors, StringComparison.Ordinal);
        var rows = await ExportedRows.ReadAsync(Path.Combine(halo.Home, "invoices.csv"));
        Assert.Equal((await DatabaseRows.SqliteAsync(house.ConnectionString, "invoices")).Rows.Count.ToString(CultureInfo.InvariantCulture), rows.Rows.Count.ToString(CultureInfo.InvariantCulture));
        Assert.False(Directory.Exists(work));
    }
}
