using System.Text;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Tests;

public class MessageHeadTests
{
    static readonly Guid Claim = Guid.Parse("019abc00-0000-7000-8000-000000000001");
    static readonly MessageHead Nothing = new(null, ReportKind.Unknown, Executed.Unknown);

    [Theory]
    [InlineData(ReportKind.Uploading, Executed.Yes)]
    [InlineData(ReportKind.Complete, Executed.Yes)]
    [InlineData(ReportKind.Failed, Executed.No)]
    [InlineData(ReportKind.Failed, Executed.Unknown)]
    public void What_a_report_says_first_is_read_from_it(ReportKind kind, Executed executed)
    {
        var report = JsonSerializer.SerializeToUtf8Bytes(new Report(Claim, kind) { Executed = executed }, ProtocolJson.Default.Report);
        Assert.Equal(new(Claim, kind, executed), MessageHead.Read(report));
    }

    [Theory]
    [InlineData("""{"claimId":"019abc00-0000-7000-8000-000000000001","kind":"failed","executed":"no","error":{"errorMessage":"cut in the mid""")]
    [InlineData("""{"claimId":"019abc00-0000-7000-8000-000000000001","newer":{"a":[1,{"kind":"complete"}]},"more":[[]],"kind":"failed","executed":"no",""")]
    [InlineData("""{ "claimId" : "019abc00-0000-7000-8000-000000000001", "count": 1, "kind":"Failed","executed":"no","columns":[{"name":""")]
    [InlineData("""{"claimId":"019abc00-0000-7000-8000-000000000001","kind":"failed","executed":"no" this is no JSON""")]
    public void A_message_that_was_cut_or_goes_on_badly_is_read_as_far_as_it_can_be(string json) =>
        Assert.Equal(new(Claim, ReportKind.Failed, Executed.No), MessageHead.Read(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("\"claimId\"")]
    [InlineData("\u0000\u0001")]
    [InlineData("""{"claimId":7,"kind":5,"executed":true}""")]
    [InlineData("""{"claimId":"no id","kind":"no kind","executed":"perhaps"}""")]
    [InlineData("""{"kind":"99"}""")]
    [InlineData("""{"outer":{"claimId":"019abc00-0000-7000-8000-000000000001","executed":"yes"}}""")]
    public void What_is_not_said_is_not_guessed(string json) => Assert.Equal(Nothing, MessageHead.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Text_that_is_no_UTF8_ends_the_reading()
    {
        byte[] json = [.. """{"executed":"no","kind":" """u8, 0xC3, 0x28, .. "\"}"u8];
        Assert.Equal(Nothing with { Executed = Executed.No }, MessageHead.Read(json));
    }
}
