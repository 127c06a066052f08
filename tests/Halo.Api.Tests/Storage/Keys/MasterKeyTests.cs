using System.Security.Cryptography;
using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Ledger;

namespace Halo.Api.Tests.Storage.Keys;

public class MasterKeyTests(SharedPostgres postgres)
{
    static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    static Task<MasterKeys> LoadAsync(TestStore store, EncryptionOptions? options = null, bool mayMakeKey = true) =>
        MasterKeyLoader.LoadAsync(options ?? new(), store.Database, store.Directory, mayMakeKey, store.Time);

    static async Task<DataKey> UseAsync(TestStore store, MasterKeys keys)
    {
        var practice = await Practice.CreateAsync(store);
        var ledger = new TestLedger(store.Database, keys, store.Pages, new(), store.Time);
        var query = practice.New();
        await ledger.AcceptAsync(query, new("SELECT 1"));
        return ledger.Store.KeyOf((await ledger.FindAsync(query.IntegratorId, query.SiteId, query.Id))!);
    }

    [Fact]
    public async Task The_first_start_makes_a_key_that_only_the_owner_can_read_and_the_next_uses_it()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var first = await LoadAsync(store);
        var again = await LoadAsync(store);
        Assert.Equal(first.CurrentId, again.CurrentId);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(store.Directory.File("master.key")));
    }

    [Fact]
    public async Task Two_processes_at_the_first_start_use_one_key()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var keys = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => LoadAsync(store))));
        Assert.Single(keys.Select(k => k.CurrentId).Distinct());
    }

    [Fact]
    public async Task A_new_key_is_never_made_beside_encrypted_data()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        await UseAsync(store, await LoadAsync(store));
        File.Delete(store.Directory.File("master.key"));

        var e = await Assert.ThrowsAsync<StartupException>(() => LoadAsync(store));
        Assert.Contains("master.key", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(store.Directory.File("master.key")));
    }

    [Fact]
    public async Task A_lost_key_that_encrypted_nothing_is_replaced()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var first = await LoadAsync(store);
        File.Delete(store.Directory.File("master.key"));
        Assert.NotEqual(first.CurrentId, (await LoadAsync(store)).CurrentId);
    }

    [Theory, OnBothStores]
    public async Task A_wrong_key_is_noticed_at_start_and_an_old_one_still_opens(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var (old, current) = (NewKey(), NewKey());
        var used = await UseAsync(store, await LoadAsync(store, new() { MasterKey = old }));

        var e = await Assert.ThrowsAsync<StartupException>(() => LoadAsync(store, new() { MasterKey = current }));
        Assert.Contains("OldKeys", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(current, e.Message, StringComparison.Ordinal);

        var keys = await LoadAsync(store, new() { MasterKey = current, OldKeys = [old] });
        Assert.Equal(used.Key, keys.OpenDataKey(used.QueryId, used.Wrapped).Key);
    }

    [Fact]
    public async Task PostgreSQL_needs_the_key_from_the_settings()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Postgres, postgres);
        var e = await Assert.ThrowsAsync<StartupException>(() => LoadAsync(store, mayMakeKey: false));
        Assert.Contains("Halo:Encryption:MasterKey", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(store.Directory.File("master.key")));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("not base64 !")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task A_malformed_key_is_named_and_not_repeated(string key)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var e = await Assert.ThrowsAsync<StartupException>(() => LoadAsync(store, new() { MasterKey = key }));
        Assert.Contains("Halo:Encryption:MasterKey", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(key, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_wrapped_key_opens_for_its_own_query_alone_and_not_when_changed()
    {
        var keys = new MasterKeys(new(RandomNumberGenerator.GetBytes(32)), []);
        var id = Guid.CreateVersion7();
        var key = keys.NewDataKey(id);
        Assert.Equal(key.Key, keys.OpenDataKey(id, key.Wrapped).Key);
        Assert.Throws<SealBrokenException>(() => keys.OpenDataKey(Guid.CreateVersion7(), key.Wrapped));
        for (var i = 0; i < key.Wrapped.Length; i++)
        {
            var changed = key.Wrapped.ToArray();
            changed[i] ^= 1;
            Assert.Throws<SealBrokenException>(() => keys.OpenDataKey(id, changed));
        }
    }

    [Fact]
    public void A_secret_of_the_service_opens_for_its_own_purpose_alone()
    {
        var keys = new MasterKeys(new(RandomNumberGenerator.GetBytes(32)), []);
        var wrapped = keys.WrapSecret([1, 2, 3], "token signing");
        Assert.Equal([1, 2, 3], keys.UnwrapSecret(wrapped, "token signing"));
        Assert.Throws<SealBrokenException>(() => keys.UnwrapSecret(wrapped, "other"));
    }
}
