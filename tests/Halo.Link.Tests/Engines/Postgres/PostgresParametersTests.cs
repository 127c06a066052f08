using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Postgres;

public sealed class PostgresParametersTests(SharedPostgres postgres)
{
    public static TheoryData<SqlType?, string, string, string> Values => new()
    {
        { SqlType.Int, "66", "@p + 1", "67" },
        { SqlType.Int, "\"66\"", "@p + 1", "67" },
        { SqlType.Bit, "\"True\"", "@p", "true" },
        { SqlType.Bit, "1", "NOT @p", "false" },
        { SqlType.TinyInt, "\"255\"", "@p", "255" },
        { SqlType.Decimal, "\"1.50\"", "@p", "1.50" },
        { SqlType.Decimal, "\"NaN\"", "@p", "\"NaN\"" },
        { SqlType.Decimal, "\"1e3\"", "@p", "1000" },
        { SqlType.Decimal, "\"123456789012345678901234567890.5\"", "@p", "123456789012345678901234567890.5" },
        { SqlType.Decimal, "\"99999999999999999999999999999999999999\"", "@p + 1", "100000000000000000000000000000000000000" },
        { SqlType.Float, "\"NaN\"", "@p", "\"NaN\"" },
        { SqlType.Real, "0.1", "@p", "0.1" },
        { SqlType.Date, "\"2026-03-05\"", "@p + 1", "\"2026-03-06\"" },
        { SqlType.Date, "\"9999-12-31\"", "@p + 1", "\"10000-01-01\"" },
        { SqlType.Date, "\"infinity\"", "@p", "\"infinity\"" },
        { SqlType.DateTime2, "\"2026-03-05T14:30:00.123456\"", "@p", "\"2026-03-05T14:30:00.123456\"" },
        { SqlType.DateTime, "\"2026-03-05T14:30:00Z\"", "@p", "\"2026-03-05T14:30:00\"" },
        { SqlType.DateTime2, "\"0044-03-15 12:00:00 BC\"", "@p", "\"0044-03-15 12:00:00 BC\"" },
        { SqlType.DateTimeOffset, "\"2026-03-05T14:30:00+11:00\"", "@p", "\"2026-03-05T03:30:00+00:00\"" },
        { SqlType.Time, "\"14:30\"", "@p", "\"14:30:00\"" },
        { SqlType.Time, "\"24:00:00\"", "@p", "\"24:00:00\"" },
        { SqlType.UniqueIdentifier, "\"6F9619FF-8B86-D011-B42D-00C04FC964FF\"", "@p", "\"6f9619ff-8b86-d011-b42d-00c04fc964ff\"" },
        { SqlType.VarBinary, "\"3q2+7wA=\"", "length(@p)", "5" },
        { SqlType.NVarChar, "\"O'Brien\"", "@p || '!'", "\"O'Brien!\"" },
        { SqlType.Xml, "\"<a/>\"", "@p", "\"<a/>\"" },
        { null, "66", "1 + @p", "67" },
        { null, "\"2026-03-05\"", "date '2026-03-06' - @p::date", "1" },
        { null, "true", "@p::boolean", "true" },
        { null, "\"{1,2}\"", "(@p::int[])[2]", "2" },
        { null, "\"x\"", "@p", "\"x\"" },
        { SqlType.Int, "null", "@p", "null" },
        { null, "null", "coalesce(@p, 'none')", "\"none\"" },
        { SqlType.NVarChar, "null", "@p IS NULL", "true" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public async Task A_value_arrives_as_its_type(SqlType? type, string json, string expression, string expected)
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal(expected, await bench.ValueAsync($"SELECT {expression} AS v",
            new CommandParameter("@p") { Type = type, Value = JsonDocument.Parse(json).RootElement }));
    }

    [Theory]
    [InlineData(SqlType.Int, "\"2147483648\"")]
    [InlineData(SqlType.Int, "\"1.5\"")]
    [InlineData(SqlType.Bit, "\"yes\"")]
    [InlineData(SqlType.Date, "\"5 March\"")]
    [InlineData(SqlType.DateTime, "\"2026-03-05T25:00:00\"")]
    [InlineData(SqlType.VarBinary, "\"###\"")]
    [InlineData(SqlType.NVarChar, "\"a\\ud800\"")]
    [InlineData(SqlType.NVarChar, "[1]")]
    [InlineData(SqlType.Structured, "[]")]
    [InlineData(SqlType.Udt, "\"x\"")]
    [InlineData(SqlType.Timestamp, "\"AAAAAAAAB9E=\"")]
    public async Task A_value_that_does_not_fit_is_named(SqlType type, string json)
    {
        await using var bench = await postgres.NewAsync();
        var result = await bench.RunAsync(new QueryCommand("SELECT @p") { Parameters = [new("p") { Type = type, Value = JsonDocument.Parse(json).RootElement }] });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.InvalidParameter), (result.Ending, result.Executed, result.Error?.Code));
        Assert.Equal("parameters.@p", Assert.Single(result.Error!.Errors!).Field);
    }

    [Fact]
    public async Task A_parameter_that_the_text_does_not_name_or_names_twice_does_no_harm()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal("6", await bench.ValueAsync("SELECT @a + @a AS v", EngineBench.Parameter("a", 3, SqlType.Int), EngineBench.Parameter("unused", 1, SqlType.Int)));
    }
}
