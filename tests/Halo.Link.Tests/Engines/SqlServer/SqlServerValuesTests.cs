using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>Values on a SQL Server, where there is one. The same round trips are tested everywhere by <see cref="SqlServer.TdsRoundTripTests"/>.</summary>
public sealed class SqlServerValuesTests
{
    public static TheoryData<string, string> Values => new()
    {
        { "CAST(NULL AS int)", "null" },
        { "CAST(-9223372036854775808 AS bigint)", "-9223372036854775808" },
        { "CAST(-32768 AS smallint)", "-32768" },
        { "CAST(255 AS tinyint)", "255" },
        { "CAST(1 AS bit)", "true" },
        { "CAST(1.10 AS decimal(10,2))", "1.10" },
        { "CAST('99999999999999999999999999999999999.999' AS decimal(38,3))", "99999999999999999999999999999999999.999" },
        { "CAST('-0.00000000000000000000000000000000000001' AS decimal(38,38))", "-0.00000000000000000000000000000000000001" },
        { "CAST(922337203685477.5807 AS money)", "922337203685477.5807" },
        { "CAST(-214748.3648 AS smallmoney)", "-214748.3648" },
        { "CAST(0.1 AS float)", "0.1" },
        { "CAST(0.1 AS real)", "0.1" },
        { "CAST('0001-01-01' AS date)", "\"0001-01-01\"" },
        { "CAST('2026-03-05T14:30:00.123' AS datetime)", "\"2026-03-05T14:30:00.123\"" },
        { "CAST('2026-03-05T14:30:00' AS smalldatetime)", "\"2026-03-05T14:30:00\"" },
        { "CAST('2026-03-05T14:30:00' AS datetime2(7))", "\"2026-03-05T14:30:00\"" },
        { "CAST('9999-12-31T23:59:59.9999999' AS datetime2(7))", "\"9999-12-31T23:59:59.9999999\"" },
        { "CAST('2026-03-05T14:30:00.5+11:00' AS datetimeoffset)", "\"2026-03-05T14:30:00.5+11:00\"" },
        { "CAST('2026-03-05T14:30:00-03:30' AS datetimeoffset(0))", "\"2026-03-05T14:30:00-03:30\"" },
        { "CAST('14:30:00.123' AS time)", "\"14:30:00.1230000\"" },
        { "CAST('23:59:59.9999999' AS time(7))", "\"23:59:59.9999999\"" },
        { "CAST('00:00' AS time(0))", "\"00:00:00\"" },
        { "CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uniqueidentifier)", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"" },
        { "CAST(0xDEADBEEF00 AS varbinary(10))", "\"3q2+7wA=\"" },
        { "CAST(0xDEAD AS binary(4))", "\"3q0AAA==\"" },
        { "CAST(N'é漢' AS nvarchar(10))", "\"é漢\"" },
        { "CAST('ab' AS char(4))", "\"ab  \"" },
        { "CAST(REPLICATE(CAST('x' AS varchar(max)), 3) AS varchar(max))", "\"xxx\"" },
        { "CAST('' AS nvarchar(max))", "\"\"" },
        { "CAST(0x AS varbinary(max))", "\"\"" },
        { "CAST('<a>1</a>' AS xml)", "\"<a>1</a>\"" },
        { "CAST(CAST(1.50 AS decimal(5,2)) AS sql_variant)", "1.50" },
        { "CAST(CAST('2026-03-05' AS datetime2(3)) AS sql_variant)", "\"2026-03-05T00:00:00\"" },
        { "CAST(N'text' AS sql_variant)", "\"text\"" },
    };

