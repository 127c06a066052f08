using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Tests.Pages;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

public sealed class AsyncQueriesTests : AsyncTests
{
    [Fact]
    public async Task A_claimed_reader_ends_complete_with_every_row_delivered()
    {
        var claim = Wait(NewClaim(1, rows: 100));
        await ConnectAsync();
        // Of reports that wait for the line only the last is sent, and each holds all that those before it did.
        var complete = await Api.NextAsync(ReportKind.Complete);
        Assert.Equal((100L, claim.ClaimId), (complete.Rows!.Value, complete.ClaimId));
        Assert.Equal(TestRows.Columns, complete.Columns);
        Assert.Equal(Enumerable.Range(0, 100).Select(Row), Api.RowsOf(claim.QueryId));
        var pages = Api.Pages.OrderBy(p => p.Key.Page).Select(p => p.Value).ToArray();
        Assert.Equal(Convert.ToBase64String(SHA256.HashData([.. pages.SelectMany(p => SHA256.HashData(p.Bytes))])), complete.Digest);
        Assert.Equal((pages.Length, pages.Sum(p => p.Size), Executed.Yes), (complete.PageCount, complete.Size, complete.Executed));
        Assert.Equal(new WorkTimings(1, 2, 3), complete.Timings);
        Assert.All(pages, p => Assert.Equal(claim.ClaimId, p.ClaimId));
        await Settled(claim.QueryId);
        await Until(() => Link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task Pages_that_the_API_misses_are_sent_again_also_where_the_line_breaks_meanwhile()
    {
        var claim = Wait(NewClaim(1, rows: 100));
        var (again, goOn) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        Api.OnReport = (id, report) =>
        {
            if (report.Kind == ReportKind.Complete && Api.OnPage is null)
            {
                Api.OnPage = async (_, _, _) =>
                {
                    again.TrySetResult();
                    await goOn.Task;
                    return null;
                };
                Api.Pages.TryRemove((id, 1), out _);
            }
            return Api.Accept(id, report);
        };
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await again.Task.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Uploading, claim.QueryId);
        goOn.SetResult();
        await Api.NextAsync(ReportKind.Complete, claim.QueryId);
        await Settled(claim.QueryId);
        Assert.Equal(Enumerable.Range(0, 100).Select(Row), Api.RowsOf(claim.QueryId));
        Assert.Equal([claim.QueryId], Link.Given);
    }

    [Fact]
    public async Task A_reader_without_rows_has_columns_and_one_empty_page()
    {
        var claim = Wait(NewClaim(1, rows: 0));
        await ConnectAsync();
        var complete = await Api.NextAsync(ReportKind.Complete);
        Assert.Equal((0L, 1, TestRows.Columns.Count), (complete.Rows!.Value, complete.PageCount, complete.Columns!.Count));
        Assert.Empty(Api.RowsOf(claim.QueryId));
        Assert.Equal(0, Assert.Single(Api.Pages).Value.RowCount);
    }

    [Fact]
    public async Task A_nonQuery_is_complete_at_once_without_pages()
    {
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        var complete = await Api.NextAsync(ReportKind.Complete);
        Assert.Equal((3L, 0, null), (complete.RowsAffected!.Value, complete.PageCount, complete.Digest));
        await Settled(claim.QueryId);
        Assert.Empty(Api.Puts);
    }

    [Fact]
    public async Task Another_query_of_a_key_that_ran_is_answered_and_not_executed()
    {
        var key = KeyHash.Of(Guid.Empty, "once");
        var first = Wait(NewClaim(1, mode: ExecutionMode.NonQuery) with { KeyHash = key });
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await Settled(first.QueryId);
        Link.Queries.OnClaims([new ArrivedClaim(NewClaim(2, mode: ExecutionMode.NonQuery) with { KeyHash = key }, true)]);
        var second = await Api.NextAsync(ReportKind.Failed);
        Assert.Equal((Executed.Yes, FailureCodes.AlreadyExecuted, 409), (second.Executed, second.Error!.Code, second.Error.ErrorCode));
        Assert.Equal([first.QueryId], Link.Given);

        // One that the database did not do leaves its key free.
        key = KeyHash.Of(Guid.Empty, "another");
        Link.Database = (_, _, _) => Task.FromResult(new ExecutionResult(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Sqlite, 1, "no") });
        Link.Queries.OnClaims([new ArrivedClaim(NewClaim(3, mode: ExecutionMode.NonQuery) with { KeyHash = key }, true)]);
        Assert.Equal(Executed.No, (await Api.NextAsync(ReportKind.Failed)).Executed);
        Link.Database = null;
        Link.Queries.OnClaims([new ArrivedClaim(NewClaim(4, mode: ExecutionMode.NonQuery) with { KeyHash = key }, true)]);
        await Api.NextAsync(ReportKind.Complete);
    }

