using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Pages;
using Halo.Link.Rows;
using Halo.Link.Tests.Pages;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>What a start makes of what a killed run has left. A copy of the files at a moment is what a kill at that moment leaves.</summary>
public sealed class SettlingTests : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    TemporaryFolder? _left;
    ApiStandIn _api = null!;
    LinkUnderTest _link = null!;
    LinkUnderTest? _next;

    public async ValueTask InitializeAsync()
    {
        _api = await ApiStandIn.StartAsync();
        _link = new LinkUnderTest(_folder, _api);
    }

    public async ValueTask DisposeAsync()
    {
        if (_next is not null)
            await _next.DisposeAsync();
        await _link.DisposeAsync();
        await _api.DisposeAsync();
        _left?.Dispose();
        _folder.Dispose();
    }

    /// <summary>Takes the files as they are and starts the next run on them.</summary>
    async Task<LinkUnderTest> RestartAsKilledAsync(Action<TemporaryFolder>? harm = null)
    {
        await _api.DisconnectAsync(_link.Current);
        _left = _folder.CopyAsKilled();
        harm?.Invoke(_left);
        _next = new LinkUnderTest(_left, _api);
        await _next.Queries.SettleAsync();
        return _next;
    }

    async Task<Claim> UploadingAsync(int rows)
    {
        _api.OnPage = (_, page, _) => Task.FromResult<int?>(page == 2 ? null : 503);
        var claim = NewClaim(1, rows);
        _api.Waiting.Enqueue(claim);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await _api.NextAsync(ReportKind.Uploading);
        await Until(() => _link.Spool.Pages(claim.QueryId).Contains((2, true)));
        return claim;
    }

    [Fact]
    public async Task What_was_only_claimed_is_told_as_not_run()
    {
        _link.Database = Hanging(Executed.No);
        Claim[] claims = [NewClaim(1), NewClaim(2), NewClaim(3)];
        _link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => _link.Given.Count == 2);
        var waiting = claims.Single(c => !_link.Given.Contains(c.QueryId));
        var next = await RestartAsKilledAsync();
        Assert.Equal(3, next.Journal.LastClaimNumber);
        Assert.Equal(3, (await _api.ConnectAsync(next.Queries, next.Current)).Count);
        Report[] reports = [await _api.NextAsync(ReportKind.Failed), await _api.NextAsync(ReportKind.Failed), await _api.NextAsync(ReportKind.Failed)];
        Assert.All(reports, r => Assert.Equal(FailureCodes.LinkLost, r.Error!.Code));
        Assert.Equal(waiting.ClaimId, Assert.Single(reports, r => r.Executed == Executed.No).ClaimId);
        Assert.Equal(2, reports.Count(r => r.Executed == Executed.Unknown));
        Assert.Empty(next.Given);
        await Until(() => next.Held.Count == 0);
    }

    [Fact]
    public async Task What_was_executing_is_unknown_and_its_pages_go_and_it_never_runs_again()
    {
        _link.Database = async (claim, sink, cancel) =>
        {
            await sink.BeginAsync(TestRows.Columns, cancel);
            for (var i = 0; i < 20; i++)
                await ((PageSink)sink).GiveRowAsync(Row(i), cancel);
            return await Hanging(Executed.No)(claim, sink, cancel);
        };
        var claim = NewClaim(1);
        _link.Queries.OnClaims([new(claim, true)]);
        await Until(() => _link.Spool.Pages(claim.QueryId).Count >= 3);
        var next = await RestartAsKilledAsync();
        Assert.Equal(0, next.Spool.UsedBytes);
        await _api.ConnectAsync(next.Queries, next.Current);
        Assert.Equal(Executed.Unknown, (await _api.NextAsync(ReportKind.Failed)).Executed);
        await Until(() => next.Held.Count == 0);
        _api.Waiting.Enqueue(claim with { ClaimId = Guid.NewGuid(), Number = 2 });
        await _api.TellOfWorkAsync();
        Assert.Equal(Executed.Unknown, (await _api.NextAsync(ReportKind.Failed)).Executed);
        Assert.Empty(next.Given);
    }

    [Fact]
    public async Task What_was_uploading_goes_on_and_sends_no_delivered_page_again()
    {
        var claim = await UploadingAsync(rows: 40);
        var next = await RestartAsKilledAsync();
        _api.OnPage = null;
        await _link.DisposeAsync();
        _api.Puts.Clear();
        await _api.ConnectAsync(next.Queries, next.Current);
        var complete = await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(Enumerable.Range(0, 40).Select(Row), _api.RowsOf(claim.QueryId));
        Assert.Equal((40L, claim.ClaimId, Executed.Yes), (complete.Rows!.Value, complete.ClaimId, complete.Executed));
        Assert.NotNull(complete.Columns);
        Assert.DoesNotContain(_api.Puts, p => p.Page == 2);
        await Until(() => next.Held.Count == 0 && next.Spool.UsedBytes == 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_uploading_with_a_page_gone_or_damaged_is_told_as_lost(bool gone)
    {
        await UploadingAsync(rows: 40);
        var next = await RestartAsKilledAsync(left =>
        {
            var file = Directory.GetFiles(left.Path, "00000003.page", SearchOption.AllDirectories).Single();
            if (gone)
                File.Delete(file);
            else
                File.WriteAllBytes(file, File.ReadAllBytes(file)[..^1]);
        });
        // The run that was "killed" must not go on delivering what the next one has lost.
        await _link.DisposeAsync();
        _api.OnPage = null;
        await _api.ConnectAsync(next.Queries, next.Current);
        var end = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
        await Until(() => next.Held.Count == 0 && next.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task What_was_uploading_under_a_lost_key_did_execute_and_its_pages_are_lost()
    {
        await UploadingAsync(rows: 40);
        var next = await RestartAsKilledAsync(left => File.Delete(Path.Combine(left.Path, LocalKey.FileName)));
        await _api.ConnectAsync(next.Queries, next.Current);
        var end = await _api.NextAsync(ReportKind.UploadFailed);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (end.Executed, end.Error!.Code));
    }

    [Fact]
    public async Task What_had_ended_is_told_as_it_ended()
    {
        _api.OnReport = (_, _) => null;
        _api.Waiting.Enqueue(NewClaim(1, mode: ExecutionMode.NonQuery));
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await _api.NextAsync(ReportKind.Complete);
        var next = await RestartAsKilledAsync();
        _api.OnReport = null;
        Assert.Equal(ClaimPhase.Ended, Assert.Single(await _api.ConnectAsync(next.Queries, next.Current)).Phase);
        Assert.Equal(3, (await _api.NextAsync(ReportKind.Complete)).RowsAffected);
        await Until(() => next.Held.Count == 0);
        Assert.Empty(next.Given);
    }

    [Fact]
    public async Task What_the_API_has_settled_meanwhile_is_dropped()
    {
        await UploadingAsync(rows: 40);
        var next = await RestartAsKilledAsync();
        await _link.DisposeAsync();
        await _api.ConnectAsync(next.Queries, next.Current, _ => Verdict.Drop);
        await Until(() => next.Held.Count == 0 && next.Spool.UsedBytes == 0);
    }

    [Fact]
    public async Task An_upload_stopped_in_order_goes_on_at_the_next_start()
    {
        var claim = await UploadingAsync(rows: 30);
        await _api.DisconnectAsync(_link.Current);
        await _link.DisposeAsync();
        _api.OnPage = null;
        _next = new LinkUnderTest(_folder, _api);
        await _next.Queries.SettleAsync();
        await _api.ConnectAsync(_next.Queries, _next.Current);
        await _api.NextAsync(ReportKind.Complete);
        Assert.Equal(30, _api.RowsOf(claim.QueryId).Length);
        await _next.DisposeAsync();
        _next = null;
    }

    [Fact]
    public async Task A_full_spool_ends_the_query_and_frees_the_disk()
    {
        await _link.DisposeAsync();
        _link = new LinkUnderTest(_folder, _api, spool: new SpoolOptions { MaxBytes = 20_000, WaitForRoom = TimeSpan.FromMilliseconds(20) });
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        _link.Database = async (_, sink, cancel) =>
        {
            // As the command runner does: the statement is cancelled, and the result has the sink's words.
            try
            {
                return await GiveRowsAsync(sink, 100_000, cancel);
            }
            catch (RowSinkException full)
            {
                return new(Ending.Failed, Executed.No) { Error = full.Error };
            }
        };
        _api.Waiting.Enqueue(NewClaim(1));
        await _api.ConnectAsync(_link.Queries, _link.Current);
        var end = await _api.NextAsync(ReportKind.Failed);
        Assert.Equal((FailureCodes.SpoolFull, Executed.No), (end.Error!.Code, end.Executed));
        await Until(() => _link.Spool.UsedBytes == 0);
    }
}
