using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Pages;
using Halo.Link.Tests.Pages;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

public sealed class AsyncEndingsTests : AsyncTests
{
    [Fact]
    public async Task A_failure_of_the_database_is_told_in_its_own_words()
    {
        var error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such table: nowhere");
        Link.Database = (_, _, _) => Task.FromResult(new ExecutionResult(Ending.Failed, Executed.No) { Error = error });
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        var failed = await Api.NextAsync(ReportKind.Failed);
        Assert.Equal((error, Executed.No), (failed.Error, failed.Executed));
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_fault_of_the_Links_own_is_an_end_too()
    {
        Link.Database = (_, _, _) => throw new InvalidOperationException("a mistake");
        Wait(NewClaim(1));
        await ConnectAsync();
        var failed = await Api.NextAsync(ReportKind.Failed);
        Assert.Equal((FailureCodes.LinkError, Executed.Unknown), (failed.Error!.Code, failed.Executed));
        Assert.DoesNotContain("mistake", failed.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Executed.No)]
    [InlineData(Executed.Unknown)]
    public async Task Cancel_stops_the_statement_and_tells_what_the_database_says(Executed executed)
    {
        Link.Database = Hanging(executed);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => Link.Given.Count == 1);
        Link.Queries.Cancel(claim.QueryId);
        Assert.Equal(executed, (await Api.NextAsync(ReportKind.Cancelled)).Executed);
        await Settled(claim.QueryId);
        Link.Queries.Cancel(claim.QueryId);
        Link.Queries.Cancel(Guid.NewGuid());
        await Link.Queries.StopAsync(TestContext.Current.CancellationToken);
        Assert.Empty(Api.TakeReports());
    }

    [Fact]
    public async Task A_finished_write_is_never_called_cancelled()
    {
        Link.Database = async (_, _, cancel) =>
        {
            await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
            return new(Ending.Successful, Executed.Yes) { RowsAffected = 1 };
        };
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await Until(() => Link.Given.Count == 1);
        Link.Queries.Cancel(claim.QueryId);
        Assert.Equal(1, (await Api.NextAsync(ReportKind.Complete)).RowsAffected);
    }

    [Fact]
    public async Task Rows_cancelled_while_uploading_did_execute_and_their_pages_go()
    {
        Api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Uploading);
        Link.Queries.Cancel(claim.QueryId);
        Assert.Equal(Executed.Yes, (await Api.NextAsync(ReportKind.Cancelled)).Executed);
        await Until(() => Link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task A_claim_that_waits_for_a_slot_is_cancelled_without_running()
    {
        Link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        await ConnectAsync();
        Link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => Link.Given.Count == 2);
        var waiting = claims.Single(c => !Link.Given.Contains(c.QueryId));
        Link.Queries.Cancel(waiting.QueryId);
        Assert.Equal(Executed.No, (await Api.NextAsync(ReportKind.Cancelled, waiting.QueryId)).Executed);
        Assert.Equal(2, Link.Given.Count);
    }

    [Fact]
    public async Task A_claim_cancelled_right_behind_its_arrival_is_cancelled()
    {
        Link.Database = Hanging(Executed.No);
        await ConnectAsync();
        var claim = NewClaim(1);
        Link.Queries.OnClaims([new ArrivedClaim(claim, true)]);
        Link.Queries.Cancel(claim.QueryId);
        Assert.Equal(Executed.No, (await Api.NextAsync(ReportKind.Cancelled, claim.QueryId)).Executed);
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task Two_claims_of_one_query_in_one_answer_execute_once_under_the_later()
    {
        await ConnectAsync();
        var first = NewClaim(1);
        var second = first with { ClaimId = Guid.NewGuid(), Number = 2 };
        Link.Queries.OnClaims([new ArrivedClaim(first, true), new ArrivedClaim(second, true)]);
        Assert.Equal(second.ClaimId, (await Api.NextAsync(ReportKind.Complete)).ClaimId);
        await Settled(first.QueryId);
        Assert.Equal([first.QueryId], Link.Given);
    }

    [Fact]
    public async Task A_dropped_claim_is_stopped_and_forgotten_but_never_executed_again()
    {
        Link.Database = Hanging(Executed.Unknown);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => Link.Given.Count == 1);
        await ConnectAsync(_ => Verdict.Drop);
        await Until(() => Link.Journal.Find(claim.QueryId) is { Held: false });
        Api.TakeReports();
        Wait(claim with { ClaimId = Guid.NewGuid(), Number = 2 });
        await Api.TellOfWorkAsync();
        Assert.Equal(Executed.Unknown, (await Api.NextAsync(ReportKind.Cancelled)).Executed);
        Assert.Single(Link.Given);
    }

