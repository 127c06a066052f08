using System.Security.Cryptography;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate;
using Halo.Api.Results.Pages;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Results.Retention;

public class ResultRemovalTests(SharedPostgres postgres)
{
    static readonly string[] Pages = ["""[{"n":1},{"n":2}]""", """[{"n":3}]"""];

    [Theory, OnBothStores]
    public async Task Results_are_gone_at_once_and_the_query_stays_with_its_numbers(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        var claim = await DeliverAsync(site);
        using (var early = await RemoveAsync(site, claim.QueryId))
            await early.ErrorAsync(409);
        Assert.Equal(200, await StatusAsync(site, claim.QueryId, "/1"));
        await CompleteAsync(site, claim);
        for (var i = 0; i < 2; i++)
        {
            using var removed = await RemoveAsync(site, claim.QueryId);
            Assert.Equal((204, ""), ((int)removed.StatusCode, await removed.Content.ReadAsStringAsync()));
        }
        foreach (var rest in (string[])["", "/1", "/2/stream", "/3"])
            Assert.Equal(410, await StatusAsync(site, claim.QueryId, rest));
        var query = await site.GetAsync(claim.QueryId);
        Assert.Equal((QueryStatus.Successful, 3L, 26L), (query.Status, query.Result!.Rows!.Value, query.ResultSize!.Value));
        Assert.Empty(query.Result.Pages!);
        Assert.Null(query.Result.Columns);
        Assert.DoesNotContain(claim.QueryId, Stored(host));
        Assert.Equal(0, await CountAsync(host, "SELECT COUNT(*) FROM pages"));
    }

