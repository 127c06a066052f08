using System.Diagnostics;
using System.Text.Json;
using Halo.Testing;

namespace Halo.Cli.Tests.Exports;

/// <summary>What stands in an export's way, and how it is said.</summary>
public sealed class ExportFaultTests(ClinicHouse house) : IClassFixture<ClinicHouse>
{
    [Fact]
    public async Task A_file_that_is_there_is_replaced_by_force_alone()
    {
        var halo = house.CommandLine();
        var file = Path.Combine(halo.Home, "one.csv");
        await File.WriteAllTextAsync(file, "mine");
        var refused = await halo.RunAsync(["export", "SELECT 1 AS one", "--out", "one.csv"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("--force", refused.Errors, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(file));
        Assert.Equal(["one.csv"], Directory.GetFileSystemEntries(halo.Home, "*one*").Select(f => Path.GetFileName(f)!));

        Assert.Equal(0, (await halo.RunAsync(["export", "SELECT 1 AS one", "--out", "one.csv", "--force"])).ExitCode);
        Assert.Equal("one\r\n1\r\n", await File.ReadAllTextAsync(file));
    }

    [Fact]
    public async Task A_state_that_is_damaged_or_of_another_export_is_not_used()
    {
        var halo = house.CommandLine();
        var work = MakeWorkDirectory(halo, ".two.csv.halo-export");
        var state = Path.Combine(work, "state.json");
        // It names the file of another directory.
        const string foreign = """{"version":1,"export":"0","began":"2026-01-01T00:00:00Z","files":[{"name":"n","file":"../two.csv","key":"k"}]}""";
        foreach (var damaged in (string[])["", "{", "null", "{}", "[]", """{"version":2,"export":"0","began":"2026-01-01T00:00:00Z","files":[{"name":"n","file":"two.csv","key":"k"}]}""", """{"version":1,"export":"0","files":[{"name":"n","file":"two.csv","key":"k"}]}""", foreign])
        {
            await File.WriteAllTextAsync(state, damaged);
            var refused = await halo.RunAsync(["export", "SELECT 2 AS two", "--out", "two.csv"]);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("is damaged or of another version of halo", refused.Errors, StringComparison.Ordinal);
            Assert.Contains("--restart", refused.Errors, StringComparison.Ordinal);
        }
        await File.WriteAllTextAsync(state, foreign.Replace("../", "", StringComparison.Ordinal));
        var other = await halo.RunAsync(["export", "SELECT 2 AS two", "--out", "two.csv"]);
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("holds another export", other.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(halo.Home, "two.csv")));

        // What is none of the export's stays where it is.
        await File.WriteAllTextAsync(Path.Combine(work, "mine.txt"), "mine");
        var begun = await halo.RunAsync(["export", "SELECT 2 AS two", "--out", "two.csv", "--restart"]);
        Assert.True(begun.ExitCode == 0, begun.ToString());
        Assert.Equal("two\r\n2\r\n", await File.ReadAllTextAsync(Path.Combine(halo.Home, "two.csv")));
        Assert.Equal(["mine.txt"], Directory.GetFileSystemEntries(work).Select(f => Path.GetFileName(f)!));
    }

    [Fact]
    public async Task Two_exports_do_not_write_the_same_file_at_once()
    {
        var halo = house.CommandLine();
        var work = MakeWorkDirectory(halo, ".three.csv.halo-export");
        string[] export = ["export", "SELECT 3 AS three", "--out", "three.csv"];
        await using (new FileStream(Path.Combine(work, "lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            var refused = await halo.RunAsync(export);
            Assert.Equal(1, refused.ExitCode);
            Assert.Contains("Another halo export is writing here", refused.Errors, StringComparison.Ordinal);
        }
        Assert.Equal(0, (await halo.RunAsync(export)).ExitCode);
        Assert.False(Directory.Exists(work));
    }

    [Fact]
    public async Task A_directory_that_cannot_be_written_is_named()
    {
        var halo = house.CommandLine();
        await File.WriteAllTextAsync(Path.Combine(halo.Home, "file"), "");
        var refused = await halo.RunAsync(["export", "SELECT 1 AS one", "--out", "file/one.csv"]);
        Assert.Equal(6, refused.ExitCode);
        Assert.Contains(Path.Combine(halo.Home, "file"), refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_is_said_and_the_export_goes_on_once_there_is_room()
    {
        var halo = house.CommandLine();
        var disk = Directory.CreateDirectory(Path.Combine(halo.Home, "disk")).FullName;
        Assert.SkipUnless(await MountAsync("-t", "tmpfs", "-o", "size=1m", "tmpfs", disk), "Needs a small disk: run as root on Linux, where tmpfs can be mounted.");
        try
        {
            string[] export = ["export", "SELECT * FROM appointments", "--out", "disk/appointments.ndjson", "--format", "ndjson"];
            var full = await halo.RunAsync(export);
            Assert.Equal(6, full.ExitCode);
            Assert.Contains("No space left", full.Errors, StringComparison.Ordinal);
            Assert.Contains("the same command goes on", full.Errors, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(disk, "appointments.ndjson")));

            Assert.True(await MountAsync("-o", "remount,size=64m", disk));
            var ended = await halo.RunAsync(export);
            Assert.True(ended.ExitCode == 0, ended.ToString());
            Assert.Equal(40_000, File.ReadLines(Path.Combine(disk, "appointments.ndjson")).Count());
        }
        finally
        {
            using var unmount = Process.Start("umount", [disk]);
            await unmount.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task A_table_that_fails_does_not_keep_the_others_from_being_exported()
    {
        var halo = house.CommandLine();
        await halo.RunAsync(["execute", "CREATE VIEW broken AS SELECT abs(-9223372036854775807 - 1) AS n"]);
        try
        {
            string[] export = ["export", "--table", "broken", "--table", "practitioners", "--out", "part", "--json"];
            var part = await halo.RunAsync(export);
            Assert.True(part.ExitCode == 3, part.ToString());
            Assert.Contains("halo: broken: ", part.Errors, StringComparison.Ordinal);
            var files = JsonDocument.Parse(part.Output).RootElement.GetProperty("files");
            Assert.True(files[0].TryGetProperty("error", out _));
            Assert.Equal(12, files[1].GetProperty("rows").GetInt32());

            await halo.RunAsync(["execute", "DROP VIEW broken"]);
            await halo.RunAsync(["execute", "CREATE VIEW broken AS SELECT 1 AS n"]);
            var ended = await halo.RunAsync(export);
            Assert.True(ended.ExitCode == 0, ended.ToString());
            Assert.Equal("n\r\n1\r\n", await File.ReadAllTextAsync(Path.Combine(halo.Home, "part", "broken.csv")));
        }
        finally
        {
            await halo.RunAsync(["execute", "DROP VIEW IF EXISTS broken"]);
        }
    }

    [Theory]
    [InlineData("--table", "patients", "--all-tables", "--out", "x")]
    [InlineData("SELECT 1", "--table", "patients", "--out", "x")]
    [InlineData("--all-tables")]
    [InlineData("--table", "patients", "--except", "notes", "--out", "x")]
    [InlineData("--table", "patients", "-p", "a=1", "--out", "x")]
    [InlineData("SELECT 1", "--format", "parquet")]
    [InlineData("SELECT 1", "--json")]
    [InlineData("SELECT 1", "--out", "x", "--text", "a")]
    [InlineData("SELECT 1", "--out", ".")]
    [InlineData("SELECT 1", "--out", "x", "--timeout", "1e300")]
    [InlineData("SELECT 1", "--out", "x", "--timeout", "0")]
    [InlineData("SELECT 1", "--out", "x", "--timeout", "2147484")]
    [InlineData("SELECT 1", "--out", "x", "--format", "ndjson", "--csv-formulas", "escape")]
    [InlineData("--query", "0199c0de-0000-7000-8000-000000000000", "--out", "x", "--timeout", "5")]
    [InlineData("--query", "0199c0de-0000-7000-8000-000000000000", "--out", "x", "-p", "a=1")]
    public async Task What_does_not_go_together_is_refused_before_anything_is_asked(params string[] arguments)
    {
        var refused = await house.CommandLine().RunAsync(["export", .. arguments]);
        Assert.True(refused.ExitCode == 1, refused.ToString());
        Assert.StartsWith("halo: ", refused.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_that_is_not_there_is_said_and_one_of_all_can_be_left_out()
    {
        var halo = house.CommandLine();
        var none = await halo.RunAsync(["export", "--table", "nothing", "--out", "nothing.csv"]);
        Assert.Equal(2, none.ExitCode);
        Assert.Contains("There is no table nothing", none.Errors, StringComparison.Ordinal);
        var some = await halo.RunAsync(["export", "--all-tables", "--except", "NOTES", "--except", "observations", "--except", "appointments", "--out", "some"]);
        Assert.True(some.ExitCode == 0, some.ToString());
        Assert.Equal(["invoices.csv", "patients.csv", "practitioners.csv"], Directory.GetFileSystemEntries(Path.Combine(halo.Home, "some")).Select(f => Path.GetFileName(f)!).Order());
    }

    /// <summary>As an export makes it: one that is open to others is refused.</summary>
    static string MakeWorkDirectory(CommandLine halo, string name)
    {
        var path = Path.Combine(halo.Home, name);
        return OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(path).FullName
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    static async Task<bool> MountAsync(params string[] arguments)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            return false;
        using var mount = Process.Start(new ProcessStartInfo("mount", arguments) { RedirectStandardError = true })!;
        await mount.WaitForExitAsync();
        return mount.ExitCode == 0;
    }
}
