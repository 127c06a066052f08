using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Endpoints.ForOperators;

public class AdminQueriesTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Every_query_is_listed_once_newest_first_and_narrowed(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var one = await PairedSite.CreateAsync(host);
        await using var two = await PairedSite.CreateAsync(host);
        List<Query> made = [await one.QueueAsync(), await two.QueueAsync(), await one.QueueAsync(), await two.QueueAsync(), await one.QueueAsync()];
        await one.CancelAsync(made[2].Id);
        var newestFirst = made.Select(q => q.Id).OrderDescending().ToList();

        var read = new List<Guid>();
        for (var next = ""; next is not null;)
        {
            var page = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/queries?limit=2{next}");
            read.AddRange(Ids(page));
            next = page.TryGetProperty("next", out var more) ? $"&after={more.GetString()}" : null;
        }
        Assert.Equal(newestFirst, read);

        Assert.Equal(newestFirst.Where(id => id == made[1].Id || id == made[3].Id), await FindAsync($"siteId={two.Link.SiteId}"));
        Assert.Equal(newestFirst.Where(id => id != made[1].Id && id != made[3].Id), await FindAsync($"integratorId={made[0].IntegratorId}"));
        Assert.Equal([made[2].Id], await FindAsync("status=cancelled"));
        Assert.Equal([made[2].Id], await FindAsync($"status=cancelled&siteId={one.Link.SiteId}&integratorId={made[0].IntegratorId}"));
        Assert.Empty(await FindAsync("to=2020-01-01T00:00:00Z"));
        Assert.Equal(newestFirst, await FindAsync("from=2020-01-01T00:00:00Z"));
        Assert.Empty(await FindAsync($"from={DateTimeOffset.UtcNow.AddHours(1):yyyy-MM-ddTHH:mm:ssZ}"));
        using var wrong = await host.SendAsync(HttpMethod.Get, "/admin/v1/queries?siteId=7&integratorId=x&status=done", adminKey: ApiHost.AdminKey);
        Assert.Equal(["integratorId", "siteId", "status"], (await wrong.ErrorAsync(400)).Errors!.Select(e => e.Field));

        async Task<IEnumerable<Guid>> FindAsync(string narrowed) => Ids(await host.AdminAsync(HttpMethod.Get, $"/admin/v1/queries?{narrowed}"));
    }

    [Fact]
    public async Task Neither_the_command_nor_rows_nor_the_databases_words_are_shown()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var answered = site.AskAsync("""{ "command": { "text": "SELECT 'Quetzal' AS n" } }""");
        await site.Link.AnswerAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":"Quetzal"}]""", 1);
        (await answered).Dispose();
        var failed = site.AskAsync("""{ "command": { "text": "SELECT Quetzal" } }""");
        await site.Link.TellAsync((await site.Link.ExpectExecuteAsync()).QueryId,
            new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such column: Quetzal") });
        (await failed).Dispose();

        var list = await host.AdminAsync(HttpMethod.Get, "/admin/v1/queries");
        Assert.DoesNotContain("Quetzal", list.GetRawText(), StringComparison.Ordinal);
        var shown = list.GetProperty("queries").EnumerateArray().ToList();
        Assert.Equal(["executionFailed", "successful"], shown.Select(q => q.GetProperty("status").GetString()));
        Assert.Equal(("sqlite", 1), (shown[0].GetProperty("errorDetails").GetProperty("errorType").GetString(), shown[0].GetProperty("errorDetails").GetProperty("errorCode").GetInt32()));
        Assert.Equal(17, shown[1].GetProperty("resultSize").GetInt64());
    }

    [Theory, OnBothStores]
    public async Task A_page_of_a_site_or_of_a_time_is_read_from_an_index_and_not_sorted(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        for (var i = 0; i < 5_000; i++)
            _ = store.Ledger.RecordSentAsync(practice.Sent(practice.New(QueryMode.Immediate)));
        await practice.SendAsync();
        await store.RunAsync("ANALYZE queries");
        var all = new QueryFilter(null, null, 101);
        foreach (var filter in new[] { all, all with { From = store.Now.AddDays(-1), To = store.Now }, all with { SiteId = practice.SiteId }, all with { After = store.NewId() } })
        {
            var (sql, values) = filter.ToSql(store.Now);
            var explain = kind == StoreKind.Sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN ";
            var plan = string.Join('\n', await store.Database.ReadAsync(r => r.GetString(kind == StoreKind.Sqlite ? 3 : 0), explain + sql, values));
            Assert.DoesNotContain(kind == StoreKind.Sqlite ? "TEMP B-TREE" : "Sort", plan, StringComparison.Ordinal);
        }
    }

    static IEnumerable<Guid> Ids(JsonElement page) => page.GetProperty("queries").EnumerateArray().Select(q => q.GetProperty("id").GetGuid());
}
