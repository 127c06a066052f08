using Halo.Api.Queries.Settling;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Halo.Api.Tests.Endpoints.ForIntegrators;

public class WaitTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    QueryWaiters Waiters => _host.Services.GetRequiredService<QueryWaiters>();

    static async Task<Query> WaitAsync(PairedSite site, Guid id, string wait = "60000", CancellationToken stop = default)
    {
        using var response = await site.SendAsync(HttpMethod.Get, $"/{id}?wait={wait}", stop: stop);
        Assert.Equal(200, (int)response.StatusCode);
        return await response.QueryAsync();
    }

    Task SomebodyWaitsAsync(int before = 0) => Until.TrueAsync(() => Task.FromResult(Waiters.Count > before));

    [Theory]
    [InlineData(ReportKind.Complete, QueryStatus.Successful)]
    [InlineData(ReportKind.Failed, QueryStatus.ExecutionFailed)]
    [InlineData(ReportKind.Cancelled, QueryStatus.Cancelled)]
    public async Task It_answers_when_the_link_tells_the_end(ReportKind kind, QueryStatus status)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var waiting = WaitAsync(site, query.Id);
        await SomebodyWaitsAsync();
        Assert.False(waiting.IsCompleted);
        await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, kind) { Executed = Executed.No, RowsAffected = 1 });
        Assert.Equal(status, (await waiting).Status);
        Assert.Equal(status, (await WaitAsync(site, query.Id)).Status);
        Assert.Equal(0, Waiters.Count);
    }

    [Fact]
    public async Task It_answers_when_an_immediate_query_ends()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.IsThereAsync(id);
        var waiting = WaitAsync(site, id);
        await SomebodyWaitsAsync();
        await site.Link.AnswerAsync(id, "[]", 0);
        Assert.Equal(QueryStatus.Successful, (await waiting).Status);
        (await asked).Dispose();
    }

    [Fact]
    public async Task It_answers_when_a_queued_query_is_cancelled()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        var waiting = WaitAsync(site, query.Id);
        await SomebodyWaitsAsync();
        await site.CancelAsync(query.Id);
        Assert.Equal(QueryStatus.Cancelled, (await waiting).Status);
    }

    [Fact]
    public async Task It_answers_when_the_time_in_the_queue_is_over()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync("""{ "maxTimeInQueue": 300, "command": { "text": "SELECT 1" } }""");
        Assert.Equal(QueryStatus.ExpiredInQueue, (await WaitAsync(site, query.Id)).Status);
    }

    [Fact]
    public async Task It_answers_when_a_hello_settles_the_query()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var waiting = WaitAsync(site, query.Id);
        await SomebodyWaitsAsync();
        await site.Link.BreakAsync();
        // It has seen the claim, and lost it.
        await site.Link.ConnectAsync(site.Link.Hello() with { LastClaimNumber = claim.Number });
        Assert.Equal(QueryStatus.ExecutionFailed, (await waiting).Status);
    }

    [Fact]
    public async Task At_the_end_of_the_wait_it_shows_where_the_query_stands()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        Assert.Equal(QueryStatus.Queued, (await WaitAsync(site, query.Id, "30")).Status);
        Assert.Equal(QueryStatus.Queued, (await WaitAsync(site, query.Id, "0")).Status);
        Assert.Equal(0, Waiters.Count);
    }

    [Fact]
    public async Task A_caller_that_goes_away_leaves_nothing_behind()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        using var caller = new CancellationTokenSource();
        var waiting = WaitAsync(site, query.Id, stop: caller.Token);
        await SomebodyWaitsAsync();
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Until.TrueAsync(() => Task.FromResult(Waiters.Count == 0));
    }

    [Fact]
    public async Task Hundreds_wait_for_one_query_and_all_are_answered()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var waiting = Enumerable.Range(0, 300).Select(_ => WaitAsync(site, query.Id)).ToList();
        await SomebodyWaitsAsync(299);
        await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 });
        Assert.All(await Task.WhenAll(waiting), q => Assert.Equal(QueryStatus.Successful, q.Status));
        Assert.Equal(0, Waiters.Count);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("60001")]
    [InlineData("soon")]
    [InlineData("1.5")]
    [InlineData("")]
    public async Task A_wait_out_of_range_is_refused(string wait)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        using var response = await site.SendAsync(HttpMethod.Get, $"/{query.Id}?wait={wait}");
        Assert.Equal("wait", Assert.Single((await response.ErrorAsync(400)).Errors!).Field);
    }

    [Fact]
    public async Task A_service_that_stops_keeps_nobody_waiting()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var query = await site.QueueAsync();
        var waiting = WaitAsync(site, query.Id);
        await Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<QueryWaiters>().Count > 0));
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(QueryStatus.Queued, (await waiting).Status);
    }
}
