namespace Halo.Cli.Tests.Shell;

/// <summary><c>halo shell</c> with statements from a pipe.</summary>
public sealed class ShellPipeTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    [Fact]
    public async Task All_statements_run_without_prompts_or_history()
    {
        var halo = house.CommandLine();
        var ran = await halo.RunAsync(["shell"], """
            -- a comment
            SELECT id
              FROM practitioners WHERE id < 3;
            \x on
            SELECT 'a;b' AS text; SELECT 2 AS last
            """);
        Assert.True(ran.ExitCode == 0, ran.ToString());
        Assert.Equal(" id\n---\n  1\n  2\n-[ 1 ]\ntext | a;b\n-[ 1 ]\nlast | 2\n", ran.Output);
        Assert.Equal("", ran.Errors);
        Assert.False(Directory.Exists(Path.Combine(halo.Home, ".config")));
    }

    [Fact]
    public async Task It_stops_at_the_first_statement_that_fails()
    {
        var halo = house.CommandLine();
        var ran = await halo.RunAsync(["shell"], "CREATE TABLE piped (n int);\nSELECT * FROM nowhere; DROP TABLE piped;\nDROP TABLE piped;\n");
        Assert.True(ran.ExitCode == 3, ran.ToString());
        Assert.Contains("no such table: nowhere", ran.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await halo.RunAsync(["shell"], "DROP TABLE piped;")).ExitCode);
        Assert.Equal(1, (await halo.RunAsync(["shell"], "\\nothing\nSELECT 1;")).ExitCode);
        Assert.Equal("one\n---\n  1\n", (await halo.RunAsync(["shell"], "SELECT 1 AS one;\n\\q\nSELECT 2;")).Output);
    }

    [Theory]
    [InlineData("DELETE FROM kept\n", "semicolon")]
    [InlineData("CREATE TRIGGER t AFTER INSERT ON kept BEGIN\nDELETE FROM kept;\nEND;\n", "GO")]
    [InlineData("BEGIN;\nDELETE FROM kept;\nCOMMIT;\n", "transaction of its own")]
    [InlineData("-- first\nROLLBACK;\nDELETE FROM kept;\n", "transaction of its own")]
    public async Task What_may_not_be_what_was_meant_does_not_run(string statements, string said)
    {
        var halo = house.CommandLine();
        Assert.Equal(0, (await halo.RunAsync(["shell"], "DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int); INSERT INTO kept VALUES (1);")).ExitCode);
        var refused = await halo.RunAsync(["shell"], statements);
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.Contains(said, refused.Errors, StringComparison.Ordinal);
        Assert.Equal("n\r\n1\r\n", (await halo.RunAsync(["query", "SELECT count(*) AS n FROM kept", "--output", "csv"])).Output);
        Assert.Equal("n\r\n0\r\n", (await halo.RunAsync(["query", "SELECT count(*) AS n FROM sqlite_master WHERE type = 'trigger'", "--output", "csv"])).Output);
    }

    [Fact]
    public async Task A_statement_with_a_body_goes_to_GO_alone_on_a_line()
    {
        var halo = house.CommandLine();
        var ran = await halo.RunAsync(["shell"], """
            \uFEFFCREATE TABLE "odd;""name" (n int);
            CREATE TRIGGER counting AFTER INSERT ON "odd;""name" WHEN NEW.n > 0 BEGIN
              INSERT INTO "odd;""name" VALUES (-NEW.n);
              UPDATE "odd;""name" SET n = n * 10;
            END;
            go
            INSERT INTO "odd;""name" VALUES (2);
            SELECT n FROM "odd;""name" ORDER BY n;
            \refresh
            \d "odd;""name";
            DROP TABLE "odd;""name";
            """.Replace("\\uFEFF", "\uFEFF", StringComparison.Ordinal));
        Assert.True(ran.ExitCode == 0, ran.ToString());
        Assert.StartsWith("  n\n---\n-20\n 20\n", ran.Output, StringComparison.Ordinal);
        Assert.Contains("\nn       int", ran.Output, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task The_schema_and_the_help_are_shown()
    {
        var halo = house.CommandLine();
        var list = await halo.RunAsync(["shell"], "\\d\n");
        Assert.Contains("patients       table  18", list.Output, StringComparison.Ordinal);
        var one = await halo.RunAsync(["shell"], "\\d INVOICES\n");
        Assert.Contains("total           DECIMAL(10,2)  not null", one.Output, StringComparison.Ordinal);
        Assert.Contains("foreign key (patient_id) references patients", one.Output, StringComparison.Ordinal);
        Assert.Contains("index invoices_patient (patient_id)", one.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await halo.RunAsync(["shell"], "\\d nothing\n")).ExitCode);
        Assert.Contains("\\timing", (await halo.RunAsync(["shell"], "\\?\n")).Output, StringComparison.Ordinal);
        Assert.Contains("--no-history", (await halo.RunAsync(["shell", "--help"])).Output, StringComparison.Ordinal);
        Assert.Equal(1, (await halo.RunAsync(["shell", "--key-file", "-"], "SELECT 1;")).ExitCode);
        Assert.Equal(2, (await halo.RunAsync(["shell", "Zedmed/none"], "SELECT 1;")).ExitCode);
    }
}
