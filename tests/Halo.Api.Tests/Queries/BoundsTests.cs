using Halo.Api.Errors;
using Halo.Api.Queries;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Waiting;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Testing;

namespace Halo.Api.Tests.Queries;

public class BoundsTests(SharedPostgres postgres)
{
    [Fact]
    public void Immediate_queries_under_way_are_bounded_for_each_site_and_whole()
    {
        var places = new ImmediatePlaces(new QueryLimits { ImmediatePerSite = 2, Immediate = 3 });
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        using var first = places.Take(one);
        var second = places.Take(one);
        Assert.Equal(ErrorCodes.QueueFull, Assert.Throws<RefusedException>(() => places.Take(one)).Refusal.Code);
        using var third = places.Take(other);
        Assert.Throws<RefusedException>(() => places.Take(other));
        second.Dispose();
        second.Dispose();
        Assert.Equal(2, places.Count);
        using var again = places.Take(one);
    }

    [Theory, OnBothStores]
    public async Task The_queue_is_bounded_for_each_site_and_takes_again_when_there_is_room(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        // One was queued before the service started.
        await practice.AcceptAsync();
        using var counts = new QueuedCounts(store.Database, new QueryLimits { QueuedPerSite = 3, Queued = 4 }, store.Time);
        for (var i = 0; i < 2; i++)
        {
            await counts.AddAsync(practice.SiteId);
            await practice.AcceptAsync();
        }
        var refused = (await Assert.ThrowsAsync<RefusedException>(() => counts.AddAsync(practice.SiteId))).Refusal;
        Assert.Equal((503, ErrorCodes.QueueFull), (refused.Status, refused.Code));
        Assert.NotNull(refused.RetryAfter);
        // Another site has room of its own, up to the bound of all.
        await counts.AddAsync(Guid.NewGuid());
        await Assert.ThrowsAsync<RefusedException>(() => counts.AddAsync(Guid.NewGuid()));
        Assert.Equal(2, (await store.Ledger.ClaimAsync(practice.Session, 2)).Count);
        store.Time.Advance(TimeSpan.FromSeconds(2));
        await counts.AddAsync(practice.SiteId);
    }

    [Fact]
    public async Task Waits_are_bounded()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(store.Ledger, new QueryLimits { Waiters = 1 }, store.Time);
        var first = waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default);
        Assert.Throws<RefusedException>(() => waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default));
        first.Dispose();
        waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), default).Dispose();
    }

    [Fact]
    public async Task At_the_bound_callers_are_told_when_to_come_back()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:ImmediatePerSite=1", "Halo:Limits:QueuedPerSite=1");
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        using var refused = await site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.QueueFull, (await refused.ErrorAsync(503)).Code);
        Assert.NotNull(refused.Headers.RetryAfter);
        await site.Link.AnswerWholeAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal(200, (int)answered.StatusCode);

        using var queued = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(201, (int)queued.StatusCode);
        using var full = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.QueueFull, (await full.ErrorAsync(503)).Code);
        Assert.NotNull(full.Headers.RetryAfter);
    }

    [Fact]
    public void A_disk_below_either_bound_is_low_and_recovers_by_itself()
    {
        var (free, time) = (1000L, new ManualTime());
        var space = new FreeSpace(new DiskOptions { MinFreeBytes = 100, MinFreePercent = 5 }, () => (free, 4000), time);
        space.Demand();
        free = 150;
        Assert.False(space.IsLow);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(space.IsLow);
        var refused = Assert.Throws<RefusedException>(space.Demand).Refusal;
        Assert.Equal((503, ErrorCodes.StorageFull), (refused.Status, refused.Code));
        free = 200;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(space.IsLow);
        free = 99;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(space.IsLow);
    }

    [Fact]
    public async Task A_disk_nearly_full_refuses_async_work_by_name_and_immediate_work_goes_on()
    {
        await using var host = await ApiHost.StartAsync("Halo:Disk:MinFreePercent=50", "Halo:Disk:MinFreeBytes=2147483647");
        Assert.SkipWhen(new DriveInfo(Path.GetTempPath()) is var d && d.AvailableFreeSpace > d.TotalSize / 2, "More than half of this disk is free: run it where less is.");
        await using var site = await PairedSite.CreateAsync(host);
        using var refused = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne);
        Assert.Equal(ErrorCodes.StorageFull, (await refused.ErrorAsync(503)).Code);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerWholeAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal(200, (int)answered.StatusCode);
        Assert.Contains("\"degraded\"", await host.Client.GetStringAsync("/health/ready"), StringComparison.Ordinal);
    }
}
