using System.Text.RegularExpressions;
using Halo.SystemTests.Synthea;

namespace Halo.Cli.Tests.Exports;

/// <summary>The Synthea sample, a practice's tables with everything that real ones have, into Parquet and back.</summary>
public sealed partial class SyntheaExportTests(SyntheaHouse house) : IClassFixture<SyntheaHouse>
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task All_tables_of_the_sample_are_in_Parquet_as_they_are_in_the_database(string engine)
    {
        Assert.SkipWhen(SyntheaHouse.Data is null, "The Synthea sample was not found: put it at ../shared/data/synthea beside the repository, or let HALO_SHARED name the directory shared.");
        Assert.SkipWhen(!house.Sites.TryGetValue(engine, out var site), "Needs PostgreSQL's server programs: install Debian's postgresql.");
        var halo = new CommandLine(Directory.CreateDirectory(Path.Combine(house.TemporaryDirectory, engine)).FullName);
        halo.Environment["HALO_API"] = house.Address.ToString();
        halo.Environment["HALO_KEY"] = house.Integrator.Key;
        string[] export = ["export", "--all-tables", "--format", "parquet", "--out", "sample", "--site", site!.Id.ToString()];
        var tables = Directory.EnumerateFiles(SyntheaHouse.Data!, "*.csv").Select(Path.GetFileNameWithoutExtension).Append(Oddities.Name).ToList();

        var exported = await halo.RunAsync(export);
        if (engine == "sqlite")
        {
            // SQLite keeps decimals as doubles, of more digits than DECIMAL(20,10) says. Tables of such columns are told, with all of them, and the others are there.
            Assert.True(exported.ExitCode == 6, exported.ToString());
            Assert.Contains("Column AMOUNT (DECIMAL(20,10)), row 2: not a number of 20 digits, 10 of them after the point.", exported.Errors, StringComparison.Ordinal);
            var asText = AsText().Matches(exported.Errors).Select(m => m.Groups[1].Value).Distinct().SelectMany(c => (string[])["--text", c]);
            exported = await halo.RunAsync([.. export, .. asText]);
        }
        Assert.True(exported.ExitCode == 0, exported.ToString());

        foreach (var table in tables)
        {
            var actual = await ExportedRows.ReadAsync(Path.Combine(halo.Home, "sample", $"{(engine == "sqlite" ? "" : "public.")}{table}.parquet"));
            var expected = engine == "sqlite" ? await DatabaseRows.SqliteAsync(house.SqliteConnectionString, table!) : await DatabaseRows.PostgresAsync(house.PostgresConnectionString, table!, actual.Columns);
            DatabaseRows.AssertSame(expected, actual);
            Assert.NotEmpty(actual.Rows);
        }
        Assert.Equal(tables.Count, Directory.GetFileSystemEntries(Path.Combine(halo.Home, "sample")).Length);
    }

    [GeneratedRegex(@"--text (\w+)")]
    private static partial Regex AsText();
}
