using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Testing;

namespace Halo.Cli.Tests;

/// <summary>What people and scripts type, against the real programs.</summary>
public sealed class CommandTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    const string Two = "SELECT id, last_name, NULL AS empty, 'a,\"b\" | c' AS odd FROM patients WHERE id IN (66, 67) ORDER BY id";

    [Fact]
    public async Task A_query_shows_its_rows_in_each_form()
    {
        var halo = house.CommandLine();
        var table = await halo.RunAsync(["query", "SELECT id, last_name FROM patients WHERE id = @id", "-p", "id=66"]);
        Assert.True(table.ExitCode == 0, table.ToString());
        Assert.Equal(" id  last_name\n---  ---------\n 66  Smith\n", table.Output);
        Assert.StartsWith("(1 row, ", table.Errors, StringComparison.Ordinal);

        var rows = JsonDocument.Parse((await halo.RunAsync(["query", Two, "--output", "json"])).Output).RootElement;
        Assert.Equal((2, 66, "Smith", JsonValueKind.Null), (rows.GetArrayLength(), rows[0].GetProperty("id").GetInt32(), rows[0].GetProperty("last_name").GetString(), rows[0].GetProperty("empty").ValueKind));

        var lines = (await halo.RunAsync(["query", Two, "--output", "ndjson"])).Output;
        Assert.Equal(rows.EnumerateArray().Select(r => r.GetRawText()), lines.TrimEnd('\n').Split('\n'));

        var csv = (await halo.RunAsync(["query", Two, "--output", "csv"])).Output;
        Assert.StartsWith("id,last_name,empty,odd\r\n66,Smith,,\"a,\"\"b\"\" | c\"\r\n67,", csv, StringComparison.Ordinal);

        var markdown = (await halo.RunAsync(["query", Two, "--output", "markdown"])).Output.Split('\n');
        Assert.StartsWith("|  66 | Smith", markdown[2], StringComparison.Ordinal);
        Assert.Contains("a,\"b\" \\| c", markdown[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_rows_have_their_columns_all_the_same()
    {
        var halo = house.CommandLine();
        Assert.Equal("id\r\n", (await halo.RunAsync(["query", "SELECT id FROM patients WHERE id = -1", "--output", "csv"])).Output);
        Assert.Equal("[]\n", (await halo.RunAsync(["query", "SELECT id FROM patients WHERE id = -1", "--output", "json"])).Output);
    }

    [Fact]
    public async Task The_text_comes_from_a_file_or_standard_input_too()
    {
        var halo = house.CommandLine();
        Assert.Equal("one\r\n1\r\n", (await halo.RunAsync(["query", "--output", "csv"], "SELECT 1 AS one")).Output);
        var file = Path.Combine(house.Fixture.TemporaryDirectory, "q.sql");
        await File.WriteAllTextAsync(file, "SELECT @a AS a, @b AS b, @c AS c");
        var typed = await halo.RunAsync(["query", "--file", file, "--output", "ndjson", "-p", "a:Int=5", "-p", "b==5", "-p", "c"]);
        Assert.Equal("{\"a\":5,\"b\":\"=5\",\"c\":null}\n", typed.Output);
    }

    [Fact]
    public async Task Control_characters_of_values_do_not_reach_the_terminal()
    {
        var shown = await house.CommandLine().RunAsync(["query", "SELECT 'a' || char(27) || '[2J' || char(10) || 'b' AS v"]);
        Assert.Contains("a\\u001b[2J\\nb", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", shown.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_write_says_how_many_rows_it_changed_and_is_done_once_under_one_key()
    {
        var halo = house.CommandLine();
        Assert.Equal("0\n", (await halo.RunAsync(["execute", "CREATE TABLE typed (n int)"])).Output.Replace("-1", "0", StringComparison.Ordinal));
        foreach (var _ in (int[])[1, 2])
            Assert.Equal("1\n", (await halo.RunAsync(["execute", "INSERT INTO typed VALUES (@n)", "-p", "n:Int=1", "--idempotency-key", "typed-1"])).Output);
        Assert.Equal("n\r\n1\r\n", (await halo.RunAsync(["query", "SELECT COUNT(*) AS n FROM typed", "--output", "csv"])).Output);
    }

    [Fact]
    public async Task A_write_that_is_interrupted_is_stopped_at_the_practice_and_says_how_to_ask_what_became_of_it()
    {
        const string sql = "UPDATE appointments SET note = (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000000) SELECT MAX(n) FROM c) WHERE id = 7";
        var halo = house.CommandLine();
        // Whoever starts these tests may have SIGINT ignored, and children inherit that; both end the command alike.
        var interrupted = await halo.RunAsync(["execute", sql, "--tag", "interrupted"], meanwhile: async id =>
        {
            await Eventually.BecomesAsync(QueriesAsync, all => all.Any(q => q.Status == QueryStatus.Executing));
            using var kill = Process.Start("kill", ["-TERM", id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        });
        Assert.NotEqual(0, interrupted.ExitCode);
        var key = Regex.Match(interrupted.Errors, "--idempotency-key ([0-9a-f]{32})").Groups[1].Value;
        Assert.True(key.Length > 0, interrupted.ToString());
        var again = await halo.RunAsync(["execute", sql, "--tag", "interrupted", "--idempotency-key", key]);
        Assert.True(again.ExitCode == 2, again.ToString());
        Assert.Contains("cancel", again.Errors, StringComparison.OrdinalIgnoreCase);
        // Asked twice, and one query.
        var query = Assert.Single(await QueriesAsync());
        Assert.Equal((QueryStatus.Cancelled, Executed.No), (query.Status, query.Executed!.Value));

        async Task<IReadOnlyList<Query>> QueriesAsync() => JsonSerializer.Deserialize(
            (await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries?tag=interrupted")).Body, HaloJson.Default.QueryList)!.Queries;
    }

    [Fact]
    public async Task An_export_is_a_whole_file_and_can_be_taken_again_by_its_id()
    {
        var halo = house.CommandLine();
        var file = Path.Combine(house.Fixture.TemporaryDirectory, "appointments.csv");
        var exported = await halo.RunAsync(["export", "SELECT id, patient_id, starts_at FROM appointments ORDER BY id", "--out", file]);
        Assert.True(exported.ExitCode == 0, exported.ToString());
        Assert.Equal("", exported.Output);
        var lines = await File.ReadAllLinesAsync(file);
        Assert.Equal(40_001, lines.Length);
        Assert.StartsWith("id,", lines[0], StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(file)!, "*.partial"));

        var id = exported.Errors.Split(' ')[2].TrimEnd('.');
        var again = await halo.RunAsync(["export", "--query", id, "--format", "ndjson"]);
        var rows = again.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(40_000, rows.Length);
        Assert.Equal(40_000, JsonDocument.Parse(rows[^1]).RootElement.GetProperty("id").GetInt32());
    }

    [Fact]
    public async Task A_practice_is_found()
    {
        var found = await house.CommandLine().RunAsync(["sites", "Best Practice", "12345"]);
        Assert.Contains(house.Site.Id.ToString(), found.Output, StringComparison.Ordinal);
        Assert.Contains("online", found.Output, StringComparison.Ordinal);
        var json = await house.CommandLine().RunAsync(["sites", "Best Practice", "12345", "--output", "ndjson"]);
        Assert.Equal(house.Site.Id, JsonDocument.Parse(json.Output).RootElement.GetProperty("id").GetGuid());
        var none = await house.CommandLine().RunAsync(["sites", "Best Practice", "1"]);
        Assert.Equal(2, none.ExitCode);
        Assert.Equal(1, (await house.CommandLine().RunAsync(["sites", "Best Practice"])).ExitCode);
        Assert.Equal(1, (await house.CommandLine().RunAsync(["sites", "Best Practice", "12345", "--status", "active"])).ExitCode);
    }

    [Fact]
    public async Task Without_a_practice_all_sites_are_listed()
    {
        var csv = await house.CommandLine().RunAsync(["sites", "--output", "csv"]);
        Assert.True(csv.ExitCode == 0, csv.ToString());
        Assert.StartsWith($"id,name,system,practice,authoritative,availability,database,status,version,catalogues\r\n{house.Site.Id},", csv.Output, StringComparison.Ordinal);
        Assert.Contains(",Best Practice,12345,yes,online,", csv.Output, StringComparison.Ordinal);
        var json = JsonDocument.Parse((await house.CommandLine().RunAsync(["sites", "--availability", "online", "--status", "active", "--output", "json"])).Output).RootElement;
        Assert.Equal(house.Site.Id, Assert.Single(json.EnumerateArray()).GetProperty("id").GetGuid());
        var none = await house.CommandLine().RunAsync(["sites", "--availability", "unreachable", "--output", "json"]);
        Assert.Equal((0, "[]\n"), (none.ExitCode, none.Output));
        Assert.Equal(1, (await house.CommandLine().RunAsync(["sites", "--availability", "away"])).ExitCode);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task A_profile_keeps_the_key_where_only_its_owner_reads_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Reads the rights of Linux files; make it run on Linux.");
        var halo = house.CommandLine(isSet: false);
        var address = house.Fixture.Api.Address.ToString();
        var login = await halo.RunAsync(["login", "--api", address, "--site", "Best Practice/12345"], house.Integrator.Key + "\n");
        Assert.True(login.ExitCode == 0, login.ToString());
        Assert.DoesNotContain(house.Integrator.Key, login.Output + login.Errors, StringComparison.Ordinal);
        Assert.Equal("one\r\n1\r\n", (await halo.RunAsync(["query", "SELECT 1 AS one", "--output", "csv"])).Output);

        var file = login.Errors.Trim().Split(' ')[^1].TrimEnd('.');
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        // Its key goes to its own service alone.
        Assert.Equal(1, (await halo.RunAsync(["query", "SELECT 1", "--api", "http://127.0.0.1:9"])).ExitCode);
        File.SetUnixFileMode(file, File.GetUnixFileMode(file) | UnixFileMode.OtherRead);
        var open = await halo.RunAsync(["query", "SELECT 1"]);
        Assert.Equal(1, open.ExitCode);
        Assert.Contains("chmod 600", open.Errors, StringComparison.Ordinal);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Equal(0, (await halo.RunAsync(["logout"])).ExitCode);
        Assert.DoesNotContain(house.Integrator.Key, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        var gone = await halo.RunAsync(["query", "SELECT 1"]);
        Assert.Equal(1, gone.ExitCode);
        Assert.Contains("HALO_API", gone.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_codes_tell_scripts_what_to_do()
    {
        var halo = house.CommandLine();
        var database = await halo.RunAsync(["query", "SELECT * FROM nowhere"]);
        Assert.Equal(3, database.ExitCode);
        Assert.Contains("no such table: nowhere", database.Errors, StringComparison.Ordinal);
        Assert.Equal("", database.Output);
        Assert.Equal(1, (await halo.RunAsync(["query"])).ExitCode);
        Assert.Equal(1, (await halo.RunAsync(["query", "SELECT 1", "-p", "x:Nothing=1"])).ExitCode);
        Assert.Equal(1, (await halo.RunAsync(["query", "SELECT 1", "--catalogue", "none"])).ExitCode);
        Assert.Equal(1, (await halo.RunAsync(["nothing"])).ExitCode);
        Assert.Equal(2, (await halo.RunAsync(["query", "SELECT 1", "--site", Guid.NewGuid().ToString()])).ExitCode);
        Assert.Equal(2, (await halo.RunAsync(["query", "SELECT hex(zeroblob(5000000)) AS x"])).ExitCode);

        var wrong = house.CommandLine();
        wrong.Environment["HALO_KEY"] = "wrong";
        var refused = await wrong.RunAsync(["query", "SELECT 1"]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("halo login", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task There_is_no_option_that_takes_a_key()
    {
        foreach (var command in (string[])["query", "login", "export", "execute", "sites", "shell"])
        {
            var help = await house.CommandLine().RunAsync([command, "--help"]);
            Assert.Equal(0, help.ExitCode);
            Assert.Contains("--key-file", help.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("--key ", help.Output, StringComparison.Ordinal);
        }
    }
}
