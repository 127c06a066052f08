using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Halo.Api.Links;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Storage.Postgres;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Ledger;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Microsoft.Extensions.Configuration;

namespace Halo.Api.Tests;

/// <summary>After <c>halo-api rewrap</c> the old master key can go.</summary>
public class RewrapTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task What_was_stored_is_read_without_the_old_key_and_what_was_not_finished_goes_on(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        var (old, current) = (NewKey(), NewKey());
        string[] settings = [.. store.Settings.Where(s => !s.StartsWith("Halo:Encryption", StringComparison.Ordinal))];
        Guid queued, done;
        string key, path;
        SimulatedLink link;
        await using (var host = await ApiHost.StartAsync([.. settings, $"Halo:Encryption:MasterKey={old}"]))
        {
            await using var site = await PairedSite.CreateAsync(host);
            (key, path, link) = (site.Key, site.Path, site.Link.Clone());
            queued = (await site.QueueAsync()).Id;
            var asking = site.AskAsync(idempotencyKey: "kept");
            await site.Link.AnswerAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":1}]""", 1);
            using var answer = await asking;
            done = (await answer.QueryAsync()).Id;
        }

        var lines = new List<string>();
        Assert.True(await RewrapAsync(settings, lines, current, old));
        Assert.Contains(lines, l => l.Contains("no longer needed", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Contains(old, StringComparison.Ordinal) || l.Contains(current, StringComparison.Ordinal));

        await using (var host = await ApiHost.StartAsync([.. settings, $"Halo:Encryption:MasterKey={current}"]))
        {
            using var state = await host.SendAsync(HttpMethod.Get, $"{path}/{done}", key: key);
            Assert.Equal(QueryStatus.Successful, (await state.QueryAsync()).Status);
            using var repeat = new HttpRequestMessage(HttpMethod.Post, path + "/immediate") { Content = new StringContent(PairedSite.SelectOne, System.Text.Encoding.UTF8, "application/json") };
            repeat.Headers.Add("Ocp-Apim-Subscription-Key", key);
            repeat.Headers.Add("Idempotency-Key", "kept");
            using var repeated = await host.Client.SendAsync(repeat);
            Assert.Equal("true", Assert.Single(repeated.Headers.GetValues("Halo-Replayed")));
            Assert.Equal("""[{"n":1}]""", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String((await repeated.QueryAsync()).Result!.Data!)));

            await using var before = link;
            await using var again = before.Clone(host);
            await again.ConnectAsync();
            var claim = Assert.Single(await again.ClaimAsync());
            Assert.Equal((queued, "SELECT 1 AS n"), (claim.QueryId, claim.Command!.Text));
        }
    }

    [Theory, OnBothStores]
    public async Task An_interrupted_run_is_finished_by_the_next(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var (old, current) = (new MasterKey(RandomNumberGenerator.GetBytes(32)), new MasterKey(RandomNumberGenerator.GetBytes(32)));
        var practice = await Practice.CreateAsync(store);
        foreach (var keys in new[] { new MasterKeys(old, []), new MasterKeys(current, []) })
        {
            // Some as a first run has left them.
            var ledger = new TestLedger(store.Database, keys, store.Pages, new(), store.Time);
            for (var i = 0; i < 600; i++)
                await ledger.AcceptAsync(practice.New(), new("SELECT 1"));
        }
        var both = new MasterKeys(current, [old]);
        Assert.True(await new RewrapCommand(store.Database, both, store.Time, _ => { }).RunAsync(false));
        Assert.Equal(0, await OfKeyAsync(store, old));
        Assert.Equal(1200, await OfKeyAsync(store, current));
        Assert.True(await new RewrapCommand(store.Database, both, store.Time, _ => { }).RunAsync(false));
    }

    [Theory, OnBothStores]
    public async Task A_key_that_does_not_open_is_left_and_told_and_the_old_master_key_is_still_needed(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var (old, current) = (new MasterKey(RandomNumberGenerator.GetBytes(32)), new MasterKey(RandomNumberGenerator.GetBytes(32)));
        var practice = await Practice.CreateAsync(store);
        var ledger = new TestLedger(store.Database, new MasterKeys(old, []), store.Pages, new(), store.Time);
        var (whole, broken) = (practice.New(), practice.New());
        await ledger.AcceptAsync(whole, new("SELECT 1"));
        await ledger.AcceptAsync(broken, new("SELECT 1"));
        var wrapped = (await store.Database.ReadAsync(r => r.GetFieldValue<byte[]>(0), "SELECT wrapped_key FROM queries WHERE id = @id", ("id", broken.Id)))[0];
        wrapped[^1] ^= 1;
        await store.RunAsync("UPDATE queries SET wrapped_key = @wrapped WHERE id = @id", ("wrapped", wrapped), ("id", broken.Id));
        var lines = new List<string>();
        Assert.False(await new RewrapCommand(store.Database, new MasterKeys(current, [old]), store.Time, lines.Add).RunAsync(false));
        Assert.Contains(lines, l => l.StartsWith("1 data keys of queries do not open", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("STILL NEEDED", StringComparison.Ordinal));
        Assert.Equal((1, 1), (await OfKeyAsync(store, old), await OfKeyAsync(store, current)));
    }

    [Fact]
    public async Task Tokens_by_the_signing_key_before_hold_until_they_expire_and_those_by_the_one_before_that_no_longer()
    {
        var time = new Halo.Testing.ManualTime();
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var first = await SigningKeys.LoadAsync(store.Database, store.Keys, time);
        await SigningKeys.RotateAsync(store.Database, store.Keys, time);
        var second = await SigningKeys.LoadAsync(store.Database, store.Keys, time);
        Assert.Equal([second.Current.Id, first.Current.Id], second.Valid.Select(k => k.Id));

        // A node that was not restarted takes the new one up when it meets it, and signs with it soon.
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await first.LookAgainAsync());
        Assert.Equal(second.Current.Id, first.Current.Id);

        time.Advance(LinkTokens.Life + TimeSpan.FromMinutes(1));
        Assert.Equal([second.Current.Id], second.Valid.Select(k => k.Id));
        await SigningKeys.RotateAsync(store.Database, store.Keys, time);
        await SigningKeys.RotateAsync(store.Database, store.Keys, time);
        await second.KeepFreshAsync();
        Assert.DoesNotContain(first.Valid[0].Id, second.Valid.Select(k => k.Id));
    }

    [Fact]
    public async Task A_running_service_takes_tokens_by_a_key_that_was_rotated_behind_it()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var before = await link.TokenAsync();
        var (database, keys) = (Get<Database>(host), Get<MasterKeys>(host));
        await SigningKeys.RotateAsync(database, keys, TimeProvider.System);
        var other = await SigningKeys.LoadAsync(database, keys, TimeProvider.System);
        var nonces = new Nonces(database, other, TimeProvider.System);
        var tokens = new LinkTokens(Get<LinkDirectory>(host), nonces, other, TimeProvider.System);
        var after = (await tokens.GrantAsync(link.Assertion(nonces.Create()), [host.Address.ToString().TrimEnd('/')]))!.AccessToken;
        await Until.TrueAsync(async () => await UninstallAllowedAsync(host, after));
        Assert.NotEqual(before, after);
    }

    static async Task<bool> UninstallAllowedAsync(ApiHost host, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/link/v1/queries/{Guid.NewGuid()}/pages/1");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Client.SendAsync(request);
        return response.StatusCode != HttpStatusCode.Unauthorized;
    }

    static async Task<bool> RewrapAsync(string[] settings, List<string> lines, string current, string old)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => s.Split('=', 2)).Select(p => new KeyValuePair<string, string?>(p[0], p[1]))).Build();
        var directory = DataDirectory.Prepare(configuration["Halo:DataDirectory"]!);
        await using var database = new DatabaseOptions { ConnectionString = configuration["Halo:Storage:ConnectionString"] }.Open(directory, TimeProvider.System);
        var keys = await MasterKeyLoader.LoadAsync(new() { MasterKey = current, OldKeys = [old] }, database, directory, mayMakeKey: false, TimeProvider.System);
        return await new RewrapCommand(database, keys, TimeProvider.System, lines.Add).RunAsync(rotateSigningKey: true);
    }

    static Task<long> OfKeyAsync(TestStore store, MasterKey key) => store.CountAsync(
        $"SELECT COUNT(*) FROM queries WHERE substr(wrapped_key, {MasterKey.IdPosition}, 8) = {(store.Database is PostgresDatabase ? $"'\\x{key.Id}'::bytea" : $"x'{key.Id}'")}");

    static T Get<T>(ApiHost host) where T : notnull => (T)host.Services.GetService(typeof(T))!;

    static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
}
