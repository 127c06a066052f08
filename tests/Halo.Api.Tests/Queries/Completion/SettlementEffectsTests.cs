using System.Text;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Completion;
using Halo.Api.Results.Pages;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Queries.Completion;

public class SettlementEffectsTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Pages_that_cannot_be_removed_keep_nobody_waiting_and_those_of_others_go()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var stuck = await StoreAsync(store);
        SettledQuery[] settled =
        [
            new(stuck, QueryMode.Async, QueryStatus.ExecutionFailed),
            new(await StoreAsync(store), QueryMode.Async, QueryStatus.Cancelled),
            new(await StoreAsync(store), QueryMode.Async, QueryStatus.Successful) { KeptPages = [] },
        ];
        using var waiters = new QueryWaiters(new(), store.Time);
        var waits = settled.Select(s => waiters.Begin(s.QueryId, TimeSpan.FromMinutes(1), default)).ToList();

        await new SettlementEffects(waiters, new StuckPages(store.Pages, stuck), store.Time, NullLogger<SettlementEffects>.Instance).ApplyAsync(settled);

        Assert.All(waits, w => Assert.True(w.Ended.IsCompleted));
        Assert.Equal([stuck], Directory.GetFiles(Path.Combine(store.Path, "pages"), "*.page", SearchOption.AllDirectories)
            .Select(f => Guid.Parse(Path.GetFileName(Path.GetDirectoryName(f)!))));
    }

    static async Task<Guid> StoreAsync(TestStore store)
    {
        var key = store.Keys.NewDataKey(store.NewId());
        var bytes = Encoding.UTF8.GetBytes("a page");
        Assert.True((await store.Pages.WriteAsync(key, 1, new MemoryStream(bytes), Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(bytes)), default)).IsStored);
        return key.QueryId;
    }

    /// <summary>A store from which the pages of one query cannot be removed, as from a disk that has become read-only.</summary>
    sealed class StuckPages(IPageStore inner, Guid stuck) : IPageStore
    {
        public Task<StoredPage> WriteAsync(DataKey key, int pageNumber, Stream content, string expectedDigest, CancellationToken stop, PageCheck? check = null) =>
            inner.WriteAsync(key, pageNumber, content, expectedDigest, stop, check);

        public Task<Stream?> OpenReadAsync(DataKey key, int pageNumber, string digest, CancellationToken stop) => inner.OpenReadAsync(key, pageNumber, digest, stop);

        public Task DeletePageAsync(Guid queryId, int pageNumber, string digest, CancellationToken stop) => inner.DeletePageAsync(queryId, pageNumber, digest, stop);

        public Task DeleteAsync(Guid queryId, CancellationToken stop) =>
            queryId == stuck ? Task.FromException(new IOException("Read-only file system")) : inner.DeleteAsync(queryId, stop);

        public IDisposable Hold(Guid queryId) => inner.Hold(queryId);

        public Task<int> KeepOnlyAsync(Guid queryId, IReadOnlyCollection<PageName> pages, CancellationToken stop) => inner.KeepOnlyAsync(queryId, pages, stop);

        public Task RemoveDraftsAsync(CancellationToken stop) => inner.RemoveDraftsAsync(stop);

        public IEnumerable<IReadOnlyList<Guid>> Queries(int step) => inner.Queries(step);
    }
}
