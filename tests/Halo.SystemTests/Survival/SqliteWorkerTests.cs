using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary>The processes in which a Link queries SQLite belong to it: they never outlive it, and do not end before it.</summary>
public sealed class SqliteWorkerTests
{
    const int Sigterm = 15;
    const int Sigint = 2;
    const string Endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    [Fact]
    public async Task A_Link_that_is_killed_leaves_no_worker_behind_even_in_the_middle_of_a_statement()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Finds the workers in /proc.");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await integrator.QueueAsync(site.Id, Endless);
        await link.WhenAsyncRunAsync(1);
        var workers = Signals.ChildrenOf(link.Process.Id).ToArray();
        Assert.NotEmpty(workers);

        await link.Process.KillAsync();

        await Eventually.BecomesAsync(() => Task.FromResult(workers.Count(Signals.Exists)), left => left == 0);
    }

    [Fact]
    public async Task A_signal_to_the_whole_group_lets_the_Link_end_its_queries_in_order()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends signals.");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var queued = await integrator.QueueAsync(site.Id, Endless);
        await link.WhenAsyncRunAsync(1);
        var workers = Signals.ChildrenOf(link.Process.Id).ToArray();
        Assert.NotEmpty(workers);

        Assert.All(workers, w => Assert.True(Signals.Send(w, Sigint) && Signals.Send(w, Sigterm)));
        link.Process.Terminate();
        Assert.Equal(0, await link.Process.Exited);

        await link.StartAsync();
        Assert.Equal("LinkStopping", (await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).ErrorDetails?.Code);
        await Eventually.BecomesAsync(() => Task.FromResult(workers.Count(Signals.Exists)), left => left == 0);
    }
}