    [Fact]
    public async Task The_claim_is_on_the_disk_before_the_database_is_given_it()
    {
        JournalEntry? atExecution = null;
        Link.Database = (claim, sink, cancel) =>
        {
            using var killed = Folder.CopyAsKilled();
            using var journal = ClaimJournal.Open(killed.Path, LocalKey.Open(killed.Path), TimeProvider.System);
            atExecution = journal.Find(claim.QueryId);
            return GiveRowsAsync(sink, 1, cancel);
        };
        var taken = Wait(NewClaim(5));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        Assert.Equal((ClaimPhase.Executing, taken.ClaimId, 5L, true), (atExecution!.Phase, atExecution.ClaimId, atExecution.Number, atExecution.Begun));
    }

    [Fact]
    public async Task A_second_claim_of_a_finished_query_is_answered_and_not_executed()
    {
        var first = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await Settled(first.QueryId);
        Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await Api.TellOfWorkAsync();
        var again = await Api.NextAsync(ReportKind.Complete);
        Assert.NotEqual(first.ClaimId, again.ClaimId);
        Assert.Equal(3, again.RowsAffected);
        await Settled(first.QueryId);
        Assert.Single(Link.Given);
        Assert.Equal(2, Link.Journal.LastClaimNumber);
    }

    [Fact]
    public async Task A_second_claim_of_a_running_query_takes_it_over_and_does_not_execute()
    {
        var go = new TaskCompletionSource();
        Link.Database = async (_, sink, cancel) =>
        {
            await go.Task;
            return await GiveRowsAsync(sink, 20, cancel);
        };
        var first = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => Link.Given.Count == 1);
        var second = Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await Api.TellOfWorkAsync();
        await Until(() => Link.Held.Single().ClaimId == second.ClaimId);
        go.SetResult();
        Assert.Equal(second.ClaimId, (await Api.NextAsync(ReportKind.Complete)).ClaimId);
        Assert.All(Api.Pages.Values, p => Assert.Equal(second.ClaimId, p.ClaimId));
        Assert.Single(Link.Given);
    }

    [Fact]
    public async Task A_second_claim_of_rows_that_are_gone_says_that_it_did_execute()
    {
        var first = Wait(NewClaim(1));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await Settled(first.QueryId);
        Api.Pages.Clear();
        Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await Api.TellOfWorkAsync();
        var end = await Api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
        Assert.Single(Link.Given);
    }

    [Fact]
    public async Task Slots_that_become_more_or_fewer_count_at_once_and_interrupt_nothing()
    {
        var hold = new SemaphoreSlim(0);
        Link.Database = async (_, sink, cancel) =>
        {
            await hold.WaitAsync(cancel);
            return await GiveRowsAsync(sink, 1, cancel);
        };
        for (var i = 1; i <= 8; i++)
            Wait(NewClaim(i));
        await ConnectAsync();
        await Until(() => Link.Queries.Executing == 2);
        Link.Queries.Resize(4);
        await Until(() => Link.Queries.Executing == 4 && Link.Given.Count == 4);
        Link.Queries.Resize(1);
        Assert.Equal(4, Link.Queries.Executing);
        // Three ends free no slot; the fourth does, for one.
        hold.Release(3);
        await Until(() => Link.Queries.Executing == 1);
        Assert.Equal(4, Link.Given.Count);
        hold.Release(1);
        await Until(() => Link.Given.Count == 5);
        Assert.Equal(1, Link.Queries.Executing);
        Link.Queries.Resize(3);
        await Until(() => Link.Queries.Executing == 3);
        hold.Release(100);
        await Until(() => Link.Given.Count == 8 && Link.Held.Count == 0);
    }

    [Fact]
    public async Task Slots_bound_what_the_databases_get_and_uploads_hold_none()
    {
        var (running, most) = (0, 0);
        var hold = new SemaphoreSlim(0);
        Link.Database = async (_, sink, cancel) =>
        {
            lock (hold)
                most = Math.Max(most, Interlocked.Increment(ref running));
            await hold.WaitAsync(cancel);
            Interlocked.Decrement(ref running);
            return await GiveRowsAsync(sink, 1, cancel);
        };
        var uploads = new TaskCompletionSource();
        Api.OnPage = async (_, _, _) =>
        {
            await uploads.Task;
            return null;
        };
        for (var i = 1; i <= 6; i++)
            Wait(NewClaim(i));
        await ConnectAsync();
        await Until(() => Volatile.Read(ref most) == 2);
        hold.Release(100);
        await Until(() => Link.Queries.Uploading >= 4 && Link.Queries.Executing == 0);
        // So many are on their way (one more where two ended at once): nothing is claimed until the uplink has brought one home.
        Assert.InRange(Link.Given.Count, 4, 5);
        uploads.SetResult();
        for (var i = 0; i < 6; i++)
            await Api.NextAsync(ReportKind.Complete);
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task After_an_empty_answer_it_waits_until_it_is_told_of_work()
    {
        await ConnectAsync();
        await Until(() => Api.Asked.Count == 1);
        var claim = Wait(NewClaim(1));
        Assert.Equal([2], Api.Asked);
        await Api.TellOfWorkAsync();
        await Api.NextAsync(ReportKind.Complete, claim.QueryId);
        await Settled(claim.QueryId);
        // Told of work: two free slots, one claim; the slot that was left, or became free, asked on until the answer was empty.
        await Until(() => Api.Asked.Count >= 3);
    }

    [Fact]
    public async Task Claims_that_have_just_arrived_are_in_the_next_Hello()
    {
        Link.Database = Hanging(Executed.No);
        var claim = NewClaim(9);
        Link.Queries.OnClaims([new(claim, true)]);
        Assert.Equal(claim.ClaimId, Assert.Single(Link.Held).ClaimId);
        Assert.Equal(9, Link.Journal.LastClaimNumber);
        Assert.NotNull(Link.Journal.Find(claim.QueryId));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_last_report_is_repeated_in_every_session_until_it_is_acknowledged()
    {
        Api.OnReport = (_, _) => null;
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(ClaimPhase.Ended, Assert.Single(await ConnectAsync()).Phase);
            Assert.Equal(claim.ClaimId, (await Api.NextAsync(ReportKind.Complete)).ClaimId);
        }
        Api.OnReport = null;
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
        Assert.Empty(await ConnectAsync());
        Assert.Single(Link.Given);
    }

    [Fact]
    public async Task A_query_goes_on_over_a_lost_session()
    {
        var go = new TaskCompletionSource();
        Link.Database = async (_, sink, cancel) =>
        {
            await go.Task;
            return await GiveRowsAsync(sink, 30, cancel);
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => Link.Given.Count == 1);
        await Api.DisconnectAsync(Link.Current);
        go.SetResult();
        await Until(() => Link.Held is [{ Phase: ClaimPhase.Ended }]);
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Complete);
        Assert.Equal(30, Api.RowsOf(claim.QueryId).Length);
    }

    [Fact]
    public async Task Pages_can_be_read_while_the_database_still_answers()
    {
        var go = new TaskCompletionSource();
        Link.Database = async (_, sink, cancel) =>
        {
            await sink.BeginAsync(TestRows.Columns, cancel);
            for (var i = 0; i < 10; i++)
                await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
            await go.Task;
            await sink.EndAsync(cancel);
            return new(Ending.Successful, Executed.Yes) { Rows = 10 };
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => Api.Pages.ContainsKey((claim.QueryId, 1)));
        Assert.Equal(ClaimPhase.Executing, Link.Held.Single().Phase);
        go.SetResult();
        await Api.NextAsync(ReportKind.Complete);
        Assert.Equal(10, Api.RowsOf(claim.QueryId).Length);
    }
}
