using System.Text.Json;
using Halo.Testing;
using Halo.Testing.Processes;
using Npgsql;

namespace Halo.Cli.Tests.Exports;

/// <summary>Each format, read again and compared with the database value by value.</summary>
public sealed class ExportFormatTests(ClinicHouse house, SharedPostgres postgres) : IClassFixture<ClinicHouse>
{
    static readonly string[] Tables = ["appointments", "invoices", "notes", "observations", "patients", "practitioners"];

    [Theory]
    [InlineData("csv")]
    [InlineData("ndjson")]
    [InlineData("parquet")]
    public async Task All_tables_of_SQLite_are_in_their_files_as_they_are_in_the_database(string format)
    {
        var halo = house.CommandLine();
        var exported = await halo.RunAsync(["export", "--all-tables", "--format", format, "--out", "clinic", "--json"]);
        Assert.True(exported.ExitCode == 0, exported.ToString());
        var directory = Path.Combine(halo.Home, "clinic");
        Assert.Equal(Tables.Select(t => $"{t}.{format}"), Directory.EnumerateFileSystemEntries(directory).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));

        var summary = JsonDocument.Parse(exported.Output).RootElement;
        Assert.Equal((format, 6), (summary.GetProperty("format").GetString(), summary.GetProperty("files").GetArrayLength()));
        var rows = 0;
        foreach (var table in Tables)
        {
            var expected = await DatabaseRows.SqliteAsync(house.ConnectionString, table);
            DatabaseRows.AssertSame(expected, await ExportedRows.ReadAsync(Path.Combine(directory, $"{table}.{format}")));
            rows += expected.Rows.Count;
        }
        Assert.Equal(rows, summary.GetProperty("rows").GetInt64());
    }

    [Fact]
    public async Task Each_type_of_PostgreSQL_comes_back_whole_from_each_format()
    {
        var practice = await postgres.Server.CreateDatabaseAsync();
        await using (var source = NpgsqlDataSource.Create(practice))
            await source.CreateCommand(Types).ExecuteNonQueryAsync();
        await using var fixture = await HaloFixture.StartAsync(("Halo__Limits__PageBytes", "65536"));
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", practice));
        var halo = new CommandLine(fixture.TemporaryDirectory);
        halo.Environment["HALO_API"] = fixture.Api.Address.ToString();
        halo.Environment["HALO_KEY"] = integrator.Key;
        halo.Environment["HALO_SITE"] = site.Id.ToString();

        foreach (var format in (string[])["csv", "ndjson", "parquet"])
        {
            var exported = await halo.RunAsync(["export", "--table", "Every Type", "--format", format, "--out", $"types.{format}"]);
            Assert.True(exported.ExitCode == 0, exported.ToString());
            var actual = await ExportedRows.ReadAsync(Path.Combine(halo.Home, $"types.{format}"));
            DatabaseRows.AssertSame(await DatabaseRows.PostgresAsync(practice, "\"odd.schema\".\"Every Type\"", actual.Columns), actual);
            Assert.Equal(3_003, actual.Rows.Count);
        }
        // Without rows, a file with columns all the same; the name has what no file system takes.
        var all = await halo.RunAsync(["export", "--all-tables", "--format", "parquet", "--out", "all"]);
        Assert.True(all.ExitCode == 0, all.ToString());
        var empty = await ExportedRows.ReadAsync(Path.Combine(halo.Home, "all", "public.a%2Fb.parquet"));
        Assert.Equal(["id", "a.b/c"], empty.Columns);
        Assert.Empty(empty.Rows);
    }

    [Fact]
    public async Task A_value_that_Parquet_does_not_hold_names_its_column_which_can_be_written_as_text()
    {
        var halo = house.CommandLine();
        await halo.RunAsync(["execute", "CREATE TABLE IF NOT EXISTS misfit (id INTEGER, born DATE, money DECIMAL(5,2))"]);
        await halo.RunAsync(["execute", "INSERT INTO misfit VALUES (1, '2001-02-03', '1.25'), (2, 'unknown', '999.99'), (3, '1999-12-31', '1000')"]);
        string[] export = ["export", "SELECT * FROM misfit ORDER BY id", "--format", "parquet", "--out", "misfit.parquet"];
        try
        {
            var refused = await halo.RunAsync(export);
            Assert.Equal(6, refused.ExitCode);
            Assert.Contains("Column born (DATE), row 2: not a date from 0001-01-01 to 9999-12-31. Column money (DECIMAL(5,2)), row 3: not a number of 5 digits, 2 of them after the point.", refused.Errors, StringComparison.Ordinal);
            Assert.Contains("--text born --text money", refused.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("unknown", refused.Errors, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(halo.Home, "misfit.parquet")));

            var text = await halo.RunAsync([.. export, "--text", "born", "--text", "money"]);
            Assert.True(text.ExitCode == 0, text.ToString());
            var (columns, rows) = await ExportedRows.ReadAsync(Path.Combine(halo.Home, "misfit.parquet"));
            Assert.Equal(["id", "born", "money"], columns);
            Assert.Equal([["1", "2001-02-03", "1.25"], ["2", "unknown", "999.99"], ["3", "1999-12-31", "1000"]], rows);
        }
        finally
        {
            await halo.RunAsync(["execute", "DROP TABLE misfit"]);
        }
    }

    const string Types = """
        CREATE TABLE "a/b" (id int, "a.b/c" text);
        CREATE SCHEMA "odd.schema";
        CREATE TABLE "odd.schema"."Every Type" (
            flag boolean, small smallint, whole integer, big bigint, single real, double double precision, exact numeric(38,10), short numeric(10,2), free numeric,
            letters text, varying varchar(20), fixed char(4), bin bytea, day date, moment timestamp, zoned timestamptz, clock time, id uuid, doc jsonb, span interval);
        INSERT INTO "odd.schema"."Every Type" VALUES
            (true, -32768, -2147483648, -9223372036854775808, '-Infinity', 'NaN', -9999999999999999999999999999.9999999999, -99999999.99, 1e-40,
             '', 'a"b,c', 'ab', '\x', '0001-01-01', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00', '00:00:00', '00000000-0000-0000-0000-000000000000', '{"a": [1, null]}', '1 year 2 mons'),
            (false, 32767, 2147483647, 9223372036854775807, 3.4e38, 1.7976931348623157e308, 9999999999999999999999999999.9999999999, 99999999.99, 123456789012345678901234567890123456789012345.5,
             E'line\r\nline "😀"', 'zoë', 'abcd', '\x00ff10', '9999-12-31', '9999-12-31 23:59:59.999999', '2026-03-05 14:30:00.000001+11', '23:59:59.999999', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'null', '-3 days'),
            (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        INSERT INTO "odd.schema"."Every Type"
            SELECT n % 2 = 0, n % 30000, n, n::bigint * 3000000000, n / 7.0, n / 3.0, n / 9.0, n / 4.0, n / 11.0, repeat('t', n % 50), 'v' || n, 'f', decode(md5(n::text), 'hex'),
                date '1900-01-01' + n, timestamp '2000-01-01' + n * interval '1 hour 3.000007 seconds', timestamptz '2000-01-01 00:00+00' + n * interval '7 hours', time '00:00' + n * interval '13.5 seconds',
                md5(n::text)::uuid, jsonb_build_object('n', n), n * interval '1 second' FROM generate_series(1, 3000) n;
        """;
}
