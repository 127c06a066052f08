using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Idempotency;

public class RepeatedWritesTests(SharedPostgres postgres)
{
    const string Write = """{ "command": { "text": "UPDATE t SET n = n + 1", "executionMode": "nonQuery" } }""";

    /// <summary>Settings of a service whose store outlives it.</summary>
    async Task<string[]> StoreAsync(StoreKind kind, string directory) => kind == StoreKind.Sqlite
        ? [$"Halo:DataDirectory={directory}"]
        : [$"Halo:Storage:ConnectionString={await (await postgres.GetAsync()).CreateDatabaseAsync()}", $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}"];

    [Theory, OnBothStores]
    public async Task A_hundred_repeats_at_once_execute_once(StoreKind kind)
    {
        var directory = Directory.CreateTempSubdirectory("halo-repeats-");
        await using (var host = await ApiHost.StartAsync(await StoreAsync(kind, directory.FullName)))
        {
            await using var site = await PairedSite.CreateAsync(host);
            var asked = Task.WhenAll(Enumerable.Range(0, 100).Select(_ => site.AskAsync(Write, "once")));
            var (id, _) = await site.Link.ExpectExecuteAsync();
            await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
            var bodies = await Task.WhenAll((await asked).Select(r => r.Content.ReadAsStringAsync()));
            Assert.Single(bodies.Distinct());
            Assert.All(await asked, r => Assert.Equal(200, (int)r.StatusCode));
            Assert.Single(await asked, r => !r.Headers.Contains("Halo-Replayed"));
            await IdempotencyTests.NothingElseWasSentAsync(site);

            var queued = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => site.SendAsync(HttpMethod.Post, "/async", Write, "once more")));
            Assert.All(queued, r => Assert.Equal(201, (int)r.StatusCode));
            Assert.Single((await Task.WhenAll(queued.Select(r => r.Content.ReadAsStringAsync()))).Distinct());
            Assert.Single(await site.Link.ClaimAsync(64));
        }
        directory.Delete(recursive: true);
    }

    [Theory, OnBothStores]
    public async Task A_repeat_after_a_restart_of_the_service_gets_the_answer_or_the_same_unknown_fate(StoreKind kind)
    {
        var directory = Directory.CreateTempSubdirectory("halo-repeats-");
        string[] settings = [.. await StoreAsync(kind, directory.FullName), "Halo:Limits:GraceMs=0"];
        const string Unanswered = """{ "maxTimeInQueue": 0, "command": { "text": "DELETE FROM t", "executionMode": "nonQuery", "timeout": 300 } }""";
        string body, key, path;
        Guid lost;
        await using (var host = await ApiHost.StartAsync(settings))
        {
            await using var site = await PairedSite.CreateAsync(host);
            var asked = site.AskAsync(Write, "answered");
            var (id, _) = await site.Link.ExpectExecuteAsync();
            await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 5 });
            using var first = await asked;
            body = await first.Content.ReadAsStringAsync();
            using var unanswered = await site.AskAsync(Unanswered, "unanswered");
            Assert.Equal(504, (int)unanswered.StatusCode);
            lost = (await unanswered.QueryAsync()).Id;
            (key, path) = (site.Key, site.Path);
        }
        await using (var host = await ApiHost.StartAsync(settings))
        {
            using var repeat = await RepeatAsync(host, Write, "answered");
            Assert.Equal((200, body), ((int)repeat.StatusCode, await repeat.Content.ReadAsStringAsync()));
            Assert.True(repeat.Headers.Contains("Halo-Replayed"));
            using var unknown = await RepeatAsync(host, Unanswered, "unanswered");
            Assert.Equal((504, lost), ((int)unknown.StatusCode, (await unknown.QueryAsync()).Id));
        }
        directory.Delete(recursive: true);

        async Task<HttpResponseMessage> RepeatAsync(ApiHost host, string asked, string idempotencyKey)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path + "/immediate");
            request.Headers.Add("Ocp-Apim-Subscription-Key", key);
            request.Headers.Add("Idempotency-Key", idempotencyKey);
            request.Content = new StringContent(asked, System.Text.Encoding.UTF8, "application/json");
            return await host.Client.SendAsync(request);
        }
    }

    [Theory, OnBothStores]
    public async Task The_Link_gets_the_hash_of_the_key_with_every_command_and_its_refusal_is_a_409(StoreKind kind)
    {
        var directory = Directory.CreateTempSubdirectory("halo-repeats-");
        await using (var host = await ApiHost.StartAsync(await StoreAsync(kind, directory.FullName)))
        {
            await using var site = await PairedSite.CreateAsync(host);
            var asked = site.AskAsync(Write, "a key");
            var (id, execute) = await site.Link.ExpectExecuteAsync();
            var hash = KeyHash.Of(execute.IntegratorId, "a key");
            Assert.Equal(hash, execute.KeyHash);
            await site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.Yes)
            {
                Error = new(ErrorTypes.HaloLink, 409, "Before.") { Code = FailureCodes.AlreadyExecuted },
            });
            using var refused = await asked;
            var query = await refused.QueryAsync();
            Assert.Equal((409, Executed.Yes, FailureCodes.AlreadyExecuted), ((int)refused.StatusCode, query.Executed, query.ErrorDetails!.Code));
            using var repeat = await site.AskAsync(Write, "a key");
            Assert.Equal((409, query.Id), ((int)repeat.StatusCode, (await repeat.QueryAsync()).Id));

            (await site.SendAsync(HttpMethod.Post, "/async", Write, "another key")).Dispose();
            (await site.SendAsync(HttpMethod.Post, "/async", Write)).Dispose();
            Assert.Equal([Convert.ToHexString(KeyHash.Of(execute.IntegratorId, "another key")), null],
                (await site.Link.ClaimAsync(64)).Select(c => c.KeyHash is { } h ? Convert.ToHexString(h) : null));
            var without = site.SendAsync(HttpMethod.Post, "/immediate", Write);
            var (other, unkeyed) = await site.Link.ExpectExecuteAsync();
            Assert.Null(unkeyed.KeyHash);
            await site.Link.TellAsync(other, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
            (await without).Dispose();
        }
        directory.Delete(recursive: true);
    }

    [Theory, OnBothStores]
    public async Task A_key_is_free_after_24_hours_and_old_ones_go_in_small_steps(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var keys = new IdempotencyStore(store.Database, store.Keys, new(), store.Time);
        for (var i = 0; i < 25; i++)
            Assert.True(await BindAsync($"old {i}"));
        Assert.False(await BindAsync("old 1"));
        Assert.NotNull(await keys.FindAsync(Request("old 1")));
        store.Time.Advance(TimeSpan.FromHours(24));
        Assert.Null(await keys.FindAsync(Request("old 1")));
        Assert.True(await BindAsync("old 1"));
        Assert.InRange(await store.CountAsync("SELECT COUNT(*) FROM idempotency_keys"), 2, 24);
        Assert.True(await BindAsync("new"));
        Assert.True(await BindAsync("newer"));
        Assert.Equal(3, await store.CountAsync("SELECT COUNT(*) FROM idempotency_keys"));

        Task<bool> BindAsync(string key)
        {
            var query = store.NewId();
            return store.Database.WriteAsync(async t => (await keys.BindAsync(t, Request(key), query, Guid.Empty)).Bound);
        }

        static IdempotentRequest Request(string key) => new(new Guid("0198f3c2-5a70-7c11-9d1e-2f6b8a4c0d31"), key, [1, 2, 3]);
    }

    [Theory, OnBothStores]
    public async Task An_answer_that_the_store_refuses_to_keep_is_given_all_the_same_and_holds_no_memory(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        var database = host.Services.GetRequiredService<Database>();
        // The statement fails by the store's own word, and the connection stays: as of a server that has become a standby.
        foreach (var sql in kind == StoreKind.Sqlite
            ? (string[])["CREATE TRIGGER refuse BEFORE UPDATE ON idempotency_keys BEGIN SELECT RAISE(ABORT, 'refused'); END"]
            :
            [
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '25006'; END $$",
                "CREATE TRIGGER refuse BEFORE UPDATE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION refuse()",
            ])
            await database.WriteAsync(t => t.RunAsync(sql));
        var asked = site.AskAsync(idempotencyKey: "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1},{"n":22}]""", 2);
        using var first = await asked;
        Assert.True(first.IsSuccessStatusCode, await first.Content.ReadAsStringAsync());
        Assert.Equal(2, (await first.QueryAsync()).Result!.Rows);
        using var queued = await site.SendAsync(HttpMethod.Post, "/async", Write, "b");
        Assert.Equal(201, (int)queued.StatusCode);
        var memory = host.Services.GetRequiredService<ResultMemoryBudget>();
        await Eventually.BecomesAsync(() => Task.FromResult(memory.Used), used => used == 0);
    }
}
