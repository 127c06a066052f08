using System.Security.Cryptography;
using System.Text;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Ledger;

public class ClaimReportsTests(SharedPostgres postgres)
{
    static readonly ResultColumn[] Columns = [new("id", SqlType.Int, "integer") { Nullable = false }];

    static string DigestOf(string content) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    static PageRow Page(Guid queryId, int number, long start, long count) => new(queryId, number, start, count, 100, 40, DigestOf($"page {number}"));

    static Report Complete(Guid claimId, int pages, long rows) => new(claimId, ReportKind.Complete)
    {
        PageCount = pages,
        Rows = rows,
        Size = pages * 100,
        ResultSets = 1,
        Digest = pages == 0 ? null : Manifest.DigestOf(Enumerable.Range(1, pages).Select(n => DigestOf($"page {n}"))),
        UploadMs = 12,
        Parameters = [new("@total", ParameterDirection.Output, SqlType.Int, "20", 4)],
    };

    static Report Uploading(Guid claimId, int pages, long rows) => new(claimId, ReportKind.Uploading)
    {
        PageCount = pages,
        Rows = rows,
        Size = pages * 100,
        ResultSets = 1,
        Columns = Columns,
        Timings = new(1, 2, 3),
    };

    static Settlement Failed => new(QueryStatus.ExecutionFailed, Mover.Link)
    {
        Executed = Executed.No,
        Error = new(ErrorTypes.Sqlite, 1, "no such table: x"),
    };

