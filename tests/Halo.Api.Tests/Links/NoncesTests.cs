using Halo.Api.Links;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Links;

public class NoncesTests(SharedPostgres postgres)
{
    static async Task<Nonces> NodeAsync(TestStore store) =>
        new(store.Database, await SigningKeys.LoadAsync(store.Database, store.Keys, store.Time), store.Time);

    [Theory, OnBothStores]
    public async Task A_nonce_is_taken_once_among_all_nodes_and_making_one_writes_nothing(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        Nonces[] nodes = [await NodeAsync(store), await NodeAsync(store)];
        var made = Enumerable.Range(0, 50).Select(i => nodes[i % 2].Create()).ToList();
        Assert.Equal(50, made.Distinct().Count());
        Assert.All(made, n => Assert.Equal(43, n.Length));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM nonces"));

        var nonce = made[0];
        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => nodes[i % 2].ConsumeAsync(nonce))));
        Assert.Single(taken, t => t);
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM nonces"));
    }

    [Theory, OnBothStores]
    public async Task A_nonce_ends_after_a_minute_and_what_was_used_is_forgotten_later(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var nonces = await NodeAsync(store);
        var (late, used) = (nonces.Create(), nonces.Create());
        Assert.True(await nonces.ConsumeAsync(used));
        store.Time.Advance(Nonces.Life + TimeSpan.FromMilliseconds(1));
        Assert.False(await nonces.ConsumeAsync(late));
        store.Time.Advance(TimeSpan.FromMinutes(11));
        Assert.True(await nonces.ConsumeAsync(nonces.Create()));
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM nonces"));
    }

    [Fact]
    public async Task What_is_not_ours_or_was_changed_is_refused()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var nonces = await NodeAsync(store);
        var nonce = nonces.Create();
        foreach (var other in (string[])["", "made-up", nonce[..^1], nonce + "A", new string('A', 43), "é" + nonce[1..]])
            Assert.False(await nonces.ConsumeAsync(other));
        for (var i = 0; i < nonce.Length; i++)
        {
            var changed = nonce.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            Assert.False(await nonces.ConsumeAsync(new string(changed)));
        }
        Assert.True(await nonces.ConsumeAsync(nonce));
    }
}
