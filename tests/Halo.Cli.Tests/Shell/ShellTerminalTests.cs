using System.Runtime.Versioning;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Testing;

namespace Halo.Cli.Tests.Shell;

/// <summary><c>halo shell</c> as somebody uses it, in a real terminal.</summary>
public sealed class ShellTerminalTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    const string Up = "\e[A", Left = "\e[D", CtrlC = "\u0003", CtrlD = "\u0004";

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Statements_over_several_lines_run_and_are_there_again_the_next_time()
    {
        var halo = Halo();
        await using (var first = Terminal.Start(halo, 100, "shell"))
        {
            await first.PromptAsync();
            await first.TypeAsync("SELECT 'sec' || 'ret' AS word,\r");
            await first.UntilAsync("-> ");
            // One letter was forgotten, and is put in.
            await first.TypeAsync("21 * 2 A answer;" + string.Concat(Enumerable.Repeat(Left, 8)) + "S\r");
            await first.UntilAsync("secret      42");
            await first.PromptAsync();
            await first.TypeAsync(CtrlD);
            Assert.Equal(0, await first.EndedAsync());
        }
        var file = Path.Combine(halo.Home, ".config", "halo", "history");
        Assert.Equal("SELECT 'sec' || 'ret' AS word,\\n21 * 2 AS answer;\n", await File.ReadAllTextAsync(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        await using var second = Terminal.Start(halo, 100, "shell", "--no-history");
        await second.PromptAsync();
        await second.TypeAsync("SELECT 1 AS forgotten;\r");
        await second.UntilAsync("(1 row)");
        await second.PromptAsync();
        await second.TypeAsync("\\q\r");
        Assert.Equal(0, await second.EndedAsync());
        Assert.Single(await File.ReadAllLinesAsync(file));

        await using var third = Terminal.Start(halo, 100, "shell");
        await third.PromptAsync();
        await third.TypeAsync(Up + "\r");
        await third.UntilAsync("secret      42");
        await third.PromptAsync();
        await third.TypeAsync(CtrlD);
        Assert.Equal(0, await third.EndedAsync());
    }

    [Fact]
    public async Task Tab_completes_names_of_the_schema()
    {
        await using var terminal = Terminal.Start(Halo(), 100, "shell", "'Best Practice/12345'");
        await terminal.PromptAsync();
        // Once this is shown the schema is there.
        await terminal.TypeAsync("\\d practitioners\r");
        await terminal.UntilAsync("primary key (id)");
        Assert.Contains("provider_number  TEXT     not null", terminal.Shown, StringComparison.Ordinal);
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT count(*) AS n FROM practit\t");
        await terminal.UntilAsync("FROM practitioners");
        await terminal.TypeAsync(" WHERE provider_n\t");
        await terminal.UntilAsync("WHERE provider_number");
        await terminal.TypeAsync(" <> '' AND \t");
        // Nothing was typed: what there is is shown.
        await terminal.UntilAsync("speciality");
        await terminal.TypeAsync("id > 0;\r");
        await terminal.UntilAsync("(1 row)");
        Assert.Contains("\n 12\n", terminal.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_cancels_the_query_at_the_practice_and_the_shell_goes_on()
    {
        await using var terminal = Terminal.Start(Halo(), 100, "shell", "--tag", "typed");
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT never ended" + CtrlC);
        await terminal.UntilAsync("^C");
        await terminal.PromptAsync();
        await terminal.TypeAsync("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000000000) SELECT MAX(n) FROM c;\r");
        await Eventually.BecomesAsync(QueriesAsync, all => all.Any(q => q.Status == QueryStatus.Executing));
        await terminal.TypeAsync(CtrlC);
        await terminal.UntilAsync("Cancelled.");
        await Eventually.BecomesAsync(QueriesAsync, all => all is [{ Status: QueryStatus.Cancelled }]);
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT 'al' || 'ive' AS it_is;\r");
        await terminal.UntilAsync("alive");
        await terminal.PromptAsync();
        await terminal.TypeAsync(CtrlD);
        Assert.Equal(0, await terminal.EndedAsync());

        async Task<IReadOnlyList<Query>> QueriesAsync() => JsonSerializer.Deserialize(
            (await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries?tag=typed")).Body, HaloJson.Default.QueryList)!.Queries;
    }

    [Fact]
    public async Task Rows_that_are_wider_than_the_terminal_stand_one_below_the_other()
    {
        await using var terminal = Terminal.Start(Halo(), 40, "shell");
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT id, provider_number, speciality, started_on FROM practitioners WHERE id = 1;\r");
        await terminal.UntilAsync("(1 row)");
        Assert.Contains("-[ 1 ]", terminal.Shown, StringComparison.Ordinal);
        Assert.Contains("id              | 1\n", terminal.Shown, StringComparison.Ordinal);
        await terminal.PromptAsync();
        await terminal.TypeAsync("\\x off\r");
        await terminal.UntilAsync("a column to a line: off");
        await terminal.PromptAsync();
        await terminal.TypeAsync("\\timing\r");
        await terminal.UntilAsync("Timing is on.");
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT id FROM practitioners WHERE id = 1;\r");
        await terminal.UntilAsync("in the database");
        Assert.DoesNotContain("-[ 1 ]", terminal.Shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_pasted_behind_a_statement_that_failed_is_not_run()
    {
        var halo = Halo();
        Assert.Equal(0, (await halo.RunAsync(["shell"], "CREATE TABLE pasted (word text); INSERT INTO pasted VALUES ('here');")).ExitCode);
        await using var terminal = Terminal.Start(halo, 100, "shell");
        await terminal.PromptAsync();
        await terminal.TypeAsync("BEGIN;\rDELETE FROM pasted;\rROLLBACK;\r");
        await terminal.UntilAsync("What was entered after it was not run.");
        await terminal.PromptAsync();
        // A tab within a value is one of it; Ctrl+C between two statements ends nothing.
        await terminal.TypeAsync("INSERT INTO pasted VALUES ('a\tb');\r");
        await terminal.UntilAsync("(1 row changed)");
        await terminal.PromptAsync();
        await terminal.TypeAsync(" SELECT 'unk' || 'ept' AS secret;\r");
        await terminal.UntilAsync("unkept");
        await terminal.PromptAsync();
        await terminal.TypeAsync(CtrlD);
        Assert.Equal(0, await terminal.EndedAsync());
        Assert.Equal("word\r\nhere\r\na\tb\r\n", (await halo.RunAsync(["query", "SELECT word FROM pasted", "--output", "csv"])).Output);
        var history = await File.ReadAllTextAsync(Path.Combine(halo.Home, ".config", "halo", "history"));
        Assert.Contains("INSERT INTO pasted", history, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", history, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_history_that_cannot_be_read_is_said_and_the_shell_starts()
    {
        var halo = Halo();
        Directory.CreateDirectory(Path.Combine(halo.Home, ".config", "halo", "history"));
        await using var terminal = Terminal.Start(halo, 100, "shell");
        await terminal.PromptAsync();
        await terminal.TypeAsync("SELECT 'al' || 'ive' AS it_is;\r");
        await terminal.UntilAsync("alive");
    }

    CommandLine Halo()
    {
        Assert.SkipWhen(Terminal.Missing is not null, Terminal.Missing ?? "");
        return house.CommandLine();
    }
}
