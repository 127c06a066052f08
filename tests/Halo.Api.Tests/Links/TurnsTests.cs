using Halo.Api.Links.Sessions;

namespace Halo.Api.Tests.Links;

public class TurnsTests
{
    [Fact]
    public async Task One_has_the_turn_and_a_key_that_nobody_uses_is_forgotten()
    {
        var turns = new Turns();
        Guid[] keys = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];
        var inside = new int[keys.Length];
        await Task.WhenAll(Enumerable.Range(0, 600).Select(i => Task.Run(async () =>
        {
            using var turn = await turns.TakeAsync(keys[i % keys.Length]);
            Assert.Equal(1, Interlocked.Increment(ref inside[i % keys.Length]));
            await Task.Yield();
            Interlocked.Decrement(ref inside[i % keys.Length]);
        })));
        Assert.Equal(0, turns.Count);
    }
}
