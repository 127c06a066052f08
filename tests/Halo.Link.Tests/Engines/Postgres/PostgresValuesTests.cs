using System.Text.Json;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;

namespace Halo.Link.Tests.Engines.Postgres;

public sealed class PostgresValuesTests(SharedPostgres postgres)
{
    public static TheoryData<string, string> Values => new()
    {
        { "null", "null" },
        { "true", "true" },
        { "false", "false" },
        { "(-32768)::int2", "-32768" },
        { "2147483647", "2147483647" },
        { "(-9223372036854775808)::int8", "-9223372036854775808" },
        { "1.10::numeric(10,2)", "1.10" },
        { "12345678901234567890123456789012345678901234567890.000000000000000000000000000001", "12345678901234567890123456789012345678901234567890.000000000000000000000000000001" },
        { "-0.5", "-0.5" },
        { "'NaN'::numeric", "\"NaN\"" },
        { "'Infinity'::numeric", "\"Infinity\"" },
        { "0.1::float8", "0.1" },
        { "1e300::float8", "1e+300" },
        { "5e-324::float8", "5e-324" },
        { "0.1::float4", "0.1" },
        { "'-Infinity'::float8", "\"-Infinity\"" },
        { "'NaN'::float4", "\"NaN\"" },
        { "date '2026-03-05'", "\"2026-03-05\"" },
        { "date '9999-12-31'", "\"9999-12-31\"" },
        { "date '0044-03-15 BC'", "\"0044-03-15 BC\"" },
        { "date '12026-01-01'", "\"12026-01-01\"" },
        { "date 'infinity'", "\"infinity\"" },
        { "timestamp '2026-03-05 14:30:00'", "\"2026-03-05T14:30:00\"" },
        { "timestamp '2026-03-05 14:30:00.120000'", "\"2026-03-05T14:30:00.12\"" },
        { "timestamp '0001-01-01 00:00:00.000001'", "\"0001-01-01T00:00:00.000001\"" },
        { "timestamp '9999-12-31 23:59:59.999999'", "\"9999-12-31T23:59:59.999999\"" },
        { "timestamp '-infinity'", "\"-infinity\"" },
        { "timestamp '0044-03-15 12:00 BC'", "\"0044-03-15 12:00:00 BC\"" },
        { "timestamptz '2026-03-05 14:30:00+11'", "\"2026-03-05T03:30:00+00:00\"" },
        { "timestamptz '2026-03-05 14:30:00.5-03:30'", "\"2026-03-05T18:00:00.5+00:00\"" },
        { "timestamptz 'infinity'", "\"infinity\"" },
        { "time '14:30:00.123'", "\"14:30:00.1230000\"" },
        { "time '14:30'", "\"14:30:00\"" },
        { "time '24:00'", "\"24:00:00\"" },
        { "timetz '14:30+02'", "\"14:30:00+02\"" },
        { "'6F9619FF-8B86-D011-B42D-00C04FC964FF'::uuid", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"" },
        { "'\\xdeadbeef00'::bytea", "\"3q2+7wA=\"" },
        { "''::bytea", "\"\"" },
        { "'a\"b\\c' || chr(10) || 'é漢😀'", "\"a\\u0022b\\\\c\\né漢😀\"" },
        { "'ab'::char(4)", "\"ab  \"" },
        { "'x'::\"char\"", "\"x\"" },
        { "'n'::name", "\"n\"" },
        { "4294967295::oid", "4294967295" },
        { "array[1,null,3]", "\"{1,NULL,3}\"" },
        { "'{\"a\": 1.0}'::json", "\"{\\u0022a\\u0022: 1.0}\"" },
        { "'{\"a\":1.0}'::jsonb", "\"{\\u0022a\\u0022: 1.0}\"" },
        { "interval '14 months 3 days'", "\"1 year 2 mons 3 days\"" },
        { "int4range(1,5)", "\"[1,5)\"" },
        { "'<a>1</a>'::xml", "\"<a>1</a>\"" },
        { "inet '10.0.0.1/8'", "\"10.0.0.1/8\"" },
        { "12.5::money", "\"$12.50\"" },
        { "row(1,'a b')", "\"(1,\\u0022a b\\u0022)\"" },
        { "point(1,2)", "\"(1,2)\"" },
        { "'postgres=r/postgres'::aclitem", "\"postgres=r/postgres\"" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task Every_type_has_its_form(string expression, string expected)
    {
        await using var bench = await postgres.NewAsync();
        var value = await bench.ValueAsync($"SELECT {expression} AS v");
        if (expected[0] == '"')
            Assert.Equal(JsonDocument.Parse(expected).RootElement.GetString(), JsonDocument.Parse(value).RootElement.GetString());
        else
            Assert.Equal(expected, value);
    }

    [Fact]
    public async Task Values_do_not_depend_on_what_the_database_was_set_to()
    {
        var connection = await postgres.NewDatabaseAsync();
        await using (var first = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, connection, TimeProvider.System)))
            await first.DoAsync("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET bytea_output = escape', current_database());"
                + " EXECUTE format('ALTER DATABASE %I SET extra_float_digits = -5', current_database());"
                + " EXECUTE format('ALTER DATABASE %I SET datestyle = ''German''', current_database());"
                + " EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Kolkata''', current_database()); END $$");
        // What a database is set to holds for connections that are made afterwards.
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, connection, TimeProvider.System));
        Assert.Equal(
            """[{"b":"3q2+7wA=","f":0.30000000000000004,"d":"2026-03-05","z":"2026-03-04T20:30:00+00:00","zone":"Asia/Kolkata"}]""",
            await bench.RowsAsync("""
                SELECT '\xdeadbeef00'::bytea AS b, 0.1::float8 + 0.2 AS f, date '2026-03-05' AS d, timestamptz '2026-03-05 02:00:00' AS z,
                    current_setting('TimeZone') AS zone
                """));
    }

    [Fact]
    public async Task Binary_in_the_escape_form_is_the_same()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal("\"3q2+7wBcQQ==\"", await bench.ValueAsync("SET bytea_output = escape; SELECT '\\xdeadbeef005c41'::bytea AS v"));
    }

    [Fact]
    public async Task Columns_are_described_also_without_rows()
    {
        await using var bench = await postgres.NewAsync();
        var sink = new CollectingSink();
        await bench.RunAsync("SELECT 1.5::numeric(10,2) AS n, 'x'::varchar(20) AS t, now() AS z, '{1}'::int[] AS a WHERE false", sink);
        Assert.Equal("[]", sink.Json);
        Assert.Equal(["n numeric(10, 2) Decimal 10 2 ", "t character varying(20) NVarChar   20", "z timestamp with time zone DateTimeOffset   ", "a integer[]    "],
            sink.Columns!.Select(c => $"{c.Name} {c.DatabaseType} {c.Type} {c.Precision} {c.Scale} {c.Size}"));
    }
}
