using System.Text;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Pages;
using Halo.Api.Results.Retention;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Results.Retention;

public class RetentionTests(SharedPostgres postgres)
{
    static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    [Theory, OnBothStores]
    public async Task Results_and_details_go_when_their_time_comes_and_the_query_stays(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var old = await WithPagesAsync(store, practice, 3);
        var failed = await practice.AcceptAndClaimAsync();
        await store.Ledger.SettleClaimAsync(failed.QueryId, failed.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link)
        {
            Executed = Executed.No,
            Error = new ErrorDetails(ErrorTypes.SqlServer, 2627, "Violation of UNIQUE KEY: the value is Mary Smith"),
        });
        store.Time.Advance(TimeSpan.FromHours(2));
        var young = await WithPagesAsync(store, practice, 2);
        store.Time.Advance(Kept - TimeSpan.FromHours(1));
        await using var watch = Watch(store);
        await watch.StartAsync(TestContext.Current.CancellationToken);

        await Until.TrueAsync(async () => !(await practice.FindAsync(old)).IsKept);
        var gone = await practice.FindAsync(old);
        Assert.Equal((QueryStatus.Successful, 3, 0), (gone.Status, gone.PageCount!.Value, gone.Pages.Count));
        Assert.Null(gone.Detail.Columns);
        var error = QueryView.Of(await practice.FindAsync(failed.QueryId)).ErrorDetails!;
        Assert.Equal((ErrorTypes.SqlServer, 2627), (error.ErrorType, error.ErrorCode));
        Assert.DoesNotContain("Mary", error.ErrorMessage, StringComparison.Ordinal);
        await Until.TrueAsync(() => Task.FromResult(Directories(store) is [var only] && only == young));
        Assert.Equal(2, (await practice.FindAsync(young)).Pages.Count);

