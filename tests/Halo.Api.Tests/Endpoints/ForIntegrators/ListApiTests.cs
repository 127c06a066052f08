using System.Net.Http.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Endpoints.ForIntegrators;

public class ListApiTests(OneHost one) : IClassFixture<OneHost>
{
    static async Task<QueryList> ListAsync(PairedSite site, string query = "")
    {
        using var response = await site.SendAsync(HttpMethod.Get, query);
        Assert.Equal(200, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(HaloJson.Default.QueryList))!;
    }

    [Fact]
    public async Task Pages_hold_every_own_query_once_newest_first()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var made = new List<Guid>();
        for (var i = 0; i < 11; i++)
            made.Add((await site.QueueAsync()).Id);
        Assert.Equal(made.OrderDescending(), (await ListAsync(site)).Queries.Select(q => q.Id));
        var read = new List<Guid>();
        for (var next = ""; next is not null;)
        {
            var page = await ListAsync(site, $"?limit=5{next}");
            Assert.InRange(page.Queries.Count, 1, 5);
            read.AddRange(page.Queries.Select(q => q.Id));
            next = page.Next is null ? null : $"&after={page.Next}";
        }
        Assert.Equal(made.OrderDescending(), read);
    }

    [Fact]
    public async Task Another_integrators_queries_are_not_in_it()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        await site.QueueAsync();
        await using var theirs = new PairedSite(one.Host, site.Link, await one.Host.CreatePairedAsync(site.Link.SiteId));
        Assert.Empty((await ListAsync(theirs)).Queries);
    }

    [Fact]
    public async Task It_is_narrowed_by_status_tag_and_time()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var tagged = await site.QueueAsync(tag: "nightly");
        var cancelled = await site.QueueAsync();
        await site.CancelAsync(cancelled.Id);
        var expired = await site.QueueAsync("""{ "maxTimeInQueue": 1, "command": { "text": "SELECT 1" } }""");
        await Until.TrueAsync(async () => (await site.GetAsync(expired.Id)).Status == QueryStatus.ExpiredInQueue);
        Assert.Equal(tagged.Id, Assert.Single((await ListAsync(site, "?status=queued")).Queries).Id);
        Assert.Equal(cancelled.Id, Assert.Single((await ListAsync(site, "?status=cancelled")).Queries).Id);
        var found = Assert.Single((await ListAsync(site, "?status=expiredInQueue")).Queries);
        Assert.Equal((expired.Id, QueryStatus.ExpiredInQueue), (found.Id, found.Status));
        Assert.NotNull(found.ErrorDetails);
        found = Assert.Single((await ListAsync(site, "?tag=nightly")).Queries);
        Assert.Equal((tagged.Id, "nightly"), (found.Id, found.Tag));
        var from = Uri.EscapeDataString(cancelled.CreatedAt.ToString("O"));
        Assert.All((await ListAsync(site, $"?from={from}")).Queries, q => Assert.True(q.CreatedAt >= cancelled.CreatedAt));
        Assert.Contains((await ListAsync(site, $"?from={from}")).Queries, q => q.Id == cancelled.Id);
        Assert.Empty((await ListAsync(site, "?from=2090-01-01")).Queries);
        Assert.Empty((await ListAsync(site, "?tag=nightly&status=cancelled")).Queries);
    }

    [Fact]
    public async Task An_immediate_query_and_the_size_of_a_result_are_in_it_and_the_result_is_not()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        (await asked).Dispose();
        var found = Assert.Single((await ListAsync(site, "?status=successful")).Queries);
        Assert.Equal((id, QueryMode.Immediate, 9L), (found.Id, found.Mode, found.ResultSize!.Value));
        Assert.Null(found.Result);
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("tag=a%00b", "tag")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=many", "limit")]
    [InlineData("status=done", "status")]
    [InlineData("status=3", "status")]
    [InlineData("from=yesterday", "from")]
    [InlineData("after=1", "after")]
    public async Task What_cannot_be_meant_is_refused(string query, string field)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var response = await site.SendAsync(HttpMethod.Get, "?" + query);
        Assert.Equal(field, Assert.Single((await response.ErrorAsync(400)).Errors!).Field);
    }
}
