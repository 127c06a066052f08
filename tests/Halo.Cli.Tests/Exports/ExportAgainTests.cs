using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Cli.Exports;
using Halo.Cli.Output;
using Halo.Client;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;
using Halo.Testing.Proxy;

namespace Halo.Cli.Tests.Exports;

/// <summary>What the same command does after a run that did not come to its end: what may write is never run again by itself.</summary>
public sealed class ExportAgainTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    [Theory]
    [InlineData(null)]
    [InlineData("mine")]
    public async Task A_write_whose_rows_are_gone_is_not_executed_again(string? key)
    {
        var table = $"written_{key ?? "own"}";
        var halo = house.CommandLine();
        await using var proxy = Through(halo);
        Assert.Equal(0, (await halo.RunAsync(["execute", $"CREATE TABLE {table} (n int)"])).ExitCode);
        string[] export = ["export", $"INSERT INTO {table} VALUES (7) RETURNING n", "--out", "written.parquet", "--format", "parquet", .. key is null ? (string[])[] : ["--idempotency-key", key + Guid.NewGuid()]];
        var query = await LeftAsync(halo, proxy, "written.parquet", export);
        await RemoveAsync(query);

        foreach (var again in (string[][])[export, [.. export, "--text", "n"]])
        {
            var refused = await halo.RunAsync(again);
            Assert.True(refused.ExitCode == 5, refused.ToString());
            Assert.Contains(query.ToString(), refused.Errors, StringComparison.Ordinal);
            Assert.Contains("idempotency key ", refused.Errors, StringComparison.Ordinal);
            Assert.Contains("--restart", refused.Errors, StringComparison.Ordinal);
            Assert.Equal("n\r\n1\r\n", (await halo.RunAsync(["query", $"SELECT count(*) AS n FROM {table}", "--output", "csv"])).Output);
        }
        await SetAsync(halo, "written.parquet", state => state["began"] = DateTimeOffset.UtcNow.AddHours(-23.1).ToString("O"));
        var old = await halo.RunAsync(export);
        Assert.True(old.ExitCode == 5, old.ToString());
        Assert.Contains("--restart", old.Errors, StringComparison.Ordinal);
        Assert.Equal("n\r\n1\r\n", (await halo.RunAsync(["query", $"SELECT count(*) AS n FROM {table}", "--output", "csv"])).Output);
    }

    [Theory]
    [InlineData("--table appointments", true, 0)]
    // It might call a function that writes.
    [InlineData("SELECT * FROM appointments", false, 0)]
    [InlineData("INSERT INTO copied SELECT * FROM appointments RETURNING *", false, 40_000)]
    public async Task Where_pages_are_lost_meanwhile_only_a_table_is_asked_anew(string what, bool isAsked, int copied)
    {
        var halo = house.CommandLine();
        Assert.Equal(0, (await halo.RunAsync(["execute", "CREATE TABLE IF NOT EXISTS copied AS SELECT * FROM appointments WHERE 0"])).ExitCode);
        await using var proxy = Through(halo);
        proxy.Down.BytesPerSecond = 50_000;
        var work = Path.Combine(halo.Home, ".pages.csv.halo-export");
        var ended = await halo.RunAsync(["export", .. what.StartsWith("--", StringComparison.Ordinal) ? what.Split(' ') : [what], "--out", "pages.csv"], meanwhile: async _ =>
        {
            await Eventually.BecomesAsync(() => Task.FromResult(Directory.Exists(work) ? Directory.GetFiles(work, "*.page").Length : 0), pages => pages > 0);
            await RemoveAsync((await StateAsync(halo, "pages.csv"))["files"]![0]!["query"]!.GetValue<Guid>());
            proxy.Down.BytesPerSecond = 0;
        });
        Assert.True(ended.ExitCode == (isAsked ? 0 : 5), ended.ToString());
        Assert.Equal(isAsked, ended.Errors.Contains("asked again", StringComparison.Ordinal));
        Assert.Equal(isAsked, File.Exists(Path.Combine(halo.Home, "pages.csv")));
        Assert.Equal(!isAsked, ended.Errors.Contains("--restart", StringComparison.Ordinal));
        Assert.Equal($"n\r\n{copied}\r\n", (await halo.RunAsync(["query", "SELECT count(*) AS n FROM copied", "--output", "csv"])).Output);
        await halo.RunAsync(["execute", "DROP TABLE copied"]);
    }

    [Fact]
    public async Task An_empty_result_whose_columns_are_gone_is_asked_anew()
    {
        var halo = house.CommandLine();
        await using var proxy = Through(halo);
        Assert.Equal(0, (await halo.RunAsync(["execute", "CREATE TABLE IF NOT EXISTS nobody (id INTEGER, last_name TEXT)"])).ExitCode);
        string[] export = ["export", "--table", "nobody", "--out", "none.parquet", "--format", "parquet"];
        await RemoveAsync(await LeftAsync(halo, proxy, "none.parquet", export));
        var ended = await halo.RunAsync(export);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Contains("asked again", ended.Errors, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(halo.Home, "none.parquet")));
    }

    [Fact]
    public async Task An_export_that_began_yesterday_is_not_mixed_with_one_of_today()
    {
        var halo = house.CommandLine();
        await using var proxy = Through(halo);
        string[] export = ["export", "--table", "practitioners", "--out", "two.parquet", "--format", "parquet", "--json"];
        await LeftAsync(halo, proxy, "two.parquet", export);
        var began = DateTimeOffset.UtcNow.AddHours(-22.9);
        await SetAsync(halo, "two.parquet", state => state["began"] = began.AddHours(-0.2).ToString("O"));
        var refused = await halo.RunAsync(export);
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains("--restart", refused.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(halo.Home, "two.parquet")));

        await SetAsync(halo, "two.parquet", state => state["began"] = began.ToString("O"));
        var ended = await halo.RunAsync(export);
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.Equal(began, JsonDocument.Parse(ended.Output).RootElement.GetProperty("began").GetDateTimeOffset());
    }

    [Fact]
    public async Task SQL_without_rows_leaves_nothing_and_a_summary_says_why_it_ended()
    {
        var halo = house.CommandLine();
        var none = await halo.RunAsync(["export", "CREATE TABLE without_rows (n int)", "--out", "none.csv", "--json"]);
        Assert.True(none.ExitCode == 1, none.ToString());
        Assert.Contains("no rows to export", JsonDocument.Parse(none.Output).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(halo.Home, "*none*"));
    }

    [Fact]
    public async Task A_target_or_a_work_directory_that_is_another_s_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Makes links and sets rights; run it on Linux.");
        var halo = house.CommandLine();
        Directory.CreateDirectory(Path.Combine(halo.Home, "some", "practitioners.csv"));
        var directory = await halo.RunAsync(["export", "--table", "practitioners", "--table", "patients", "--out", "some", "--force"]);
        Assert.True(directory.ExitCode == 1, directory.ToString());
        Assert.Contains("is a directory or a link", directory.Errors, StringComparison.Ordinal);
        File.CreateSymbolicLink(Path.Combine(halo.Home, "one.csv"), "elsewhere");
        Assert.Equal(1, (await halo.RunAsync(["export", "SELECT 1 AS one", "--out", "one.csv", "--force"])).ExitCode);

        Directory.CreateDirectory(Path.Combine(halo.Home, ".open.csv.halo-export"));
        Directory.CreateDirectory(Path.Combine(halo.Home, "mine"));
        Directory.CreateSymbolicLink(Path.Combine(halo.Home, ".linked.csv.halo-export"), "mine");
        foreach (var name in (string[])["open", "linked"])
        {
            var refused = await halo.RunAsync(["export", "SELECT 1 AS one", "--out", $"{name}.csv"]);
            Assert.True(refused.ExitCode == 1, refused.ToString());
            Assert.Contains($".{name}.csv.halo-export", refused.Errors, StringComparison.Ordinal);
        }
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(halo.Home, "mine")));
    }

    [Fact]
    public async Task CSV_for_a_spreadsheet_has_no_formulas()
    {
        var halo = house.CommandLine();
        string[] export = ["export", "SELECT '=1+1' AS a, '-12.50' AS b, -1 AS c, '@x' AS d, '' AS e, '\uFF1D1' AS f, 'a=b' AS g", "--csv-formulas", "escape"];
        const string escaped = "a,b,c,d,e,f,g\r\n\"'=1+1\",-12.50,-1,\"'@x\",\"\",\"'\uFF1D1\",a=b\r\n";
        Assert.Equal(escaped, (await halo.RunAsync(export)).Output);
        Assert.Equal(0, (await halo.RunAsync([.. export, "--out", "escaped.csv"])).ExitCode);
        Assert.Equal(escaped, await File.ReadAllTextAsync(Path.Combine(halo.Home, "escaped.csv")));
    }

    [Theory]
    [InlineData("SELECT 1", null, false)]
    [InlineData("SELECT 1", "k", false)]
    [InlineData("INSERT INTO t VALUES (1) RETURNING n", null, false)]
    [InlineData(null, null, true)]
    public void Only_tables_are_repeatable(string? sql, string? key, bool isRepeatable) => Assert.Equal(isRepeatable,
        new ExportRequest(ExportForm.Csv, "d", "f") { Command = sql is null ? null : HaloCommand.Text(sql), Options = new() { IdempotencyKey = key } }.IsRepeatable);

    [Fact]
    public void Names_of_files_fit_every_file_system_and_steer_no_terminal()
    {
        var longest = new string('\u0915', 66);
        var files = TableSelection.Files(new[] { longest, longest + "ab", longest + "abc", longest + "abd", "a\u009bb\u202e\u200f", "b" }.Select(n => new SchemaTable(null, n, SchemaTableKind.Table, [])), ExportForm.Csv, () => "k");
        Assert.Equal(6, files.Select(f => f.File).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.All(files, f => Assert.InRange(Encoding.UTF8.GetByteCount(f.File), 1, 204));
        Assert.Equal(longest + "ab.csv", files[1].File);
        Assert.Equal("a%9Bb%202E%200F.csv", files[4].File);
        Assert.Equal("\\u009b\\u200e\\u061c", Printable.Of("\u009b\u200e\u061c"));
    }

    /// <summary>Sends what the command line asks over a line of its own.</summary>
    SocketProxy Through(CommandLine halo)
    {
        var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, house.Fixture.Api.Address.Port));
        halo.Environment["HALO_API"] = $"http://127.0.0.1:{proxy.Port}";
        return proxy;
    }

    /// <summary>Runs an export until its query is there, and no further.</summary>
    /// <returns>The query that its state names.</returns>
    static async Task<Guid> LeftAsync(CommandLine halo, SocketProxy proxy, string file, string[] export)
    {
        proxy.Down.Passed = piece =>
        {
            if (Encoding.UTF8.GetString(piece.Span).Contains("queryId", StringComparison.OrdinalIgnoreCase))
                proxy.Down.Mode = LineMode.Pause;
        };
        await halo.RunAsync(export, meanwhile: async id =>
        {
            await Eventually.BecomesAsync(async () => File.Exists(StatePath(halo, file)) && (await StateAsync(halo, file))["files"]![0]!["query"] is not null, isThere => isThere);
            Assert.True(Signals.Send(id, Signals.Kill));
        });
        proxy.Down.Passed = null;
        proxy.Down.Mode = LineMode.Pass;
        return (await StateAsync(halo, file))["files"]![0]!["query"]!.GetValue<Guid>();
    }

    static async Task<JsonNode> StateAsync(CommandLine halo, string file) => JsonNode.Parse(await File.ReadAllTextAsync(StatePath(halo, file)))!;

    static async Task SetAsync(CommandLine halo, string file, Action<JsonNode> set)
    {
        var state = await StateAsync(halo, file);
        set(state);
        await File.WriteAllTextAsync(StatePath(halo, file), state.ToJsonString());
    }

    static string StatePath(CommandLine halo, string file) => Path.Combine(halo.Home, $".{file}.halo-export", "state.json");

    async Task RemoveAsync(Guid query)
    {
        using var client = new HttpClient { BaseAddress = house.Fixture.Api.Address, DefaultRequestHeaders = { { "Ocp-Apim-Subscription-Key", house.Integrator.Key } } };
        // Refused while the query runs.
        await Eventually.BecomesAsync(async () =>
        {
            using var removed = await client.DeleteAsync(new Uri($"integrator/sites/{house.Site.Id}/queries/{query}/results", UriKind.Relative));
            return removed.IsSuccessStatusCode;
        }, isRemoved => isRemoved);
    }
}