        // The younger one at its own moment, by the timer.
        await AdvanceUntilAsync(store, async () => !(await practice.FindAsync(young)).IsKept);
        await Until.TrueAsync(() => Task.FromResult(Directories(store).Count == 0));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM pages"));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE detail IS NOT NULL"));
    }

    [Theory, OnBothStores]
    public async Task Pages_that_cannot_be_removed_keep_no_others_and_are_not_forgotten(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var stuck = await WithPagesAsync(store, practice, 1);
        await WithPagesAsync(store, practice, 1);
        await WithPagesAsync(store, practice, 1);
        store.Time.Advance(Kept + TimeSpan.FromMinutes(1));
        var pages = new StuckPages(store.Pages, stuck);
        await using var watch = Watch(store, pages);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Until.TrueAsync(() => Task.FromResult(Directories(store) is [var only] && only == stuck));
        // The disk can be written again.
        pages.IsStuck = false;
        await AdvanceUntilAsync(store, () => Task.FromResult(Directories(store).Count == 0));
    }

    [Theory, OnBothStores]
    public async Task What_ends_later_is_waited_for_though_nothing_was_kept_at_start(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await using var watch = Watch(store);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        var later = await WithPagesAsync(store, practice, 1);
        await AdvanceUntilAsync(store, async () => !(await practice.FindAsync(later)).IsKept);
    }

    [Theory, OnBothStores]
    public async Task A_large_result_goes_in_steps_and_each_page_is_counted_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        await store.RunAsync(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
            INSERT INTO pages (query_id, page_number, row_start, row_count, json_size, stored_size, digest, created_at)
            SELECT @id, i, i - 1, 1, 2, 10, 'AAAA', 0 FROM n
            """,
            ("id", claim.QueryId));
        await store.RunAsync("UPDATE queries SET status = 'successful', completed_at = @now, deadline_at = NULL WHERE id = @id", ("id", claim.QueryId), ("now", store.Now.Ms()));
        var steps = new List<Forgotten>();
        while (await store.Ledger.ForgetResultsAsync(store.Now) is { IsAny: true } step)
            steps.Add(step);
        Assert.Equal((1, 1200, 12_000), (steps.Sum(s => s.Finished.Count), steps.Sum(s => s.Pages), steps.Sum(s => s.Bytes)));
        Assert.All(steps, s => Assert.InRange(s.Pages, 0, 500));
    }

    [Theory, OnBothStores]
    public async Task Rows_of_the_ledger_and_the_audit_log_go_in_the_end_and_open_queries_stay(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var audit = new AuditLog(store.Database, store.Time);
        await store.Database.WriteAsync(async t =>
        {
            await audit.WriteAsync(t, "site.removed", "a-site", "operator");
            return 0;
        });
        var done = await WithPagesAsync(store, practice, 1);
        var open = await practice.AcceptAndClaimAsync();
        store.Time.Advance(TimeSpan.FromDays(401));
        var fresh = await practice.SendAsync();
        await store.Ledger.SettleImmediateAsync(fresh.Id, new(QueryStatus.Successful, Mover.Link));
        await using var watch = Watch(store);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Until.TrueAsync(async () => await store.CountAsync("SELECT COUNT(*) FROM queries") == 2);
        Assert.Null(await store.Ledger.FindAsync(practice.IntegratorId, practice.SiteId, done));
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(open.QueryId));
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM audit"));
        Assert.Equal(1, await audit.ForgetAsync(store.Now));
        Assert.Null(await audit.OldestAsync());
    }

    [Fact]
    public async Task Who_reads_page_after_page_finds_them_all_though_their_time_ends_meanwhile()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        var id = await WithPagesAsync(store, practice, 2);
        var query = await practice.FindAsync(id);
        using (store.Pages.Hold(id))
        using (store.Pages.Hold(id))
        {
            Assert.True((await store.Ledger.ForgetResultsAsync(store.Now)).IsAny);
            foreach (var row in query.Pages)
            {
                await using var page = await store.Pages.OpenReadAsync(store.Ledger.Store.KeyOf(query), row.PageNumber, row.Digest, default);
                Assert.NotNull(page);
            }
        }
        Assert.Empty(Directories(store));
    }

    [Theory, OnBothStores]
    public async Task Files_that_the_manifest_does_not_have_are_removed_and_all_others_stay(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var whole = await WithPagesAsync(store, practice, 2);
        var stray = await StoreAsync(store, whole, await KeyOfAsync(store, practice, whole), 2, "of an earlier claim");
        var unknown = Guid.CreateVersion7(store.Now);
        await StoreAsync(store, unknown, store.Keys.NewDataKey(unknown), 1, "of nobody");
        var running = await practice.AcceptAndClaimAsync();
        await StoreAsync(store, running.QueryId, (await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, running.QueryId, running.ClaimId))!, 1, "whose row is just being written");
        var failed = await practice.AcceptAndClaimAsync();
        var key = (await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, failed.QueryId, failed.ClaimId))!;
        await store.Ledger.SettleClaimAsync(failed.QueryId, failed.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No });
        await StoreAsync(store, failed.QueryId, key, 1, "came too late");

        Assert.Equal((3, 0), await Orphans(store).RemoveAsync(default));
        Assert.Equal(new[] { whole, running.QueryId }.Order(), Directories(store).Order());
        Assert.Null(await store.Pages.OpenReadAsync(await KeyOfAsync(store, practice, whole), 2, stray, default));
        Assert.Equal(2, Directory.GetFiles(Path.Combine(store.Path, "pages", whole.ToString()[^2..], whole.ToString())).Length);
        Assert.Equal((0, 0), await Orphans(store).RemoveAsync(default));
    }

    [Theory, OnBothStores]
    public async Task What_an_earlier_delivery_left_goes_when_the_result_is_whole(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        await StoreAsync(store, claim.QueryId, (await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, claim.QueryId, claim.ClaimId))!, 1, "never in the manifest");
        await DeliverAsync(store, practice, claim, 2);
        Assert.Equal(2, Directory.GetFiles(Path.Combine(store.Path, "pages", claim.QueryId.ToString()[^2..], claim.QueryId.ToString())).Length);
    }

    internal static OrphanedPages Orphans(TestStore store, IPageStore? pages = null) => new(store.Ledger.Manifest, pages ?? store.Pages, NullLogger<OrphanedPages>.Instance);

    static RetentionWatch Watch(TestStore store, IPageStore? pages = null) => new(
        store.Ledger.Retention, new(store.Database), new(store.Database), new(store.Database), new(store.Database), new(), pages ?? store.Pages, new IdempotencyStore(store.Database, store.Keys, new(), store.Time), new AuditLog(store.Database, store.Time), Orphans(store, pages),
        new(), new(), store.Time, NullLogger<RetentionWatch>.Instance);

    static async Task<Guid> WithPagesAsync(TestStore store, Practice practice, int count)
    {
        var claim = await practice.AcceptAndClaimAsync();
        await DeliverAsync(store, practice, claim, count);
        return claim.QueryId;
    }

    static async Task DeliverAsync(TestStore store, Practice practice, ClaimedQuery claim, int count)
    {
        var key = (await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, claim.QueryId, claim.ClaimId))!;
        var digests = new List<string>();
        for (var i = 1; i <= count; i++)
        {
            digests.Add(await StoreAsync(store, claim.QueryId, key, i, $"page {i}"));
            Assert.Equal(AddPageResult.Added, await store.Ledger.AddPageAsync(claim.ClaimId, new(claim.QueryId, i, i - 1, 1, 6, 6, digests[^1])));
        }
        var done = await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, new Report(claim.ClaimId, ReportKind.Complete)
        {
            PageCount = count,
            Rows = count,
            Digest = Manifest.DigestOf(digests),
            Columns = [new ResultColumn("n", SqlType.Int, "INTEGER")],
        });
        Assert.True(done.Accepted);
    }

    static async Task<string> StoreAsync(TestStore store, Guid queryId, Halo.Api.Storage.Keys.DataKey key, int number, string content)
    {
        Assert.Equal(queryId, key.QueryId);
        var bytes = Encoding.UTF8.GetBytes(content);
        var digest = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(bytes));
        Assert.True((await store.Pages.WriteAsync(key, number, new MemoryStream(bytes), digest, default)).IsStored);
        return digest;
    }

    static async Task<Halo.Api.Storage.Keys.DataKey> KeyOfAsync(TestStore store, Practice practice, Guid queryId) =>
        store.Ledger.Store.KeyOf(await practice.FindAsync(queryId));

    static List<Guid> Directories(TestStore store) => [.. store.Pages.Queries(10).SelectMany(q => q)];

    static async Task AdvanceUntilAsync(TestStore store, Func<Task<bool>> condition) => await Until.TrueAsync(async () =>
    {
        store.Time.Advance(TimeSpan.FromMinutes(20));
        return await condition();
    });
}
