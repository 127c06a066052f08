using Halo.Api.Queries.Settling;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Queries.Settling;

public class QueryWaitersTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Each_wait_ends_at_its_own_time_whatever_the_order()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(new(), store.Time);
        var ends = new Random(1).GetItems([10, 20, 30, 40, 50], 200);
        var all = ends.Select(ms => (ms, Waiter: waiters.Begin(Guid.NewGuid(), TimeSpan.FromMilliseconds(ms), default))).ToList();
        for (var passed = 0; passed < 60; passed += 5)
        {
            store.Time.Advance(TimeSpan.FromMilliseconds(5));
            Assert.All(all, w => Assert.True(w.Waiter.Ended.IsCompleted || w.ms + 1 > passed + 5));
            Assert.All(all, w => Assert.True(!w.Waiter.Ended.IsCompleted || w.ms <= passed + 5));
        }
        Assert.Equal(0, waiters.Count);
    }

    [Fact]
    public async Task Only_those_who_wait_for_a_query_are_woken_by_it()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(new(), store.Time);
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        using var first = waiters.Begin(one, TimeSpan.FromMinutes(1), default);
        using var second = waiters.Begin(one, TimeSpan.FromMinutes(1), default);
        using var third = waiters.Begin(other, TimeSpan.FromMinutes(1), default);
        waiters.Wake([one]);
        Assert.True(first.Ended.IsCompleted && second.Ended.IsCompleted && !third.Ended.IsCompleted);
        Assert.Equal(1, waiters.Count);
    }

    [Fact]
    public async Task A_caller_that_has_already_gone_waits_for_nothing()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(new(), store.Time);
        using var waiter = waiters.Begin(Guid.NewGuid(), TimeSpan.FromMinutes(1), new CancellationToken(canceled: true));
        Assert.True(waiter.Ended.IsCompleted);
        Assert.Equal(0, waiters.Count);
    }

    [Fact]
    public async Task A_wait_lasts_as_long_as_it_may_whatever_becomes_of_the_clock()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        using var waiters = new QueryWaiters(new(), store.Time);
        using var first = waiters.Begin(Guid.NewGuid(), TimeSpan.FromSeconds(10), default);
        store.Time.JumpWallClock(TimeSpan.FromHours(-1));
        using var second = waiters.Begin(Guid.NewGuid(), TimeSpan.FromSeconds(20), default);
        store.Time.JumpWallClock(TimeSpan.FromHours(2));
        store.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(first.Ended.IsCompleted || second.Ended.IsCompleted);
        store.Time.JumpWallClock(TimeSpan.FromHours(-3));
        store.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(first.Ended.IsCompleted && !second.Ended.IsCompleted);
        store.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(second.Ended.IsCompleted);
    }
}
