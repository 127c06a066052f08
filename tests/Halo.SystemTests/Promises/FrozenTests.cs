using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>The Link stops within five seconds, whatever hangs.</summary>
[Collection(nameof(Alone))]
public sealed class FrozenTests
{
    static readonly TimeSpan Promise = TimeSpan.FromSeconds(5 + 2);

    [Fact]
    public async Task The_Link_stops_while_its_database_is_frozen()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await server.CreateDatabaseAsync()));
        var queued = (await integrator.QueueAsync(site.Id, "SELECT pg_sleep(300)")).Query.Id;
        var immediate = integrator.ImmediateAsync(site.Id, "SELECT pg_sleep(300)");
        await link.WhenAsyncRunAsync(1);
        server.Freeze();
        try
        {
            await StopsAsync(link);
            await immediate;
        }
        finally
        {
            server.Thaw();
        }
        await link.StartAsync();
        Assert.NotNull((await integrator.WhenFinalAsync(site.Id, queued)).Executed);
    }

    [Fact]
    public async Task The_Link_stops_while_the_API_is_frozen_and_pages_are_on_their_way()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 100_000;
        var queued = (await world.Integrator.QueueAsync(world.Site.Id, Sql.Generated("sqlite", 60_000))).Query.Id;
        await Eventually.BecomesAsync(() => world.Integrator.FindAsync(world.Site.Id, queued), q => q.Status == QueryStatus.Uploading);
        world.Fixture.Api.Process.Pause();
        await StopsAsync(world.Link);
        world.Fixture.Api.Process.Continue();
        world.Line.Up.BytesPerSecond = 0;
        await world.Link.StartAsync();
        Assert.Equal(QueryStatus.Successful, (await world.Integrator.WhenFinalAsync(world.Site.Id, queued)).Status);
    }

    static async Task StopsAsync(LinkProgram link)
    {
        link.Process.Terminate();
        if (await Task.WhenAny(link.Process.Exited, Task.Delay(Promise)) != link.Process.Exited)
            Assert.Fail($"Still there {Promise.TotalSeconds} s after SIGTERM. It wrote:\n{link.Process.Output}");
        Assert.True(await link.Process.Exited == 0, link.Process.Output);
    }
}
