using System.Net;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Disk;

/// <summary>Disks that become read-only under the running programs.</summary>
public sealed class ReadOnlyDiskTests
{
    [Fact]
    public async Task A_Link_on_a_read_only_disk_refuses_async_queries_with_the_reason_answers_immediate_ones_and_stops_in_order()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        using var disk = BreakableDisk.Mount(link.DataDirectory);
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        var running = (await integrator.QueueAsync(site.Id, Sql.Endless("sqlite"))).Query.Id;
        await link.WhenAsyncRunAsync(1);

        disk.Break();
        for (var i = 0; i < 3; i++)
        {
            var refused = await EndAsync(integrator, site, "SELECT 1");
            Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, "LinkError"), (refused.Status, refused.Executed, refused.ErrorDetails!.Code));
            Assert.Contains("disk", refused.ErrorDetails.ErrorMessage, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        }
        // One line for the whole streak.
        Assert.Single(link.Process.Lines, l => l.Contains("The journal cannot be used", StringComparison.Ordinal));
        link.Process.Terminate();
        Assert.Equal(0, await link.Process.Exited.WaitAsync(Eventually.Limit));

        disk.Mend();
        await link.StartAsync();
        Assert.Equal(QueryStatus.ExecutionFailed, (await integrator.WhenFinalAsync(site.Id, running)).Status);
        Assert.Equal(QueryStatus.Successful, (await EndAsync(integrator, site, Sql.Generated("sqlite", 2000))).Status);
        await link.Process.KillAsync();
    }

    [Fact]
    public async Task An_API_on_a_read_only_disk_says_so_accepts_nothing_and_has_lost_nothing_when_it_is_mended()
    {
        await using var fixture = HaloFixture.Create(("Halo__Disk__MinFreeBytes", "0"), ("Halo__Disk__MinFreePercent", "0"));
        using var disk = BreakableDisk.Mount(fixture.Api.DataDirectory);
        await fixture.Api.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        link.Process.Pause();
        var accepted = await integrator.QueueAsync(site.Id, Sql.Generated("sqlite", 2000));
        Assert.Equal(HttpStatusCode.Created, accepted.Status);

        disk.Break();
        var refused = await integrator.QueueAsync(site.Id, "SELECT 1");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "ServiceUnavailable"), (refused.Status, refused.Error.Code));
        Assert.NotNull(refused.Headers.RetryAfter);
        using (var ready = await fixture.Api.Admin.GetAsync(new Uri("health/ready", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
            Assert.Contains("\"store\"", await ready.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        fixture.Api.Process.Terminate();
        Assert.Equal(0, await fixture.Api.Process.Exited.WaitAsync(Eventually.Limit));
        await using (var again = fixture.Api.Launch())
        {
            Assert.Equal(2, await again.Exited.WaitAsync(Eventually.Limit));
            Assert.Contains("cannot be written", again.Output, StringComparison.Ordinal);
        }

        disk.Mend();
        await fixture.Api.StartAsync();
        link.Process.Continue();
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, accepted.Query.Id)).Status);
        Assert.Equal("ok", Backup.BackupHouse.Integrity(Path.Combine(fixture.Api.DataDirectory, "halo.db")));
        await fixture.Api.Process.KillAsync();
    }

    static async Task<Query> EndAsync(IntegratorClient integrator, Site site, string sql)
    {
        var queued = await integrator.QueueAsync(site.Id, sql);
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        return await integrator.WhenFinalAsync(site.Id, queued.Query.Id);
    }
}