    [Theory, OnBothStores]
    public async Task An_export_goes_from_queued_to_successful_with_its_pages(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        store.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new(true, QueryStatus.Executing), await store.Ledger.ReadingAsync(claim.QueryId, claim.ClaimId, Columns));
        Assert.Equal(AddPageResult.Added, await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 1, 0, 10)));

        var during = QueryView.Of(await practice.FindAsync(claim.QueryId));
        Assert.Equal((QueryStatus.Executing, 1), (during.Status, during.Result!.Pages!.Count));
        Assert.Equal(new ResultPage(1, PageStatus.Cached, 100, new(10, 0, 9)), during.Result.Pages[0]);
        Assert.Null(during.Result.Parameters);

        store.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, Uploading(claim.ClaimId, 2, 20))).Moved);
        Assert.Equal(store.Now.AddMinutes(60), (await practice.FindAsync(claim.QueryId)).DeadlineAt);
        Assert.Equal(AddPageResult.Added, await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 2, 10, 10)));
        store.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 2, 20))).Moved);

        var view = QueryView.Of(await practice.FindAsync(claim.QueryId));
        Assert.Equal((QueryStatus.Successful, 20L, 200L, 2), (view.Status, view.Result!.Rows, view.ResultSize, view.Result.Pages!.Count));
        Assert.Equal(Columns, view.Result.Columns!);
        Assert.Equal("20", Assert.Single(view.Result.Parameters!).Value);
        Assert.Equal((2, 1, 3, 12), (view.Metrics!.SqlExecutionDuration, view.Metrics.LinkDuration, view.Metrics.EncodeDuration, view.Metrics.UploadDuration));
        Assert.Equal(view.CompletedAt, view.StatusTiming.Uploading!.EndTime);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM query_commands"));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE deadline_at IS NOT NULL"));
    }

    [Theory, OnBothStores]
    public async Task A_missing_page_is_an_error_and_never_a_short_answer(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, Uploading(claim.ClaimId, 3, 30));
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 2, 10, 10));

        var missing = await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 3, 30));
        Assert.Equal((false, QueryStatus.Uploading), (missing.Accepted, missing.Status!.Value));
        Assert.Equal([1, 3], missing.MissingPages!);

        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 1, 0, 10));
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 3, 20, 10));
        Assert.Empty((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 3, 31))).MissingPages!);
        Assert.Empty((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 3, 30) with { Digest = DigestOf("other") })).MissingPages!);
        Assert.True((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 3, 30))).Moved);
    }

    [Theory, OnBothStores]
    public async Task Rows_that_do_not_follow_each_other_are_not_a_result(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 1, 0, 10));
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 2, 11, 10));
        Assert.False((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 2, 20))).Accepted);
    }

    [Theory, OnBothStores]
    public async Task A_repeated_report_is_accepted_and_changes_nothing(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var (uploading, complete) = (Uploading(claim.ClaimId, 1, 10), Complete(claim.ClaimId, 1, 10));
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 1, 0, 10));

        Assert.True((await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, uploading)).Moved);
        Assert.Equal(new(true, QueryStatus.Uploading), await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, uploading));
        Assert.True((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, complete)).Moved);
        var record = await practice.FindAsync(claim.QueryId);
        store.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new(true, QueryStatus.Successful), await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, complete));
        Assert.Equal(new(true, QueryStatus.Successful), await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, uploading));
        Assert.Equal(new(true, QueryStatus.Successful), await store.Ledger.ReadingAsync(claim.QueryId, claim.ClaimId, Columns));
        Assert.Equal(new(false, QueryStatus.Successful), await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed));
        Assert.Equal(record.UpdatedAt, (await practice.FindAsync(claim.QueryId)).UpdatedAt);
    }

    [Theory, OnBothStores]
    public async Task A_nonQuery_is_successful_without_pages(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var done = new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 3, Timings = new(1, 2, 0) };
        Assert.True((await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, done)).Moved);

        var result = QueryView.Of(await practice.FindAsync(claim.QueryId)).Result!;
        Assert.Equal((3L, null, 0L, 0), (result.RowsAffected, result.Rows, result.Size, result.ResultSets));
        Assert.Empty(result.Pages!);
    }

    [Theory, OnBothStores]
    public async Task A_failed_query_keeps_the_databases_words_and_loses_pages_and_command(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var key = await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, claim.QueryId, claim.ClaimId);
        var bytes = Encoding.UTF8.GetBytes("page 1");
        await store.Pages.WriteAsync(key!, 1, new MemoryStream(bytes), DigestOf("page 1"), CancellationToken.None);
        await store.Ledger.AddPageAsync(claim.ClaimId, Page(claim.QueryId, 1, 0, 10));

        Assert.True((await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed)).Moved);
        Assert.Equal(new(true, QueryStatus.ExecutionFailed), await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed));

        var view = QueryView.Of(await practice.FindAsync(claim.QueryId));
        Assert.Equal((QueryStatus.ExecutionFailed, "no such table: x", Executed.No), (view.Status, view.ErrorDetails!.ErrorMessage, view.Executed));
        Assert.Null(view.Result);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM pages") + await store.CountAsync("SELECT COUNT(*) FROM query_commands"));
        Assert.Null(await store.Pages.OpenReadAsync(key!, 1, DigestOf("page 1"), CancellationToken.None));
        Assert.Null(await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, claim.QueryId, claim.ClaimId));
    }

    [Theory, OnBothStores]
    public async Task A_page_is_added_once_and_never_after_the_end(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var page = Page(claim.QueryId, 1, 0, 10);

        Assert.Equal(AddPageResult.NotWanted, await store.Ledger.AddPageAsync(store.NewId(), page));
        Assert.Equal(AddPageResult.NotWanted, await store.Ledger.AddPageAsync(claim.ClaimId, page with { QueryId = store.NewId() }));
        Assert.Equal(AddPageResult.Added, await store.Ledger.AddPageAsync(claim.ClaimId, page));
        Assert.Equal(AddPageResult.AlreadyThere, await store.Ledger.AddPageAsync(claim.ClaimId, page));
        Assert.Equal(AddPageResult.AlreadyThere, await store.Ledger.AddPageAsync(claim.ClaimId, page with { RowCount = 11 }));
        Assert.Equal(AddPageResult.Different, await store.Ledger.AddPageAsync(claim.ClaimId, page with { Digest = DigestOf("other") }));
        Assert.Equal([page], await store.Ledger.Manifest.ReadAsync(claim.QueryId));

        await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed);
        Assert.Equal(AddPageResult.NotWanted, await store.Ledger.AddPageAsync(claim.ClaimId, page));
        Assert.Empty(await store.Ledger.Manifest.ReadAsync(claim.QueryId));
    }

    [Theory, OnBothStores]
    public async Task A_handed_back_query_waits_again_and_its_old_claim_can_do_nothing_more(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();

        Assert.True((await store.Ledger.HandBackAsync(claim.QueryId, claim.ClaimId)).Moved);
        Assert.Equal(new(true, QueryStatus.Queued), await store.Ledger.HandBackAsync(claim.QueryId, claim.ClaimId));
        Assert.Equal(new(false, QueryStatus.Queued), await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed));

        var again = Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
        Assert.Equal((claim.QueryId, 2L), (again.QueryId, again.Number));
        Assert.NotEqual(claim.ClaimId, again.ClaimId);
        Assert.Equal(new(true, QueryStatus.Executing), await store.Ledger.HandBackAsync(claim.QueryId, claim.ClaimId));
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(claim.QueryId));
        Assert.Equal(new(false, QueryStatus.Executing), await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, Uploading(claim.ClaimId, 1, 1)));
    }

    [Theory, OnBothStores]
    public async Task What_the_API_has_settled_stays_so_whatever_the_Link_says_later(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        store.Time.Advance(TimeSpan.FromMinutes(5));
        await store.Ledger.DueAsync(store.Now);

        Assert.Equal(new(false, QueryStatus.ExecutionFailed), await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed));
        Assert.Equal(new(false, QueryStatus.ExecutionFailed), await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 0, 0)));
        Assert.Equal((Executed.Unknown, FailureCodes.NoAnswer), ((await practice.FindAsync(claim.QueryId)).Executed, (await practice.FindAsync(claim.QueryId)).FailureCode));
    }

    [Theory, OnBothStores]
    public async Task Of_many_endings_at_once_exactly_one_holds(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        for (var round = 0; round < 10; round++)
        {
            var claim = await practice.AcceptAndClaimAsync();
            var results = await Task.WhenAll(
                Task.Run(() => store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, Complete(claim.ClaimId, 0, 0))),
                Task.Run(() => store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, Failed)),
                Task.Run(() => store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, new(QueryStatus.Cancelled, Mover.Link) { Executed = Executed.No })),
                Task.Run(() => store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, new(QueryStatus.UploadFailed, Mover.Link) { Executed = Executed.Yes })),
                Task.Run(() => store.Ledger.HandBackAsync(claim.QueryId, claim.ClaimId)));
            var moved = Assert.Single(results, r => r.Moved);
            Assert.Equal(moved.Status, await practice.StatusAsync(claim.QueryId));
            if (moved.Status == QueryStatus.Queued)
                await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, claim.QueryId);
        }
    }
}
