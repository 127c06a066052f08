using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Journal;
using Halo.Link.Results;
using Halo.Link.Work.Async;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;
using Rows = Halo.Link.Tests.Results.Pages.Rows;

namespace Halo.Link.Tests.Work.Async;

public sealed class AsyncQueriesTests : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    ApiStandIn _api = null!;
    LinkUnderTest _link = null!;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiStandIn.StartAsync();
        _link = new LinkUnderTest(_folder, _api);
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _api.DisposeAsync();
        _folder.Dispose();
    }

    Task<IReadOnlyList<HeldClaim>> ConnectAsync(Func<HeldClaim, Verdict>? judge = null) => _api.ConnectAsync(_link.Queries, _link.Current, judge);

    Claim Wait(Claim claim)
    {
        _api.Waiting.Enqueue(claim);
        return claim;
    }

    async Task Settled(Guid queryId) => await Until(() => _link.Journal.Find(queryId) is null or { Held: false } && _link.Queries.Held.All(c => c.QueryId != queryId));

    [Fact]
    public async Task A_claimed_reader_ends_complete_with_every_row_delivered()
    {
        var claim = Wait(NewClaim(1, rows: 100));
        await ConnectAsync();
        Assert.Equal(Rows.Columns, (await _api.NextAsync(ReportKind.Reading)).Columns);
        var uploading = await _api.NextAsync(ReportKind.Uploading);
        Assert.Equal((100L, claim.ClaimId), (uploading.Rows!.Value, uploading.ClaimId));
        var complete = await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(Enumerable.Range(0, 100).Select(Row), _api.RowsOf(claim.QueryId));
        var pages = _api.Pages.OrderBy(p => p.Key.Page).Select(p => p.Value).ToArray();
        Assert.Equal(Convert.ToBase64String(SHA256.HashData([.. pages.SelectMany(p => SHA256.HashData(p.Bytes))])), complete.Digest);
        Assert.Equal((pages.Length, pages.Sum(p => p.Size), Executed.Yes), (complete.PageCount, complete.Size, complete.Executed));
        Assert.Equal(new WorkTimings(1, 2, 3), complete.Timings);
        Assert.All(pages, p => Assert.Equal(claim.ClaimId, p.ClaimId));
        await Settled(claim.QueryId);
        await Until(() => _link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task A_reader_without_rows_has_columns_and_one_empty_page()
    {
        var claim = Wait(NewClaim(1, rows: 0));
        await ConnectAsync();
        var complete = await _api.NextAsync(ReportKind.Complete);
        Assert.Equal((0L, 1, Rows.Columns.Count), (complete.Rows!.Value, complete.PageCount, complete.Columns!.Count));
        Assert.Empty(_api.RowsOf(claim.QueryId));
        Assert.Equal(0, Assert.Single(_api.Pages).Value.RowCount);
    }

    [Fact]
    public async Task A_nonQuery_is_complete_at_once_without_pages()
    {
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        var complete = await _api.NextAsync(ReportKind.Complete);
        Assert.Equal((3L, 0, null), (complete.RowsAffected!.Value, complete.PageCount, complete.Digest));
        await Settled(claim.QueryId);
        Assert.Empty(_api.Puts);
    }

    [Fact]
    public async Task The_claim_is_on_the_disk_before_the_database_is_given_it()
    {
        JournalEntry? atExecution = null;
        _link.Database = (claim, sink, cancel) =>
        {
            using var killed = _folder.CopyAsKilled();
            using var journal = ClaimJournal.Open(killed.Path, LocalKey.Open(killed.Path), TimeProvider.System);
            atExecution = journal.Find(claim.QueryId);
            return GiveRowsAsync(sink, 1, cancel);
        };
        var taken = Wait(NewClaim(5));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        Assert.Equal((ClaimPhase.Executing, taken.ClaimId, 5L, true), (atExecution!.Phase, atExecution.ClaimId, atExecution.Number, atExecution.Begun));
    }

    [Fact]
    public async Task A_second_claim_of_a_finished_query_is_answered_and_not_executed()
    {
        var first = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        await Settled(first.QueryId);
        Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await _api.TellOfWorkAsync();
        var again = await _api.NextAsync(ReportKind.Complete);
        Assert.NotEqual(first.ClaimId, again.ClaimId);
        Assert.Equal(3, again.RowsAffected);
        await Settled(first.QueryId);
        Assert.Single(_link.Given);
        Assert.Equal(2, _link.Queries.LastClaimNumber);
    }

    [Fact]
    public async Task A_second_claim_of_a_running_query_takes_it_over_and_does_not_execute()
    {
        var go = new TaskCompletionSource();
        _link.Database = async (_, sink, cancel) =>
        {
            await go.Task;
            return await GiveRowsAsync(sink, 20, cancel);
        };
        var first = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 1);
        var second = Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await _api.TellOfWorkAsync();
        await Until(() => _link.Queries.Held.Single().ClaimId == second.ClaimId);
        go.SetResult();
        Assert.Equal(second.ClaimId, (await _api.NextAsync(ReportKind.Complete)).ClaimId);
        Assert.All(_api.Pages.Values, p => Assert.Equal(second.ClaimId, p.ClaimId));
        Assert.Single(_link.Given);
    }

    [Fact]
    public async Task A_second_claim_of_rows_that_are_gone_says_that_it_did_execute()
    {
        var first = Wait(NewClaim(1));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        await Settled(first.QueryId);
        _api.Pages.Clear();
        Wait(first with { ClaimId = Guid.NewGuid(), Number = 2 });
        await _api.TellOfWorkAsync();
        var end = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
        Assert.Single(_link.Given);
    }

    [Fact]
    public async Task Slots_bound_what_the_databases_get_and_uploads_hold_none()
    {
        var (running, most) = (0, 0);
        var hold = new SemaphoreSlim(0);
        _link.Database = async (_, sink, cancel) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            await hold.WaitAsync(cancel);
            Interlocked.Decrement(ref running);
            return await GiveRowsAsync(sink, 1, cancel);
        };
        var uploads = new TaskCompletionSource();
        _api.OnPage = async (_, _, _) =>
        {
            await uploads.Task;
            return null;
        };
        for (var i = 1; i <= 6; i++)
            Wait(NewClaim(i));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 2);
        hold.Release(100);
        await Until(() => _link.Queries.Uploading >= 4 && _link.Queries.Executing == 0);
        // So many are on their way (one more where two ended at once): nothing is claimed until the uplink has brought one home.
        Assert.InRange(_link.Given.Count, 4, 5);
        uploads.SetResult();
        for (var i = 0; i < 6; i++)
            await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(2, most);
    }

    [Fact]
    public async Task After_an_empty_answer_it_waits_until_it_is_told_of_work()
    {
        await ConnectAsync();
        await Until(() => _api.Asked.Count == 1);
        var claim = Wait(NewClaim(1));
        Assert.Equal([2], _api.Asked);
        await _api.TellOfWorkAsync();
        await _api.NextAsync(ReportKind.Complete, claim.QueryId);
        await Settled(claim.QueryId);
        // Told of work: two free slots, one claim; the slot that was left, or became free, asked on until the answer was empty.
        await Until(() => _api.Asked.Count >= 3);
    }

    [Fact]
    public async Task Claims_that_have_just_arrived_are_in_the_next_Hello()
    {
        _link.Database = Hanging(Executed.No);
        var claim = NewClaim(9);
        _link.Queries.OnClaims([new(claim, true)]);
        Assert.Equal(claim.ClaimId, Assert.Single(_link.Queries.Held).ClaimId);
        Assert.Equal(9, _link.Queries.LastClaimNumber);
        Assert.NotNull(_link.Journal.Find(claim.QueryId));
        await Task.CompletedTask;
    }

    [Fact]
    public async Task A_last_report_is_repeated_in_every_session_until_it_is_acknowledged()
    {
        _api.OnReport = (_, _) => null;
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(ClaimPhase.Ended, Assert.Single(await ConnectAsync()).Phase);
            Assert.Equal(claim.ClaimId, (await _api.NextAsync(ReportKind.Complete)).ClaimId);
        }
        _api.OnReport = null;
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
        Assert.Empty(await ConnectAsync());
        Assert.Single(_link.Given);
    }

    [Fact]
    public async Task A_query_goes_on_over_a_lost_session()
    {
        var go = new TaskCompletionSource();
        _link.Database = async (_, sink, cancel) =>
        {
            await go.Task;
            return await GiveRowsAsync(sink, 30, cancel);
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 1);
        await _api.DisconnectAsync(_link.Current);
        go.SetResult();
        await Until(() => _link.Queries.Held is [{ Phase: ClaimPhase.Ended }]);
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(30, _api.RowsOf(claim.QueryId).Length);
    }

    [Fact]
    public async Task A_failure_of_the_database_is_told_in_its_own_words()
    {
        var error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such table: nowhere");
        _link.Database = (_, _, _) => Task.FromResult(new ExecutionResult(Ending.Failed, Executed.No) { Error = error });
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        var failed = await _api.NextAsync(ReportKind.Failed);
        Assert.Equal((error, Executed.No), (failed.Error, failed.Executed));
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_fault_of_the_Links_own_is_an_end_too()
    {
        _link.Database = (_, _, _) => throw new InvalidOperationException("a mistake");
        Wait(NewClaim(1));
        await ConnectAsync();
        var failed = await _api.NextAsync(ReportKind.Failed);
        Assert.Equal((FailureCodes.LinkError, Executed.Unknown), (failed.Error!.Code, failed.Executed));
        Assert.DoesNotContain("mistake", failed.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Executed.No)]
    [InlineData(Executed.Unknown)]
    public async Task Cancel_stops_the_statement_and_tells_what_the_database_says(Executed executed)
    {
        _link.Database = Hanging(executed);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 1);
        Assert.True(_link.Queries.Cancel(claim.QueryId));
        Assert.Equal(executed, (await _api.NextAsync(ReportKind.Cancelled)).Executed);
        await Settled(claim.QueryId);
        Assert.False(_link.Queries.Cancel(claim.QueryId));
        Assert.False(_link.Queries.Cancel(Guid.NewGuid()));
    }

    [Fact]
    public async Task A_finished_write_is_never_called_cancelled()
    {
        var go = new TaskCompletionSource();
        _link.Database = async (_, _, _) =>
        {
            await go.Task;
            return new(Ending.Successful, Executed.Yes) { RowsAffected = 1 };
        };
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 1);
        Assert.True(_link.Queries.Cancel(claim.QueryId));
        go.SetResult();
        Assert.Equal(1, (await _api.NextAsync(ReportKind.Complete)).RowsAffected);
    }

    [Fact]
    public async Task Rows_cancelled_while_uploading_did_execute_and_their_pages_go()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Uploading);
        Assert.True(_link.Queries.Cancel(claim.QueryId));
        Assert.Equal(Executed.Yes, (await _api.NextAsync(ReportKind.Cancelled)).Executed);
        await Until(() => _link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task A_claim_that_waits_for_a_slot_is_cancelled_without_running()
    {
        _link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        await ConnectAsync();
        _link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => _link.Given.Count == 2);
        var waiting = claims.Single(c => !_link.Given.Contains(c.QueryId));
        Assert.True(_link.Queries.Cancel(waiting.QueryId));
        Assert.Equal(Executed.No, (await _api.NextAsync(ReportKind.Cancelled, waiting.QueryId)).Executed);
        Assert.Equal(2, _link.Given.Count);
    }

    [Fact]
    public async Task A_dropped_claim_is_stopped_and_forgotten_but_never_executed_again()
    {
        _link.Database = Hanging(Executed.Unknown);
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => _link.Given.Count == 1);
        await ConnectAsync(_ => Verdict.Drop);
        await Until(() => _link.Journal.Find(claim.QueryId) is { Held: false });
        _api.TakeReports();
        Wait(claim with { ClaimId = Guid.NewGuid(), Number = 2 });
        await _api.TellOfWorkAsync();
        Assert.Equal(Executed.Unknown, (await _api.NextAsync(ReportKind.Cancelled)).Executed);
        Assert.Single(_link.Given);
    }

    [Fact]
    public async Task A_report_that_is_not_accepted_ends_the_work_and_its_pages()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        _api.OnReport = (id, report) => _api.Accept(id, report) with { Accepted = report.Kind != ReportKind.Uploading };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Settled(claim.QueryId);
        await Until(() => _link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task Pages_that_the_API_misses_are_sent_again()
    {
        var claim = Wait(NewClaim(1, rows: 50));
        var forgotten = false;
        _api.OnReport = (id, report) =>
        {
            if (report.Kind == ReportKind.Complete && !forgotten)
            {
                forgotten = true;
                _api.Pages.TryRemove((id, 1), out _);
                _api.Pages.TryRemove((id, 3), out _);
            }
            return _api.Accept(id, report);
        };
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        await _api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
        Assert.Equal(Enumerable.Range(0, 50).Select(Row), _api.RowsOf(claim.QueryId));
    }

    [Theory]
    [InlineData(409)]
    [InlineData(422)]
    public async Task A_page_that_another_stands_in_the_place_of_or_that_never_arrives_whole_ends_the_query_at_once(int status)
    {
        _api.OnPage = (_, page, _) => Task.FromResult<int?>(page == 2 ? status : null);
        var claim = Wait(NewClaim(1, rows: 50));
        await ConnectAsync();
        var failed = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((claim.ClaimId, Executed.Yes, FailureCodes.PageLost), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_claim_that_only_a_newer_Link_can_read_is_told_so_at_once_and_the_others_run()
    {
        await ConnectAsync();
        await Until(() => _api.Asked.Count == 1);
        var (newer, plain) = (NewClaim(1), NewClaim(2));
        var frame = JsonSerializer.Serialize(new Claims([newer, plain]), ProtocolJson.Default.Claims);
        var mode = frame.IndexOf("\"reader\"", StringComparison.Ordinal);
        Assert.True(mode > 0);
        _link.Queries.OnClaims(ArrivedClaim.ReadAll(Encoding.UTF8.GetBytes(frame.Remove(mode, 8).Insert(mode, "\"stream\""))));
        var failed = await _api.NextAsync(ReportKind.Failed);
        Assert.Equal((newer.ClaimId, Executed.No, FailureCodes.LinkError), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        await Settled(newer.QueryId);
        await Settled(plain.QueryId);
        Assert.Equal([plain.QueryId], _link.Given);
        await Until(() => _api.Asked.Count > 1);
        Assert.Equal(2, _link.Queries.LastClaimNumber);
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
        _api.OnReport = (id, report) => report.Kind == ReportKind.Complete
            ? new(report.ClaimId, ReportKind.Unknown, false, null) : _api.Accept(id, report);
        var claim = Wait(NewClaim(1, mode: ExecutionMode.NonQuery));
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete);
        _api.OnReport = null;
        Assert.Equal(claim.QueryId, Assert.Single(await ConnectAsync()).QueryId);
        await _api.NextAsync(ReportKind.Complete);
        await Settled(claim.QueryId);
    }

    [Fact]
    public async Task A_settled_query_found_out_by_a_page_is_dropped()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(410);
        _link.Database = async (claim, sink, cancel) =>
        {
            await sink.BeginAsync(Rows.Columns, cancel);
            for (var i = 0; i < 10; i++)
                await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
            return await Hanging(Executed.No)(claim, sink, cancel);
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Settled(claim.QueryId);
        Assert.DoesNotContain(_api.TakeReports(), r => r.Kind is not (ReportKind.Reading));
        await Until(() => _link.Queries.Executing == 0);
    }

    [Fact]
    public async Task A_refused_page_ends_as_upload_failed_that_did_execute()
    {
        _api.OnPage = (_, page, _) => Task.FromResult<int?>(page == 1 ? 403 : null);
        _link.Database = async (_, sink, cancel) =>
        {
            var result = await GiveRowsAsync(sink, 20, cancel);
            await Until(() => _api.Puts.Any(p => p.Page == 1));
            return result;
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        var end = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
        await Settled(claim.QueryId);
        await Until(() => _link.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task Pages_that_cannot_be_delivered_within_the_limit_end_as_UploadTimeout()
    {
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        Wait(NewClaim(1, uploadLimitMs: 50));
        await ConnectAsync();
        var end = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.UploadTimeout), (end.Executed, end.Error!.Code));
    }

    [Fact]
    public async Task Pages_can_be_read_while_the_database_still_answers()
    {
        var go = new TaskCompletionSource();
        _link.Database = async (_, sink, cancel) =>
        {
            await sink.BeginAsync(Rows.Columns, cancel);
            for (var i = 0; i < 10; i++)
                await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
            await go.Task;
            await sink.EndAsync(cancel);
            return new(Ending.Successful, Executed.Yes) { Rows = 10 };
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        await Until(() => _api.Pages.ContainsKey((claim.QueryId, 1)));
        Assert.Equal(ClaimPhase.Executing, _link.Queries.Held.Single().Phase);
        go.SetResult();
        await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(10, _api.RowsOf(claim.QueryId).Length);
    }

    [Fact]
    public async Task Stopping_hands_back_what_is_not_begun_and_settles_what_runs()
    {
        _link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        await ConnectAsync();
        _link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => _link.Given.Count == 2);
        await _link.Queries.StopAsync(TestContext.Current.CancellationToken);
        var reports = new List<Report> { await _api.NextAsync(ReportKind.HandBack) };
        await Until(() =>
        {
            reports.AddRange(_api.TakeReports());
            return reports.Count >= 3;
        });
        var waiting = claims.Single(c => !_link.Given.Contains(c.QueryId));
        Assert.Equal(waiting.ClaimId, reports[0].ClaimId);
        var stopped = reports.Where(r => r.Kind == ReportKind.Failed).ToArray();
        Assert.Equal(2, stopped.Length);
        Assert.All(stopped, r => Assert.Equal((FailureCodes.LinkStopping, Executed.No), (r.Error!.Code, r.Executed)));
        await Settled(waiting.QueryId);
        Assert.Null(_link.Journal.Find(waiting.QueryId));
    }

    [Fact]
    public async Task A_handed_back_query_may_be_claimed_and_executed_again()
    {
        _api.OnReport = (_, _) => null;
        _link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        _link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => _link.Given.Count == 2);
        var waiting = claims.Single(c => !_link.Given.Contains(c.QueryId));
        await _link.DisposeAsync();
        _link = new LinkUnderTest(_folder, _api);
        await _link.Queries.SettleAsync();
        _api.OnReport = null;
        Assert.Equal(ClaimPhase.HandedBack, _link.Queries.Held.Single(c => c.QueryId == waiting.QueryId).Phase);
        Wait(waiting with { ClaimId = Guid.NewGuid(), Number = 4 });
        await ConnectAsync();
        await _api.NextAsync(ReportKind.Complete, waiting.QueryId);
        Assert.Equal([waiting.QueryId], _link.Given);
    }
}
