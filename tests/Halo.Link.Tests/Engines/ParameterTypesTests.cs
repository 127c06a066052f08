using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>
/// Every type of the contract on the engines that are no SQL Server: its values at the ends of its range arrive as they were sent, what lies beyond is
/// refused by name, and a type that the engine does not have is said so.
/// </summary>
public sealed class ParameterTypesTests(SharedPostgres postgres)
{
    /// <summary>What stands in place of an answer where the value is refused.</summary>
    const string Refused = "refused";

    /// <summary>A type, a value as the caller sends it, and what comes back, from PostgreSQL and from SQLite.</summary>
    public static TheoryData<SqlType, string, string, string> Values
    {
        get
        {
            var values = new TheoryData<SqlType, string, string, string>();
            void Add(SqlType type, string sent, string postgres, string? sqlite = null) => values.Add(type, sent, postgres, sqlite ?? postgres);
            void Ends(SqlType type, params string[] same)
            {
                foreach (var value in same)
                    Add(type, value, value);
            }
            void Beyond(SqlType type, params string[] refused)
            {
                foreach (var value in refused)
                    Add(type, value, Refused);
            }
            static string Text(string text) => $"\"{text.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

            Ends(SqlType.BigInt, "-9223372036854775808", "9223372036854775807");
            Beyond(SqlType.BigInt, "9223372036854775808", "-9223372036854775809", "1.0", "1e3", "0x10", "");
            Ends(SqlType.Int, "-2147483648", "2147483647");
            Beyond(SqlType.Int, "2147483648", "-2147483649", "1,000", "١");
            Ends(SqlType.SmallInt, "-32768", "32767");
            Beyond(SqlType.SmallInt, "32768", "-32769");
            Ends(SqlType.TinyInt, "0", "255");
            Beyond(SqlType.TinyInt, "256", "-1");
            Add(SqlType.Bit, "1", "true", "1");
            Add(SqlType.Bit, "0", "false", "0");
            Add(SqlType.Bit, "TRUE", "true", "1");
            Beyond(SqlType.Bit, "2", "yes", "");
            foreach (var digits in (string[])["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999.99", "0.00000000000000000000000000000000000001"])
                Add(SqlType.Decimal, digits, digits, digits.StartsWith("0.", StringComparison.Ordinal) ? "1E-38" : Text(digits));
            foreach (var (spelled, number) in ((string, string)[])[(".5", "0.5"), ("-.5", "-0.5"), ("5.", "5"), ("+5", "5"), (" 5 ", "5"), ("1e3", "1000")])
                Add(SqlType.Decimal, spelled, number);
            Beyond(SqlType.Decimal, "1,5", "ten", "", ".", "+", "e5", "1e999999");
            Ends(SqlType.Money, "922337203685477.5", "-922337203685477.5");
            Add(SqlType.Money, "922337203685477.5807", "922337203685477.5807", Text("922337203685477.5807"));
            Beyond(SqlType.Money, "$1");
            Ends(SqlType.SmallMoney, "214748.3647", "-214748.3648");
            foreach (var end in (string[])["1.7976931348623157E+308", "-1.7976931348623157E+308", "5E-324", "0.1"])
                Add(SqlType.Float, end, end.ToLowerInvariant(), end);
            foreach (var type in (SqlType[])[SqlType.Float, SqlType.Real])
                Add(type, "NaN", Text("NaN"), Refused);
            Beyond(SqlType.Float, "1e309", "-1e309", "1e-400", "one", "");
            foreach (var end in (string[])["3.4028235E+38", "-3.4028235E+38", "1E-45", "0.1"])
                Add(SqlType.Real, end, end.ToLowerInvariant(), end);
            Beyond(SqlType.Real, "3.5e38", "-1e39", "1e-50");
            Add(SqlType.Date, "0001-01-01", Text("0001-01-01"));
            Add(SqlType.Date, "9999-12-31", Text("9999-12-31"));
            Add(SqlType.Date, "2024-02-29T00:00:00", Text("2024-02-29"));
            Beyond(SqlType.Date, "2026-02-29", "05/03/2026", "2026-03-05T14:30:00", "2026-03-05T00:00:00+01:00");
            foreach (var type in (SqlType[])[SqlType.DateTime, SqlType.DateTime2, SqlType.SmallDateTime])
            {
                Add(type, "0001-01-01T00:00:00", Text("0001-01-01T00:00:00"), Text("0001-01-01 00:00:00"));
                Add(type, "9999-12-31T23:59:59.999999", Text("9999-12-31T23:59:59.999999"), Text("9999-12-31 23:59:59.999999"));
                Add(type, "2026-03-05 14:30", Text("2026-03-05T14:30:00"), Text("2026-03-05 14:30:00"));
                // PostgreSQL keeps microseconds.
                Add(type, "2026-03-05T14:30:00.1234567", Text("2026-03-05T14:30:00.123457"), Text("2026-03-05 14:30:00.1234567"));
                // UTC is taken as it is written; any other offset would be lost in silence.
                Add(type, "2026-03-05T14:30:00Z", Text("2026-03-05T14:30:00"), Text("2026-03-05 14:30:00"));
                Add(type, "2026-03-05T14:30:00+00:00", Text("2026-03-05T14:30:00"), Text("2026-03-05 14:30:00"));
                Beyond(type, "2026-03-05T14:30:00+01:00", "2026-03-05 14:30:00-05:00", "2026-03-05T14:30:00.5 +11:00", "12026-03-05 14:30:00+01:00", "0044-03-15 12:00:00-05 BC");
                Beyond(type, "2026-03-05T24:00:00", "2026-13-05T00:00:00", "5 March 2026");
            }
            Add(SqlType.DateTimeOffset, "0001-01-01T00:00:00+00:00", Text("0001-01-01T00:00:00+00:00"), Text("0001-01-01 00:00:00+00:00"));
            Add(SqlType.DateTimeOffset, "9999-12-31T23:59:59.9999999+00:00", Text("9999-12-31T23:59:59.999999+00:00"), Text("9999-12-31 23:59:59.9999999+00:00"));
            Add(SqlType.DateTimeOffset, "2026-03-05T14:30:00+14:00", Text("2026-03-05T00:30:00+00:00"), Text("2026-03-05 14:30:00+14:00"));
            Beyond(SqlType.DateTimeOffset, "2026-03-05T14:30:00+25:00", "0001-01-01T00:00:00+14:00");
            Add(SqlType.Time, "00:00:00", Text("00:00:00"));
            Add(SqlType.Time, "23:59:59.9999999", Text("23:59:59.9999990"), Text("23:59:59.9999999"));
            Beyond(SqlType.Time, "25:00:00", "2:30 pm");
            foreach (var type in (SqlType[])[SqlType.Binary, SqlType.VarBinary, SqlType.Image])
            {
                Add(type, "", Text(""));
                Add(type, "AP+AfwA=", Text("AP+AfwA="));
                Beyond(type, "AP+AfwA", "0x00FF");
            }
            const string id = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
            foreach (var spelled in (string[])[id, id.ToUpperInvariant(), "{" + id + "}", "(" + id + ")", id.Replace("-", "", StringComparison.Ordinal)])
                Add(SqlType.UniqueIdentifier, spelled, Text(id), Text(spelled));
            Beyond(SqlType.UniqueIdentifier, "6f9619ff", "");
            foreach (var type in (SqlType[])[SqlType.Char, SqlType.NChar, SqlType.String, SqlType.Text, SqlType.NText, SqlType.VarChar, SqlType.NVarChar])
            {
                Add(type, "", Text(""));
                Add(type, "O'Brien é漢 😀 \uFFFD", Text("O'Brien é漢 😀 \uFFFD"));
            }
            Add(SqlType.Xml, "<a b=\"c\">é</a>", Text("<a b=\"c\">é</a>"));
            return values;
        }
    }

