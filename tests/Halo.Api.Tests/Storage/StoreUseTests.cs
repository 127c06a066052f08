using Halo.Api.Basics;
using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Storage;

/// <summary>Who may use a store beside whom.</summary>
public class StoreUseTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_store_is_not_settled_beside_a_service_that_uses_it_and_after_its_end_it_is(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        string[] settings = [.. store.Settings.Select(s => "--" + s)];
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            await using var site = await PairedSite.CreateAsync(host);
            var queued = await site.QueueAsync();
            await Assert.ThrowsAsync<StartupException>(() => BackupCommands.SettleAsync(settings));
            Assert.Equal(Contracts.Queries.QueryStatus.Queued, (await site.GetAsync(queued.Id)).Status);
        }
        Assert.Equal(0, await BackupCommands.SettleAsync(settings));
    }

    [Fact]
    public async Task A_second_service_on_one_data_directory_does_not_start()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        await using (var host = await ApiHost.StartAsync(store.Settings))
        {
            var refused = await Assert.ThrowsAsync<StartupException>(() => ApiHost.StartAsync(store.Settings));
            Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
        }
        await using var next = await ApiHost.StartAsync(store.Settings);
    }
}
