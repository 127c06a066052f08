using System.Text;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Settling;
using Halo.Api.Results.Pages;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Queries.Settling;

public class SettlementEffectsTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Pages_that_cannot_be_removed_keep_nobody_waiting_and_those_of_others_go()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var stuck = await StoreAsync(store);
        SettledQuery[] settled =
        [
            new(stuck, Guid.Empty, QueryMode.Async, QueryStatus.ExecutionFailed),
            new(await StoreAsync(store), Guid.Empty, QueryMode.Async, QueryStatus.Cancelled),
            new(await StoreAsync(store), Guid.Empty, QueryMode.Async, QueryStatus.Successful) { KeptPages = [] },
        ];
        using var waiters = new QueryWaiters(new(), store.Time);
        var waits = settled.Select(s => waiters.Begin(s.QueryId, TimeSpan.FromMinutes(1), default)).ToList();

        await new SettlementEffects(waiters, new EventSignals(), new StuckPages(store.Pages, stuck), store.Time, NullLogger<SettlementEffects>.Instance).ApplyAsync(settled);

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
}