    [Fact]
    public async Task A_report_that_is_not_accepted_ends_the_work_and_its_pages()
    {
        Api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        Api.OnReport = (id, report) => Api.Accept(id, report) with { Accepted = report.Kind != ReportKind.Uploading };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Settled(claim.QueryId);
        await Until(() => Link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task Pages_that_the_API_misses_are_sent_again()
    {
        var claim = Wait(NewClaim(1, rows: 50));
        var forgotten = false;
        Api.OnReport = (id, report) =>
        {
            if (report.Kind == ReportKind.Complete && !forgotten)
            {
                forgotten = true;
                Api.Pages.TryRemove((id, 1), out _);
                Api.Pages.TryRemove((id, 3), out _);
            }
            return Api.Accept(id, report);
        };
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await Api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
        Assert.Equal(Enumerable.Range(0, 50).Select(Row), Api.RowsOf(claim.QueryId));
    }

    [Theory]
    [InlineData(409)]
    [InlineData(422)]
    public async Task A_page_that_another_stands_in_the_place_of_or_that_never_arrives_whole_ends_the_query_at_once(int status)
    {
        Api.OnPage = (_, page, _) => Task.FromResult<int?>(page == 2 ? status : null);
        var claim = Wait(NewClaim(1, rows: 50));
        await ConnectAsync();
        var failed = await Api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((claim.ClaimId, Executed.Yes, FailureCodes.PageLost), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_settled_query_found_out_by_a_page_is_dropped()
    {
        Api.OnPage = (_, _, _) => Task.FromResult<int?>(ApiStandIn.Settled);
        Link.Database = async (claim, sink, cancel) =>
        {
            await sink.BeginAsync(TestRows.Columns, cancel);
            for (var i = 0; i < 10; i++)
                await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
            return await Hanging(Executed.No)(claim, sink, cancel);
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Settled(claim.QueryId);
        Assert.DoesNotContain(Api.TakeReports(), r => r.Kind is not (ReportKind.Reading));
        await Until(() => Link.Queries.Executing == 0);
    }

    [Fact]
    public async Task A_refused_page_ends_as_upload_failed_that_did_execute()
    {
        Api.OnPage = (_, page, _) => Task.FromResult<int?>(page == 1 ? 403 : null);
        Link.Database = async (_, sink, cancel) =>
        {
            var result = await GiveRowsAsync(sink, 20, cancel);
            await Until(() => Api.Puts.Any(p => p.Page == 1));
            return result;
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        var end = await Api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
        await Settled(claim.QueryId);
        await Until(() => Link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task Pages_that_cannot_be_delivered_within_the_limit_end_as_UploadTimeout()
    {
        Api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        Wait(NewClaim(1, uploadLimitMs: 50));
        await ConnectAsync();
        var end = await Api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.UploadTimeout), (end.Executed, end.Error!.Code));
    }

    [Fact]
    public async Task Stopping_hands_back_what_is_not_begun_and_settles_what_runs()
    {
        Link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        await ConnectAsync();
        Link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => Link.Given.Count == 2);
        await Link.Queries.StopAsync(TestContext.Current.CancellationToken);
        // In whatever order they come: what runs may end before what is not begun is handed back.
        var reports = new List<Report>();
        await Until(() =>
        {
            reports.AddRange(Api.TakeReports());
            return reports.Count >= 3;
        });
        var waiting = claims.Single(c => !Link.Given.Contains(c.QueryId));
        Assert.Equal(waiting.ClaimId, Assert.Single(reports, r => r.Kind == ReportKind.HandBack).ClaimId);
        var stopped = reports.Where(r => r.Kind == ReportKind.Failed).ToArray();
        Assert.Equal(2, stopped.Length);
        Assert.All(stopped, r => Assert.Equal((FailureCodes.LinkStopping, Executed.No), (r.Error!.Code, r.Executed)));
        await Settled(waiting.QueryId);
        Assert.Null(Link.Journal.Find(waiting.QueryId));
    }

    [Fact]
    public async Task A_handed_back_query_may_be_claimed_and_executed_again()
    {
        Api.OnReport = (_, _) => null;
        Link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        Link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => Link.Given.Count == 2);
        var waiting = claims.Single(c => !Link.Given.Contains(c.QueryId));
        await Link.DisposeAsync();
        Link = new LinkUnderTest(Folder, Api);
        await Link.Queries.SettleAsync();
        Api.OnReport = null;
        Assert.Equal(ClaimPhase.HandedBack, Link.Held.Single(c => c.QueryId == waiting.QueryId).Phase);
        Wait(waiting with { ClaimId = Guid.NewGuid(), Number = 4 });
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete, waiting.QueryId);
        Assert.Equal([waiting.QueryId], Link.Given);
    }
}
