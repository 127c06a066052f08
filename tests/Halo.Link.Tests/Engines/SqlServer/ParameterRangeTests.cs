using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.SqlServer.Values;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>The edges of each type's range: what is beyond is refused with the range, before anything is sent.</summary>
public sealed class ParameterRangeTests
{
    [Theory]
    [InlineData(SqlType.Money, "922337203685477.5807", "922337203685477.5808", "922337203685477.5807")]
    [InlineData(SqlType.Money, "-922337203685477.5808", "-922337203685477.5809", "-922337203685477.5808")]
    [InlineData(SqlType.SmallMoney, "214748.3647", "214748.3648", "214748.3647")]
    [InlineData(SqlType.SmallMoney, "-214748.3648", "-214748.3649", "-214748.3648")]
    [InlineData(SqlType.SmallDateTime, "2079-06-06T23:59:00", "2079-06-07T00:00:00", "2079-06-06T23:59")]
    [InlineData(SqlType.SmallDateTime, "1900-01-01T00:00:00", "1899-12-31T23:59:59", "1900-01-01")]
    [InlineData(SqlType.DateTime, "9999-12-31T23:59:59.997", "9999-12-31T23:59:59.999", "9999-12-31T23:59:59.997")]
    [InlineData(SqlType.DateTime, "1753-01-01T00:00:00", "1752-12-31T23:59:59", "1753-01-01")]
    [InlineData(SqlType.Float, "1E+308", "NaN", "a finite number")]
    [InlineData(SqlType.Real, "1E+38", "-Infinity", "a finite number")]
    [InlineData(SqlType.Udt, "WA==", "/1/", "base64")]
    [InlineData(SqlType.Decimal, "99999999999999999999999999999999999999", "100000000000000000000000000000000000000", "38 digits")]
    public async Task The_last_value_goes_and_the_next_one_is_refused_by_the_range(SqlType type, string within, string beyond, string range)
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask);
        var sent = await bench.RunAsync(Command(within));
        Assert.True(sent.Ending == Ending.Successful, sent.Error?.ErrorMessage);
        Assert.NotNull(Assert.Single(Assert.Single(bench.Server.Scripted).Parameters).Value);
        var refused = await bench.RunAsync(Command(beyond));
        Assert.Equal((400, FailureCodes.InvalidParameter, Executed.No), (refused.Error!.ErrorCode, refused.Error.Code, refused.Executed));
        Assert.Contains(range, refused.Error.ErrorMessage, StringComparison.Ordinal);
        Assert.Single(bench.Server.Scripted);

        QueryCommand Command(string value) => new("SELECT @p AS v")
        {
            Parameters = [EngineBench.Parameter("@p", value, type) with { TypeName = type == SqlType.Udt ? "hierarchyid" : null }],
        };
    }

    [Fact]
    public void A_value_within_a_minute_or_a_tick_of_the_last_is_rounded_down_and_not_refused()
    {
        Assert.True(SqlServerParameters.TryConvert(new DateTime(2079, 6, 6, 23, 59, 29), SqlType.SmallDateTime, out _));
        Assert.True(SqlServerParameters.TryConvert(new DateTime(9999, 12, 31, 23, 59, 59, 998), SqlType.DateTime, out _));
    }
}