    public static TheoryData<SqlType> Foreign => [SqlType.Structured, SqlType.Udt, SqlType.Variant, SqlType.Timestamp];

    [Fact]
    public void Every_type_of_the_contract_is_here() =>
        Assert.Equal(Enum.GetValues<SqlType>().Order(), Values.Select(v => v.Data.Item1).Concat(Foreign.Select(f => f.Data)).Distinct().Order());

    [Theory]
    [MemberData(nameof(Values))]
    public async Task On_PostgreSQL_it_arrives_whole_or_is_refused(SqlType type, string sent, string expected, string ofSqlite)
    {
        _ = ofSqlite;
        await using var bench = await postgres.NewAsync();
        // Not cast: whatever the value, the server gets it as its type.
        await CheckAsync(bench, $"SELECT CASE WHEN pg_typeof(@p) = '{PostgresName(type)}'::regtype THEN @p END AS v", type, sent, expected);
    }

    [Theory]
    [MemberData(nameof(Values))]
    public async Task On_SQLite_it_arrives_whole_or_is_refused(SqlType type, string sent, string ofPostgres, string expected)
    {
        _ = ofPostgres;
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await CheckAsync(bench, "SELECT @p AS v", type, sent, expected);
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task A_type_that_the_engine_does_not_have_is_refused_by_parameter_type_and_engine(SqlType type)
    {
        await using var onPostgres = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var onSqlite = file.Open();
        foreach (var (bench, engine) in ((EngineBench, string)[])[(onPostgres, "PostgreSQL"), (onSqlite, "SQLite")])
        {
            var message = await RefusedAsync(bench, "SELECT @p AS v", type, "x");
            foreach (var word in (string[])["@p", type.ToString(), engine])
                Assert.Contains(word, message, StringComparison.Ordinal);
        }
    }

    static async Task CheckAsync(EngineBench bench, string sql, SqlType type, string sent, string expected)
    {
        if (expected == Refused)
        {
            Assert.Contains(type.ToString(), await RefusedAsync(bench, sql, type, sent), StringComparison.Ordinal);
            return;
        }
        Assert.Equal(expected, await bench.ValueAsync(sql, EngineBench.Parameter("p", sent, type)));
        Assert.Equal("null", await bench.ValueAsync(sql, EngineBench.Parameter("p", null, type)));
    }

    static async Task<string> RefusedAsync(EngineBench bench, string sql, SqlType type, string sent)
    {
        var result = await bench.RunAsync(new QueryCommand(sql) { Parameters = [EngineBench.Parameter("p", sent, type)] });
        Assert.True(result.Error is not null, string.Create(CultureInfo.InvariantCulture, $"{result.Ending}"));
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (result.Ending, result.Executed, result.Error.Code));
        var error = Assert.Single(result.Error.Errors!);
        Assert.Equal("parameters.@p", error.Field);
        return error.Message;
    }

    static string PostgresName(SqlType type) => type switch
    {
        SqlType.BigInt => "bigint",
        SqlType.Int => "int",
        SqlType.SmallInt or SqlType.TinyInt => "smallint",
        SqlType.Bit => "boolean",
        SqlType.Decimal or SqlType.Money or SqlType.SmallMoney => "numeric",
        SqlType.Float => "float8",
        SqlType.Real => "float4",
        SqlType.Date => "date",
        SqlType.DateTime or SqlType.DateTime2 or SqlType.SmallDateTime => "timestamp",
        SqlType.DateTimeOffset => "timestamptz",
        SqlType.Time => "time",
        SqlType.Binary or SqlType.VarBinary or SqlType.Image => "bytea",
        SqlType.UniqueIdentifier => "uuid",
        SqlType.Xml => "xml",
        SqlType.Char or SqlType.NChar => "bpchar",
        _ => "text",
    };
}
