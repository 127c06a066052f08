using Halo.Api.Basics;

namespace Halo.Api.Tests.Basics;

public class KeyedLockTests
{
    [Fact]
    public async Task One_holds_the_lock_of_a_key_and_a_key_that_nobody_uses_is_forgotten()
    {
        var locks = new KeyedLock();
        Guid[] keys = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];
        var inside = new int[keys.Length];
        await Task.WhenAll(Enumerable.Range(0, 600).Select(i => Task.Run(async () =>
        {
            using var locked = await locks.LockAsync(keys[i % keys.Length]);
            Assert.Equal(1, Interlocked.Increment(ref inside[i % keys.Length]));
            await Task.Yield();
            Interlocked.Decrement(ref inside[i % keys.Length]);
        })));
        Assert.Equal(0, locks.Count);
    }

    [Fact]
    public async Task Who_stops_waiting_leaves_the_lock_to_the_others()
    {
        var locks = new KeyedLock();
        var key = Guid.NewGuid();
        using var stop = new CancellationTokenSource();
        var held = await locks.LockAsync(key, stop.Token);
        var (gone, next) = (locks.LockAsync(key, stop.Token), locks.LockAsync(key));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.False(next.IsCompleted);
        held.Dispose();
        (await next).Dispose();
        Assert.Equal(0, locks.Count);
    }
}
