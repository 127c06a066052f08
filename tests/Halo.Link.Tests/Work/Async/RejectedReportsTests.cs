using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Engines;
using Halo.Link.Pages;
using Halo.Link.Rows;
using Halo.Link.Tests.Pages;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>The API ended a session for what it was told in it: what is told again brings nothing that could end the next one, and loses nothing that is known of the query.</summary>
public sealed class RejectedReportsTests : AsyncTests
{
    const string Words = "the database's own words";

    static readonly OutputParameter[] Outputs = [new("@note", ParameterDirection.Output, SqlType.NVarChar, Words, null)];

    [Theory]
    [InlineData("fails", ReportKind.Failed, ReportKind.Failed, Executed.Unknown, FailureCodes.LinkError)]
    [InlineData("rows", ReportKind.Complete, ReportKind.Complete, Executed.Yes, null)]
    [InlineData("rows and outputs", ReportKind.Complete, ReportKind.UploadFailed, Executed.Yes, FailureCodes.LinkError)]
    [InlineData("outputs", ReportKind.Complete, ReportKind.Failed, Executed.Yes, FailureCodes.LinkError)]
    public async Task A_report_is_told_again_without_what_it_brought(string what, ReportKind first, ReportKind then, Executed executed, string? code)
    {
        Link.Database = (_, sink, cancel) => GiveAsync(what, sink, cancel);
        var claim = Wait(NewClaim(1));
        Api.OnReport = (id, report) => report.Kind == first ? null : Api.Accept(id, report);
        await ConnectAsync();
        var rejected = await Api.NextAsync(first, claim.QueryId);
        Assert.True(rejected.Error is not null || rejected.Columns is not null || rejected.Parameters is not null);

        Link.Queries.OnRejected();
        Api.OnReport = null;
        await ConnectAsync();

        var told = await Api.NextAsync(then, claim.QueryId);
        Assert.Equal((executed, code), (told.Executed, told.Error?.Code));
        Assert.Null(told.Columns);
        Assert.Null(told.Parameters);
        Assert.Null(told.Notices);
        Assert.DoesNotContain(Words, $"{told.Error?.ErrorMessage}", StringComparison.Ordinal);
        if (then == ReportKind.Complete)
            Assert.Equal((rejected.Rows, rejected.PageCount, rejected.Digest), (told.Rows, told.PageCount, told.Digest));
        await Settled(claim.QueryId);
        Assert.Equal([claim.QueryId], Link.Given);
    }

    [Fact]
    public async Task Columns_that_were_told_while_rows_come_are_not_told_again_and_the_query_goes_on()
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Link.Database = async (_, sink, cancel) =>
        {
            await sink.BeginAsync(TestRows.Columns, cancel);
            await goOn.Task;
            await ((PageSink)sink).GiveRowAsync(Row(1), cancel);
            await sink.EndAsync(cancel);
            return new(Ending.Successful, Executed.Yes) { Rows = 1, ResultSets = 1 };
        };
        var claim = Wait(NewClaim(1));
        Api.OnReport = (_, _) => null;
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Reading, claim.QueryId);

        Link.Queries.OnRejected();
        Api.OnReport = null;
        await ConnectAsync();
        goOn.SetResult();

        Assert.Equal(1, (await Api.NextAsync(ReportKind.Complete, claim.QueryId)).Rows);
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_Link_whose_session_ends_by_a_protocol_error_tells_its_claims_so()
    {
        await using var world = await World.StartAsync();
        var claim = NewClaim(1) with { SiteId = world.Hello.Sites[0].Id, Command = new("SELECT * FROM nowhere") };
        await world.Session.NextAsync(FrameKind.ClaimRequest);
        await world.Session.SendAsync(FrameKind.Claims, Guid.Empty, new Claims([claim]), ProtocolJson.Default.Claims);
        Assert.Contains("nowhere", (await FailedAsync(world.Session)).Error!.ErrorMessage, StringComparison.Ordinal);
        await world.Session.Line.CloseAsync(LineCloseReason.ProtocolError);

        var next = await world.Api.NextSessionAsync();
        Assert.Equal(claim.ClaimId, Assert.Single((await next.WelcomeAsync()).Claims).ClaimId);
        var told = await FailedAsync(next);
        Assert.Equal((Executed.No, FailureCodes.LinkError), (told.Executed, told.Error!.Code));
        Assert.DoesNotContain("nowhere", told.Error.ErrorMessage, StringComparison.Ordinal);

        static async Task<Report> FailedAsync(Session.TestSession session)
        {
            while (true)
            {
                if (Session.TestSession.Read(await session.NextAsync(FrameKind.Report), ProtocolJson.Default.Report) is { Kind: ReportKind.Failed } report)
                    return report;
            }
        }
    }

    static async Task<ExecutionResult> GiveAsync(string what, IRowSink sink, CancellationToken cancel)
    {
        if (what == "fails")
            return new(Ending.Failed, Executed.Unknown) { Error = new(ErrorTypes.Sqlite, 1, Words), Notices = [Notice.Of(NoticeCodes.Advice, Words)] };
        var result = what == "outputs" ? new ExecutionResult(Ending.Successful, Executed.Yes) : await GiveRowsAsync(sink, 20, cancel);
        return result with { Notices = [Notice.Of(NoticeCodes.Advice, Words)], Parameters = what == "rows" ? null : Outputs };
    }
}