    [Fact]
    public async Task Nobody_removes_anothers_results_or_those_of_a_query_that_waits()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var claim = await DeliverAsync(site);
        await CompleteAsync(site, claim);
        await using var stranger = new PairedSite(host, site.Link, await host.CreatePairedAsync(site.Link.SiteId));
        foreach (var (whose, id) in ((PairedSite, string)[])[(stranger, claim.QueryId.ToString()), (site, Guid.NewGuid().ToString()), (site, "nonsense")])
        {
            using var unknown = await whose.SendAsync(HttpMethod.Delete, $"/{id}/results");
            await unknown.ErrorAsync(404);
        }
        Assert.Equal(200, await StatusAsync(site, claim.QueryId, "/1"));
        var waiting = await site.QueueAsync();
        using var early = await RemoveAsync(site, waiting.Id);
        Assert.Contains("queued", (await early.ErrorAsync(409)).Message, StringComparison.Ordinal);
        await site.CancelAsync(waiting.Id);
        using var ended = await RemoveAsync(site, waiting.Id);
        Assert.Equal(204, (int)ended.StatusCode);
    }

    [Fact]
    public async Task What_is_being_read_goes_when_its_last_reader_has_left()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var claim = await DeliverAsync(site);
        await CompleteAsync(site, claim);
        var pages = host.Services.GetRequiredService<IPageStore>();
        using (pages.Hold(claim.QueryId))
        {
            using var removed = await RemoveAsync(site, claim.QueryId);
            Assert.Equal(204, (int)removed.StatusCode);
            Assert.Contains(claim.QueryId, Stored(host));
            Assert.Equal(410, await StatusAsync(site, claim.QueryId, "/1"));
        }
        await Until.TrueAsync(() => Task.FromResult(!Stored(host).Contains(claim.QueryId)));
    }

    [Theory, OnBothStores]
    public async Task What_a_kill_leaves_of_the_files_cannot_be_read_and_goes_with_the_orphans(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        // On a slow machine its first round would find them before the test does.
        await host.Services.GetRequiredService<RetentionWatch>().StopAsync(TestContext.Current.CancellationToken);
        await using var site = await PairedSite.CreateAsync(host);
        var claim = await DeliverAsync(site);
        await CompleteAsync(site, claim);
        var root = host.Services.GetRequiredService<DataDirectory>().File("pages");
        var files = Directory.GetFiles(root, "*.page", SearchOption.AllDirectories).ToDictionary(f => f, File.ReadAllBytes);
        Assert.Equal(Pages.Length, files.Count);
        (await RemoveAsync(site, claim.QueryId)).Dispose();
        // As if the process had ended between the rows and the files.
        Directory.CreateDirectory(Path.GetDirectoryName(files.Keys.First())!);
        foreach (var (path, bytes) in files)
            await File.WriteAllBytesAsync(path, bytes);
        foreach (var rest in (string[])["", "/1", "/1/stream"])
            Assert.Equal(410, await StatusAsync(site, claim.QueryId, rest));
        Assert.Equal((1, 0), await host.Services.GetRequiredService<OrphanedPages>().RemoveAsync(default));
        Assert.Empty(Directory.GetFiles(root, "*.page", SearchOption.AllDirectories));
    }

    [Theory, OnBothStores]
    public async Task The_kept_answer_of_a_key_goes_and_a_repeat_gets_the_state_without_rows(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync(idempotencyKey: "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1},{"n":22}]""", 2);
        using var first = await asked;
        Assert.NotNull((await first.QueryAsync()).Result!.Data);
        using var removed = await RemoveAsync(site, id);
        Assert.Equal(204, (int)removed.StatusCode);
        using var repeat = await site.AskAsync(idempotencyKey: "a");
        var state = await repeat.QueryAsync();
        Assert.Equal((200, true, id, QueryStatus.Successful, 2L), ((int)repeat.StatusCode, repeat.Headers.Contains("Halo-Replayed"), state.Id, state.Status, state.Result!.Rows!.Value));
        Assert.Null(state.Result.Data);
        Assert.Null(state.Result.Columns);
        Assert.Equal(0, await CountAsync(host, "SELECT COUNT(*) FROM idempotency_keys WHERE answer IS NOT NULL OR wrapped_key IS NOT NULL"));
    }

    [Theory, OnBothStores]
    public async Task An_answer_that_was_removed_before_it_was_kept_is_never_kept_and_takes_no_room(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (first, second, third) = (await SendAsync(practice), await SendAsync(practice), await SendAsync(practice));
        var answer = new KeptAnswer(200, first.Shown, null);
        var keys = new IdempotencyStore(store.Database, store.Keys, new ResultOptions { ReplayBytes = answer.ToBytes().Length + 100 }, store.Time);
        foreach (var (id, request, _) in new[] { first, second, third })
            Assert.True(await store.Database.WriteAsync(async t => (await keys.BindAsync(t, request, id, Guid.Empty)).Bound));

        keys.Removed(await store.Database.WriteAsync(t => keys.RemoveAnswerAsync(t, first.Id)));
        await keys.KeepAsync(first.Request, first.Id, answer);
        Assert.Null(await keys.OpenAsync(first.Request, first.Id));
        // There is room for one, and that is taken, and given back.
        await keys.KeepAsync(second.Request, second.Id, answer);
        Assert.NotNull(await keys.OpenAsync(second.Request, second.Id));
        await keys.KeepAsync(third.Request, third.Id, answer);
        Assert.Null(await keys.OpenAsync(third.Request, third.Id));
        keys.Removed(await store.Database.WriteAsync(t => keys.RemoveAnswerAsync(t, second.Id)));
        Assert.Null(await keys.OpenAsync(second.Request, second.Id));
        await keys.KeepAsync(third.Request, third.Id, answer);
        Assert.NotNull(await keys.OpenAsync(third.Request, third.Id));

        static async Task<(Guid Id, IdempotentRequest Request, Query Shown)> SendAsync(Practice practice)
        {
            var query = await practice.SendAsync();
            return (query.Id, new(query.IntegratorId, query.Id.ToString(), [1]), Halo.Api.Ledger.Records.QueryView.Of(await practice.FindAsync(query.Id)));
        }
    }

    static async Task<Claim> DeliverAsync(PairedSite site)
    {
        var (_, claim) = await site.QueueAndClaimAsync();
        await site.Link.ReportAsync(claim.QueryId, new Report(claim.ClaimId, ReportKind.Reading) { Columns = [new ResultColumn("n", SqlType.Int, "INTEGER")] });
        for (var i = 0; i < Pages.Length; i++)
        {
            var page = TestPage.Of(Pages[i], Pages[i].Split('{').Length - 1) with { Start = 2 * i };
            using var stored = await page.PutAsync(site.Host, site.Link, claim, i + 1);
            Assert.True(stored.IsSuccessStatusCode);
        }
        return claim;
    }

    static async Task CompleteAsync(PairedSite site, Claim claim)
    {
        var digests = Pages.SelectMany(p => SHA256.HashData(TestPage.Compress(System.Text.Encoding.UTF8.GetBytes(p))));
        Assert.True((await site.Link.ReportAsync(claim.QueryId, new Report(claim.ClaimId, ReportKind.Complete)
        {
            Rows = 3,
            Size = 26,
            PageCount = Pages.Length,
            ResultSets = 1,
            Digest = Convert.ToBase64String(SHA256.HashData([.. digests])),
        })).Accepted);
    }

    static Task<HttpResponseMessage> RemoveAsync(PairedSite site, Guid id) => site.SendAsync(HttpMethod.Delete, $"/{id}/results");

    static async Task<int> StatusAsync(PairedSite site, Guid id, string rest)
    {
        using var response = await site.SendAsync(HttpMethod.Get, $"/{id}/results{rest}");
        return (int)response.StatusCode;
    }

    static List<Guid> Stored(ApiHost host) => [.. host.Services.GetRequiredService<IPageStore>().Queries(10).SelectMany(q => q)];

    static async Task<long> CountAsync(ApiHost host, string sql) => (await host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetInt64(0), sql))[0];
}
