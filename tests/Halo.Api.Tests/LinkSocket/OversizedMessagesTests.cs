using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.LinkSocket;

/// <summary>What an older or a hostile Link sends beyond the bounds is settled or cut; its session and everybody else go on.</summary>
public class OversizedMessagesTests(OneHost one) : IClassFixture<OneHost>
{
    [Theory]
    [InlineData("no", Executed.No)]
    [InlineData("yes", Executed.Yes)]
    [InlineData("unknown", Executed.Unknown)]
    public async Task An_outcome_larger_than_can_be_taken_ends_its_query_with_what_is_known(string word, Executed executed)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        foreach (var kind in (FrameKind[])[FrameKind.Outcome, FrameKind.Answer])
        {
            var asked = site.AskAsync();
            var (id, _) = await site.Link.ExpectExecuteAsync();
            var json = Encoding.UTF8.GetBytes($$$"""{"ending":"failed","executed":"{{{word}}}","error":{"errorType":"pgsql","errorCode":0,"errorMessage":"{{{new string('p', 30_000_000)}}}"}}""");
            await SendRawAsync(site.Link, kind, id, kind == FrameKind.Outcome ? json : [.. BitConverter.GetBytes(json.Length), .. json]);
            using var answer = await asked;
            var query = await answer.QueryAsync();
            Assert.Equal((500, QueryStatus.ExecutionFailed, executed, FailureCodes.LinkError),
                ((int)answer.StatusCode, query.Status, query.Executed!.Value, query.ErrorDetails!.Code));
            Assert.Equal(id, (await site.Link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
        }
        await GoesOnAsync(site);
    }

    [Fact]
    public async Task An_outcome_that_cannot_be_read_ends_its_query()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.Line.SendAsync(FrameKind.Outcome, id, """{"executed":"no","ending":[]}"""u8.ToArray());
        using var answer = await asked;
        Assert.Equal(Executed.No, (await answer.QueryAsync()).Executed);
        await GoesOnAsync(site);
    }

    [Fact]
    public async Task An_older_Links_long_error_is_cut()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        var json = $$$"""{"ending":"failed","executed":"no","error":{"errorType":"pgsql","errorCode":0,"errorMessage":"{{{new string('é', 5_000_000)}}}"}}""";
        await SendRawAsync(site.Link, FrameKind.Outcome, id, Encoding.UTF8.GetBytes(json));
        using var answer = await asked;
        var error = (await answer.QueryAsync()).ErrorDetails!;
        Assert.Equal((400, ErrorTypes.Postgres), ((int)answer.StatusCode, error.ErrorType));
        Assert.InRange(Encoding.UTF8.GetByteCount(error.ErrorMessage), 8000, ProtocolLimits.MaxErrorBytes);
        await GoesOnAsync(site);
    }

    [Fact]
    public async Task Columns_that_cannot_be_taken_leave_no_half_result()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await SendRawAsync(site.Link, FrameKind.Columns, id, new byte[6 << 20]);
        await site.Link.Line.SendAsync(FrameKind.Rows, id, """[{"n":1}]"""u8.ToArray());
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 1, Size = 9 });
        using var answer = await asked;
        var query = await answer.QueryAsync();
        Assert.Equal((504, Executed.Yes, null), ((int)answer.StatusCode, query.Executed!.Value, query.Result));
        await GoesOnAsync(site);
    }

    [Theory]
    [InlineData("failed", "no", QueryStatus.ExecutionFailed, Executed.No, true)]
    [InlineData("failed", "unknown", QueryStatus.ExecutionFailed, Executed.Unknown, true)]
    [InlineData("complete", "yes", QueryStatus.ExecutionFailed, Executed.Yes, false)]
    [InlineData("uploading", "yes", QueryStatus.ExecutionFailed, Executed.Yes, false)]
    [InlineData("uploadFailed", "yes", QueryStatus.UploadFailed, Executed.Yes, true)]
    [InlineData("cancelled", "no", QueryStatus.Cancelled, Executed.No, true)]
    [InlineData("reading", "unknown", QueryStatus.Executing, null, true)]
    public async Task A_report_larger_than_can_be_taken_is_settled_and_acknowledged(string kind, string word, QueryStatus status, Executed? executed, bool accepted)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var json = $$"""{"claimId":"{{claim.ClaimId}}","kind":"{{kind}}","executed":"{{word}}","parameters":[{"name":"@a","direction":"output","value":"{{new string('p', 30_000_000)}}"}]}""";
        await SendRawAsync(site.Link, FrameKind.Report, query.Id, Encoding.UTF8.GetBytes(json));
        var ack = System.Text.Json.JsonSerializer.Deserialize((await site.Link.ExpectAsync(FrameKind.ReportAck)).Payload, ProtocolJson.Default.ReportAck)!;
        Assert.Equal((claim.ClaimId, accepted), (ack.ClaimId, ack.Accepted));
        var after = await site.GetAsync(query.Id);
        Assert.Equal((status, executed), (after.Status, after.Executed));
        await GoesOnAsync(site);
    }

    /// <summary>Each kind at more than its bound, in a session, and a message that never ends.</summary>
    [Fact]
    public async Task Every_kind_over_its_bound_is_passed_over()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        await using var bystander = await PairedSite.CreateAsync(one.Host);
        var filler = new byte[1 << 20];
        foreach (var kind in Enum.GetValues<FrameKind>().Except([FrameKind.Hello]))
            await SendRawAsync(site.Link, kind, Guid.NewGuid(), filler.AsSpan(0, Math.Min(filler.Length, FrameBounds.FromLink(kind) + 1)).ToArray(), FrameBounds.FromLink(kind) / filler.Length + 1);
        await GoesOnAsync(site);
        await GoesOnAsync(bystander);
    }

    static async Task SendRawAsync(SimulatedLink link, FrameKind kind, Guid id, byte[] payload, int times = 1)
    {
        var frame = new byte[FrameCodec.HeaderBytes(kind) + payload.Length * times];
        FrameCodec.WriteHeader(frame, kind, id);
        for (var i = 0; i < times; i++)
            payload.CopyTo(frame.AsSpan(FrameCodec.HeaderBytes(kind) + i * payload.Length));
        Assert.True(await link.Line.SendFrameAsync(frame));
    }

    static async Task GoesOnAsync(PairedSite site)
    {
        Assert.False(site.Link.Line.Dead.IsCancellationRequested);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var answer = await asked;
        Assert.Equal(200, (int)answer.StatusCode);
    }
}
