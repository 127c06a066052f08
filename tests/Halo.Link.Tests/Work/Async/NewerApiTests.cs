using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Work.Async;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>What an API says that is newer than the Link.</summary>
public sealed class NewerApiTests : AsyncTests
{
    [Fact]
    public async Task A_claim_that_only_a_newer_Link_can_read_is_told_so_at_once_and_the_others_run()
    {
        await ConnectAsync();
        await Until(() => Api.Asked.Count == 1);
        var (newer, plain) = (NewClaim(1), NewClaim(2));
        var frame = JsonSerializer.Serialize(new Claims([newer, plain]), ProtocolJson.Default.Claims);
        var mode = frame.IndexOf("\"reader\"", StringComparison.Ordinal);
        Assert.True(mode > 0);
        Link.Queries.OnClaims(ArrivedClaim.ReadAll(Encoding.UTF8.GetBytes(frame.Remove(mode, 8).Insert(mode, "\"stream\""))));
        var failed = await Api.NextAsync(ReportKind.Failed);
        Assert.Equal((newer.ClaimId, Executed.No, FailureCodes.LinkError), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        await Settled(newer.QueryId);
        await Settled(plain.QueryId);
        Assert.Equal([plain.QueryId], Link.Given);
        await Until(() => Api.Asked.Count > 1);
        Assert.Equal(2, Link.Journal.LastClaimNumber);
    }

    [Theory]
    [InlineData("rubbish")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{ "items": [ { "queryId": "x" } ] }""")]
    public void Claims_without_ids_are_not_read(string frame) =>
        Assert.ThrowsAny<JsonException>(() => ArrivedClaim.ReadAll(Encoding.UTF8.GetBytes(frame)));

    [Fact]
    public async Task An_answer_of_a_kind_that_only_a_newer_Link_knows_settles_nothing()
    {
        Api.OnReport = (id, report) => report.Kind == ReportKind.Complete
            ? new(report.ClaimId, ReportKind.Unknown, false, null) : Api.Accept(id, report);
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        Api.OnReport = null;
        Assert.Equal(claim.QueryId, Assert.Single(await ConnectAsync()).QueryId);
        await Api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
    }
}
