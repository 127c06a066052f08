using Halo.Api.Results.Formats;
using Halo.Api.Settings;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol;
using Halo.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Sites.State;

public class AvailabilityHistoryTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_lost_session_is_online_for_two_minutes_more_and_an_orderly_end_is_offline_at_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var site = (await Practice.CreateAsync(store)).SiteId;
        await using var history = await StartAsync(store);
        var start = store.Now;
        history.Note([site], SiteContact.Online);
        await PassAsync(store, 10);
        history.Note([site], SiteContact.Lost);
        await PassAsync(store, 1);
        history.Note([site], SiteContact.Online);
        await PassAsync(store, 9);
        history.Note([site], SiteContact.Lost);
        await PassAsync(store, 5);
        history.Note([site], SiteContact.Online);
        await PassAsync(store, 10);
        history.Note([site], SiteContact.Offline);
        await PassAsync(store, 5);
        var report = await history.ReadAsync(site, start, store.Now);
        Assert.Equal(["Online 0-22", "Unreachable 22-25", "Online 25-35", "Offline 35-40"], Text(report, start));
        Assert.Equal(80, report.UptimePercent);
        Assert.Equal(["Online 30-35", "Offline 35-38"], Text(await history.ReadAsync(site, start.AddMinutes(30), start.AddMinutes(38)), start));
    }

    [Theory, OnBothStores]
    public async Task What_the_service_slept_through_is_unknown_and_counts_for_nothing_also_after_a_kill(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var other = await practice.AddSiteAsync(practice.LinkId, authoritative: false);
        var gone = await practice.AddSiteAsync(practice.LinkId, authoritative: false);
        var start = store.Now;
        // Never stopped: a process that was killed says nothing more.
        var killed = await StartAsync(store);
        killed.Note([practice.SiteId, other, gone], SiteContact.Online);
        await PassAsync(store, 5);
        killed.Note([other], SiteContact.Offline);
        killed.Note([gone], SiteContact.Lost);
        for (var i = 0; i < 5; i++)
            await PassAsync(store, 1);
        await killed.DisposeAsync();
        await PassAsync(store, 10);

        await using var next = await StartAsync(store);
        Assert.Equal(start.AddMinutes(10), next.DownSince);
        await PassAsync(store, 1);
        next.Note([practice.SiteId], SiteContact.Online);
        await PassAsync(store, 4);
        var report = await next.ReadAsync(practice.SiteId, start, store.Now);
        Assert.Equal(["Online 0-10", "Unknown 10-20", "Online 20-25"], Text(report, start));
        Assert.Equal(100, report.UptimePercent);
        Assert.Equal(["Online 0-5", "Offline 5-10", "Unknown 10-20", "Offline 20-25"], Text(await next.ReadAsync(other, start, store.Now), start));
        Assert.Equal(["Online 0-7", "Unreachable 7-10", "Unknown 10-20", "Unreachable 20-25"], Text(await next.ReadAsync(gone, start, store.Now), start));
        // Its session was there when the service went down, and did not come back.
        Assert.Equal(["Online 20-22", "Unreachable 22-23"], Text(AvailabilityReport.Of(
            [new(start, SiteContact.Online)], [(start, start.AddMinutes(10)), (start.AddMinutes(20), start.AddMinutes(23))], start.AddMinutes(20), start.AddMinutes(23), TimeSpan.FromMinutes(2)), start));
    }

    [Theory, OnBothStores]
    public async Task After_a_kill_the_last_thing_heard_says_when_it_ended(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await using (await StartAsync(store))
            await PassAsync(store, 1);
        store.Time.Advance(TimeSpan.FromSeconds(50));
        await store.RunAsync("UPDATE links SET last_heard_at = @now WHERE id = @id", ("now", store.Now.Ms()), ("id", practice.LinkId));
        var heard = store.Now;
        store.Time.Advance(TimeSpan.FromMinutes(3));
        await using var next = await StartAsync(store);
        Assert.Equal(heard, next.DownSince);
    }

    [Theory, OnBothStores]
    public async Task What_is_older_than_the_setting_goes_but_how_it_was_then_is_still_known(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var site = (await Practice.CreateAsync(store)).SiteId;
        await using (var first = await StartAsync(store, days: 10))
        {
            for (var i = 0; i < 4; i++)
            {
                first.Note([site], i % 2 == 0 ? SiteContact.Online : SiteContact.Offline);
                await PassAsync(store, 24 * 60);
            }
            await first.StopAsync();
        }
        store.Time.Advance(TimeSpan.FromDays(8));
        await using var next = await StartAsync(store, days: 10);
        Assert.Equal(2, await store.CountAsync("SELECT COUNT(*) FROM site_contacts"));
        var from = store.Now.AddDays(-10);
        Assert.Equal([PastAvailability.Online, PastAvailability.Offline, PastAvailability.Unknown],
            (await next.ReadAsync(site, from, store.Now)).Intervals.Select(i => i.Availability));
    }

    [Theory, OnBothStores]
    public async Task An_operator_reads_intervals_and_uptime_across_a_restart_of_the_service(StoreKind kind)
    {
        var store = await RestartableStore.CreateAsync(kind, postgres);
        await using var disposing = store;
        Guid siteId;
        await using (var before = await ApiHost.StartAsync(store.Settings))
        {
            await using var link = new SimulatedLink(before);
            await link.StartAsync();
            siteId = link.SiteId;
            await link.LeaveAsync(LineCloseReason.LinkStopping);
            await Until.TrueAsync(async () =>
                (await before.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{siteId}")).GetProperty("availability").GetString() == "offline");
        }
        await using var after = await ApiHost.StartAsync(store.Settings);
        var read = await after.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{siteId}/availability");
        var words = string.Join(' ', read.GetProperty("intervals").EnumerateArray().Select(i => i.GetProperty("availability").GetString()));
        Assert.EndsWith("offline unknown offline", words, StringComparison.Ordinal);
        Assert.True(read.GetProperty("uptimePercent").GetDouble() < 100);
        using var wrong = await after.SendAsync(HttpMethod.Get, $"/admin/v1/sites/{siteId}/availability?from=yesterday", adminKey: ApiHost.AdminKey);
        await wrong.ErrorAsync(400);
    }

    static async Task<AvailabilityHistory> StartAsync(TestStore store, int days = 400)
    {
        var options = ApiOptions.Read(new ConfigurationBuilder().Build()) with { AvailabilityDays = days };
        // Nobody is told: it is not started.
        var states = new SiteStateWatch(store.Database, new(store.Database, options), new(), options, store.Time, NullLogger<SiteStateWatch>.Instance);
        var history = new AvailabilityHistory(store.Database, states, options, store.Time);
        await history.StartAsync();
        return history;
    }

    /// <summary>Minutes go by; what was to be written meanwhile is written, in its order.</summary>
    static async Task PassAsync(TestStore store, int minutes)
    {
        store.Time.Advance(TimeSpan.FromMinutes(minutes));
        await store.Database.CommitAsync(new Statement("UPDATE links SET updated_at = updated_at"));
    }

    static IEnumerable<string> Text(AvailabilityReport report, DateTimeOffset start) =>
        report.Intervals.Select(i => $"{i.Availability} {(i.From - start).TotalMinutes:0.##}-{(i.To - start).TotalMinutes:0.##}");
}
