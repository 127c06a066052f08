using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Disk;

/// <summary>Disks that fill up under the real programs, and are emptied again.</summary>
public sealed class FullDiskTests
{
    const int MiB = 1024 * 1024;

    [Fact]
    public async Task An_API_whose_disk_is_nearly_full_refuses_new_async_work_alone_and_takes_it_again_by_itself()
    {
        await using var fixture = HaloFixture.Create(("Halo__Disk__MinFreeBytes", $"{8 * MiB}"), ("Halo__Disk__MinFreePercent", "0"));
        using var disk = SmallDisk.Mount(fixture.Api.DataDirectory, 32);
        await fixture.Api.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        Assert.Equal(QueryStatus.Successful, (await ExportAsync(integrator, site)).Status);
        Assert.Equal("ready", await ReadyAsync(fixture));

        disk.Leave(6 * MiB);
        await Eventually.BecomesAsync(() => ReadyAsync(fixture), status => status == "degraded");
        var refused = await integrator.QueueAsync(site.Id, "SELECT 1");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "StorageFull"), (refused.Status, refused.Error.Code));
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);

        disk.Clear();
        await Eventually.BecomesAsync(() => ReadyAsync(fixture), status => status == "ready");
        Assert.Equal(QueryStatus.Successful, (await ExportAsync(integrator, site)).Status);
        await StopAsync(fixture);
    }

    [Fact]
    public async Task An_API_whose_disk_is_full_to_the_last_byte_says_so_and_goes_on_when_there_is_room()
    {
        await using var fixture = HaloFixture.Create(("Halo__Disk__MinFreeBytes", "0"), ("Halo__Disk__MinFreePercent", "0"));
        using var disk = SmallDisk.Mount(fixture.Api.DataDirectory, 32);
        await fixture.Api.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        disk.Leave(0);
        // The store's log has room of its own for a while; then each write fails, and its caller is told.
        var answer = await Eventually.BecomesAsync(() => integrator.QueueAsync(site.Id, $"SELECT '{new string('x', 100_000)}'"), a => a.Status != HttpStatusCode.Created);
        Assert.True((int)answer.Status >= 500, answer.ToString());
        Assert.False(fixture.Api.Process.HasExited, fixture.Api.Process.Output);

        disk.Clear();
        await Eventually.BecomesAsync(() => integrator.QueueAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.Created);
        Assert.Equal(QueryStatus.Successful, (await ExportAsync(integrator, site)).Status);
        await fixture.Api.Process.KillAsync();
        Assert.Equal("ok", Backup.BackupHouse.Integrity(Path.Combine(fixture.Api.DataDirectory, "halo.db")));
        await StopAsync(fixture);
    }

    [Fact]
    public async Task An_API_without_room_for_pages_lets_Links_keep_them_until_there_is()
    {
        await using var fixture = HaloFixture.Create(("Halo__Disk__MinFreeBytes", $"{16 * MiB}"), ("Halo__Disk__MinFreePercent", "0"));
        using var disk = SmallDisk.Mount(fixture.Api.DataDirectory, 48);
        await fixture.Api.StartAsync();
        // What the Link waits between two tries, 30 s at the longest, is made short.
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()), new JsonObject { ["upload"] = new JsonObject { ["longestWaitMs"] = 1000 } });
        link.Process.Terminate();
        await link.Process.Exited;
        var queued = await integrator.QueueAsync(site.Id, Sql.Generated("sqlite", 2000));
        Assert.Equal(HttpStatusCode.Created, queued.Status);

        disk.Leave(6 * MiB);
        await link.LaunchAsync();
        await link.Process.WaitForLineAsync(line => line.Contains("Pages cannot be delivered now (503)", StringComparison.Ordinal));
        disk.Clear();
        var ended = await integrator.WhenFinalAsync(site.Id, queued.Query.Id);
        Assert.Equal(QueryStatus.Successful, ended.Status);
        var rows = JsonNode.Parse((await integrator.GetAsync($"integrator/sites/{site.Id}/queries/{queued.Query.Id}/results")).Body)!.AsArray();
        Assert.Equal(2000, rows.Count);
        await StopAsync(fixture);
    }

    [Fact]
    public async Task A_Link_whose_disk_is_full_fails_async_queries_with_the_reason_and_answers_immediate_ones()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        using var disk = SmallDisk.Mount(link.DataDirectory, 16);
        var site = (await link.StartAsync())[0];
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        Assert.Equal(QueryStatus.Successful, (await ExportAsync(integrator, site)).Status);

        disk.Leave(0);
        var failed = await Eventually.BecomesAsync(() => ExportAsync(integrator, site), q => q.Status != QueryStatus.Successful);
        Assert.True(failed.Status is QueryStatus.ExecutionFailed or QueryStatus.UploadFailed, $"{failed.Status}: {failed.ErrorDetails}");
        Assert.True(failed.ErrorDetails?.Code is "SpoolFull" or "LinkError", $"{failed.ErrorDetails}");
        Assert.NotNull(failed.Executed);
        for (var i = 0; i < 5; i++)
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);

        disk.Clear();
        await Eventually.BecomesAsync(() => ExportAsync(integrator, site), q => q.Status == QueryStatus.Successful);
        await link.Process.KillAsync();
    }

    static async Task<Query> ExportAsync(IntegratorClient integrator, Site site)
    {
        var queued = await integrator.QueueAsync(site.Id, Sql.Generated("sqlite", 2000));
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        return await integrator.WhenFinalAsync(site.Id, queued.Query.Id);
    }

    static async Task<string> ReadyAsync(HaloFixture fixture)
    {
        using var response = await fixture.Api.Admin.GetAsync(new Uri("health/ready", UriKind.Relative));
        return JsonNode.Parse(await response.Content.ReadAsStringAsync())!["status"]!.GetValue<string>();
    }

    /// <summary>Nothing may use the disk when it goes.</summary>
    static async Task StopAsync(HaloFixture fixture) => await fixture.Api.Process.KillAsync();
}
