using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary>kill -9, start again: the next query works without anybody's help.</summary>
public sealed class KillTests(SharedPostgres postgres)
{
    [Fact]
    public async Task After_the_API_was_killed_the_next_queries_work()
    {
        await using var fixture = await HaloFixture.StartAsync();
        await AfterTheApiWasKilledAsync(fixture);
    }

    [Fact]
    public async Task After_the_API_on_PostgreSQL_was_killed_the_next_queries_work()
    {
        await using var fixture = await HaloFixture.StartAsync(await House.PostgresStoreAsync(postgres));
        await AfterTheApiWasKilledAsync(fixture);
    }

    [Fact]
    public async Task After_the_Link_was_killed_the_next_queries_work()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await BothWaysWorkAsync(integrator, site.Id);

        await link.Process.KillAsync();
        // Not waited for: a query that comes while the Link comes back waits for it.
        await link.LaunchAsync();
        var queued = await integrator.QueueAsync(site.Id, "SELECT 1 AS one");
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).Status);

        Assert.Equal(site.Id, (await link.WhenOnlineAsync())[0].Id);
        await BothWaysWorkAsync(integrator, site.Id);
    }

    [Fact]
    public async Task What_was_queued_when_the_API_was_killed_is_still_done()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await link.Process.KillAsync();
        var queued = await integrator.QueueAsync(site.Id, "SELECT 42 AS answer");
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());

        await fixture.Api.Process.KillAsync();
        await fixture.Api.StartAsync();
        await link.StartAsync();

        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).Status);
        using var page = await integrator.PageAsync(site.Id, queued.Query.Id, 1);
        Assert.Equal(42, page.RootElement[0].GetProperty("answer").GetInt32());
    }

    [Fact]
    public async Task What_was_executing_when_the_Link_was_killed_is_never_done_again()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var queued = await integrator.QueueAsync(site.Id, Sql.Endless("sqlite"));
        await Eventually.BecomesAsync(() => integrator.FindAsync(site.Id, queued.Query.Id), q => q.Status == QueryStatus.Executing);

        await link.Process.KillAsync();
        await link.StartAsync();

        var ended = await integrator.WhenFinalAsync(site.Id, queued.Query.Id);
        Assert.Equal(QueryStatus.ExecutionFailed, ended.Status);
        Assert.NotEqual(Executed.Yes, ended.Executed);
        await BothWaysWorkAsync(integrator, site.Id);
    }

    static async Task AfterTheApiWasKilledAsync(HaloFixture fixture)
    {
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await BothWaysWorkAsync(integrator, site.Id);

        await fixture.Api.Process.KillAsync();
        await fixture.Api.StartAsync();

        Assert.Equal(site.Id, (await link.WhenOnlineAsync())[0].Id);
        await BothWaysWorkAsync(integrator, site.Id);
    }

    static async Task BothWaysWorkAsync(IntegratorClient integrator, Guid site)
    {
        var answer = await integrator.ImmediateAsync(site, "SELECT 1 AS one");
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        var queued = await integrator.QueueAsync(site, "SELECT 2 AS two");
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        var query = await integrator.WhenFinalAsync(site, queued.Query.Id);
        Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");
    }
}