    /// <summary>Type, value, what comes back, and the type of the column that it is kept in.</summary>
    public static TheoryData<SqlType, string, string, string> RoundTrips => new()
    {
        { SqlType.BigInt, "9223372036854775807", "9223372036854775807", "bigint" },
        { SqlType.Int, "-2147483648", "-2147483648", "int" },
        { SqlType.SmallInt, "32767", "32767", "smallint" },
        { SqlType.TinyInt, "0", "0", "tinyint" },
        { SqlType.Bit, "true", "true", "bit" },
        { SqlType.Decimal, "-9999999999999999999999999999.9999999999", "-9999999999999999999999999999.9999999999", "decimal(38,10)" },
        { SqlType.Money, "-922337203685477.5807", "-922337203685477.5807", "money" },
        { SqlType.SmallMoney, "214748.3647", "214748.3647", "smallmoney" },
        { SqlType.Float, "1E+300", "1E+300", "float" },
        { SqlType.Real, "0.1", "0.1", "real" },
        { SqlType.Date, "9999-12-31", "\"9999-12-31\"", "date" },
        { SqlType.DateTime, "1753-01-01T00:00:00", "\"1753-01-01T00:00:00\"", "datetime" },
        { SqlType.DateTime2, "0001-01-01T00:00:00.0000001", "\"0001-01-01T00:00:00.0000001\"", "datetime2" },
        { SqlType.SmallDateTime, "2079-06-06T23:59:00", "\"2079-06-06T23:59:00\"", "smalldatetime" },
        { SqlType.DateTimeOffset, "2026-03-05T14:30:00.1234567-11:30", "\"2026-03-05T14:30:00.1234567-11:30\"", "datetimeoffset" },
        { SqlType.Time, "23:59:59.9999999", "\"23:59:59.9999999\"", "time" },
        { SqlType.UniqueIdentifier, "{6F9619FF-8B86-D011-B42D-00C04FC964FF}", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"", "uniqueidentifier" },
        { SqlType.Binary, "3q0=", "\"3q0=\"", "binary(2)" },
        { SqlType.VarBinary, "3q2+7wA=", "\"3q2+7wA=\"", "varbinary(max)" },
        { SqlType.Image, "3q2+7wA=", "\"3q2+7wA=\"", "image" },
        { SqlType.Char, "ab", "\"ab\"", "char(2)" },
        { SqlType.VarChar, "plain", "\"plain\"", "varchar(50)" },
        { SqlType.Text, "plain", "\"plain\"", "text" },
        { SqlType.NChar, "é漢", "\"é漢\"", "nchar(2)" },
        { SqlType.NVarChar, "é漢😀", "\"é漢😀\"", "nvarchar(max)" },
        { SqlType.String, "é漢", "\"é漢\"", "nvarchar(50)" },
        { SqlType.NText, "é漢", "\"é漢\"", "ntext" },
        { SqlType.Xml, "<a>1</a>", "\"<a>1</a>\"", "xml" },
        { SqlType.Variant, "text", "\"text\"", "sql_variant" },
    };

    [Fact]
    public async Task Every_type_has_its_form()
    {
        await using var bench = SqlServerBench.New();
        var wrong = new List<string>();
        foreach (var (expression, expected) in Values.Select(v => v.Data))
        {
            if (await bench.ValueAsync($"SELECT {expression} AS v") is var value && value != expected)
                wrong.Add($"{expression}: {value}");
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task Every_type_comes_back_as_it_went()
    {
        await using var bench = SqlServerBench.New();
        var wrong = new List<string>();
        foreach (var (type, value, expected, column) in RoundTrips.Select(r => r.Data))
        {
            var sql = $"DECLARE @t TABLE (v {column}); INSERT INTO @t VALUES (@p); SELECT v FROM @t";
            var back = await bench.ValueAsync(sql, EngineBench.Parameter("@p", value, type));
            if (back != expected || await bench.ValueAsync(sql, EngineBench.Parameter("@p", null, type)) != "null")
                wrong.Add($"{type}: {back}");
        }
        Assert.Empty(wrong);
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_table_goes_in_as_rows()
    {
        await using var bench = SqlServerBench.New();
        await bench.DoAsync("IF TYPE_ID('halo_rows') IS NULL CREATE TYPE halo_rows AS TABLE (id int, name nvarchar(50), price decimal(30,10))");
        CommandParameter rows = new("@rows")
        {
            Type = SqlType.Structured,
            TypeName = "halo_rows",
            Value = JsonDocument.Parse("""[{"id":1,"name":"é漢","price":"12345678901234567890.0123456789"},{"id":2,"name":null}]""").RootElement,
        };
        Assert.Equal("""[{"id":1,"name":"é漢","price":12345678901234567890.0123456789},{"id":2,"name":null,"price":null}]""",
            await bench.RowsAsync("SELECT * FROM @rows ORDER BY id", rows));
        Assert.Equal("[]", await bench.RowsAsync("SELECT * FROM @rows", rows with { Value = JsonDocument.Parse("[]").RootElement }));
    }

    [Fact]
    [Trait("Needs", "RealSqlServer")]
    public async Task A_users_type_is_its_bytes_and_its_text_where_the_query_asks()
    {
        await using var bench = SqlServerBench.New();
        Assert.Equal("\"WA==\"", await bench.ValueAsync("SELECT hierarchyid::Parse('/1/') AS v"));
        Assert.Equal("\"POINT (1 2)\"", await bench.ValueAsync("SELECT geometry::Point(1, 2, 0).ToString() AS v"));
    }
}
