using Halo.Api.Ledger.Events;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Events;
using Halo.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Events;

/// <summary>Integrators are told of their sites: what lasts of their coming and going, what becomes of them, and the right to query them.</summary>
public sealed class SiteEventTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(120)]
    [InlineData(1)]
    [InlineData(3600)]
    public async Task A_site_that_has_been_there_or_away_for_a_while_is_told_and_not_before(int seconds)
    {
        await using var practice = await WatchedPractice.CreateAsync(StoreKind.Sqlite, postgres, seconds);
        foreach (var (contact, type) in new[] { (SiteContact.Online, EventTypes.SiteOnline), (SiteContact.Offline, EventTypes.SiteOffline) })
        {
            var since = practice.Now;
            practice.Watch.Note([practice.SiteId], contact);
            await practice.PassAsync(TimeSpan.FromSeconds(seconds) - TimeSpan.FromMilliseconds(2));
            Assert.DoesNotContain(await practice.EventsAsync(), e => e.Type == type);
            await practice.PassAsync(TimeSpan.FromMilliseconds(4));
            var told = await Eventually.BecomesAsync(practice.EventsAsync, all => all.Any(e => e.Type == type));
            Assert.Equal((since, practice.SiteId), (told[^1].Show().Data.Since!.Value, told[^1].SiteId));
        }
        Assert.Equal(2, (await practice.EventsAsync()).Count);
    }

    [Theory, OnBothStores]
    public async Task What_comes_and_goes_is_not_told_and_who_stays_away_is_unreachable_since_the_beginning(StoreKind kind)
    {
        await using var practice = await WatchedPractice.CreateAsync(kind, postgres);
        practice.Watch.Note([practice.SiteId], SiteContact.Online);
        await practice.PassAsync(TimeSpan.FromSeconds(121));
        await practice.BecomeAsync(EventTypes.SiteOnline);
        for (var i = 0; i < 3; i++)
        {
            practice.Watch.Note([practice.SiteId], SiteContact.Lost);
            await practice.PassAsync(TimeSpan.FromSeconds(119));
            practice.Watch.Note([practice.SiteId], SiteContact.Online);
            await practice.PassAsync(TimeSpan.FromSeconds(100));
        }
        await practice.PassAsync(TimeSpan.FromSeconds(100));
        var lost = practice.Now;
        practice.Watch.Note([practice.SiteId], SiteContact.Lost);
        // As everybody who asks is told.
        await practice.PassAsync(TimeSpan.FromMinutes(2) - TimeSpan.FromMilliseconds(2));
        await practice.BecomeAsync(EventTypes.SiteOnline);
        await practice.PassAsync(TimeSpan.FromMilliseconds(4));
        Assert.Equal(lost, (await practice.BecomeAsync(EventTypes.SiteOnline, EventTypes.SiteUnreachable))[^1].Show().Data.Since);
        practice.Watch.Note([practice.SiteId], SiteContact.Online);
        await practice.PassAsync(TimeSpan.FromSeconds(121));
        await practice.BecomeAsync(EventTypes.SiteOnline, EventTypes.SiteUnreachable, EventTypes.SiteOnline);
    }

    [Theory, OnBothStores]
    public async Task After_a_restart_a_site_that_is_back_is_not_told_again_and_one_that_is_not_is_unreachable(StoreKind kind)
    {
        await using var practice = await WatchedPractice.CreateAsync(kind, postgres);
        var other = await practice.AddSiteAsync();
        practice.Watch.Note([practice.SiteId, other], SiteContact.Online);
        await practice.PassAsync(TimeSpan.FromSeconds(121));
        await practice.BecomeAsync(EventTypes.SiteOnline, EventTypes.SiteOnline);
        // Down for longer than any site may be silent.
        await practice.RestartAsync(TimeSpan.FromHours(1));
        var started = practice.Now;
        practice.Watch.Note([practice.SiteId], SiteContact.Online);
        await practice.PassAsync(TimeSpan.FromSeconds(121));
        var all = await practice.BecomeAsync(EventTypes.SiteOnline, EventTypes.SiteOnline, EventTypes.SiteUnreachable);
        Assert.Equal((other, started), (all[^1].SiteId, all[^1].Show().Data.Since!.Value));
    }

    [Fact]
    public async Task A_session_that_opens_and_closes_is_told_by_the_service()
    {
        await using var host = await ApiHost.StartAsync("Halo:Events:SiteStateAfterSeconds=0");
        await using var site = await PairedSite.CreateAsync(host);
        await Eventually.BecomesAsync(() => EventsAsync(host), all => all.Count > 0);
        await site.Link.LeaveAsync();
        var all = await Eventually.BecomesAsync(() => EventsAsync(host), all => all.Any(e => e.Type == EventTypes.SiteOffline));
        Assert.Equal(site.Link.SiteId, all[^1].SiteId);
    }

    [Theory, OnBothStores]
    public async Task Pairings_moves_and_new_versions_are_told_to_those_concerned(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var old = new SimulatedLink(host) { PmsId = "77", PmsVersion = "1.12" };
        await old.StartAsync();
        await using var next = new SimulatedLink(host) { PmsId = "77", MachineId = "machine-2" };
        await next.StartAsync();
        var (integrator, _, _) = await host.CreateIntegratorAsync();
        await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{integrator}/pairings/{old.SiteId}");
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{integrator}/pairings/{old.SiteId}");
        old.PmsVersion = "1.13";
        await old.ChangeAsync(new(Guid.NewGuid(), [old.Site]) { ConfiguredSites = [old.SiteId] });
        await old.ChangeAsync(new(Guid.NewGuid(), [old.Site]) { ConfiguredSites = [old.SiteId] });
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/sites/{next.SiteId}/authority", """{ "copyPairings": true }""");
        using (var unpaired = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{integrator}/pairings/{old.SiteId}", adminKey: ApiHost.AdminKey))
            unpaired.EnsureSuccessStatusCode();

        var all = (await EventsAsync(host)).Where(e => e.Type is not ("site.online" or "site.offline")).ToList();
        Assert.Equal(["pairing.created", "site.version", "pairing.created", "site.moved", "pairing.removed"], all.Select(e => e.Type));
        Assert.Equal([old.SiteId, old.SiteId, next.SiteId, next.SiteId, old.SiteId], all.Select(e => e.SiteId));
        Assert.Equal(new EventData { Version = "1.13", PreviousVersion = "1.12" }, all[1].Show().Data);
        Assert.Equal(old.SiteId, all[3].Show().Data.PreviousSiteId);
    }

    /// <summary>Of all integrators, in the order of their numbers.</summary>
    static async Task<List<StoredEvent>> EventsAsync(ApiHost host)
    {
        var integrators = await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators");
        var all = new List<StoredEvent>();
        foreach (var one in integrators.GetProperty("integrators").EnumerateArray())
            all.AddRange(await host.Services.GetRequiredService<EventReader>().AfterAsync(one.GetProperty("id").GetGuid(), 0));
        return all;
    }

    /// <summary>A practice whose integrator is told of its state, by a clock that the test moves.</summary>
    sealed class WatchedPractice : IAsyncDisposable
    {
        readonly TestStore _store;
        readonly Practice _practice;
        readonly ApiOptions _options;
        SiteDirectory _sites;

        WatchedPractice(TestStore store, Practice practice, ApiOptions options)
        {
            (_store, _practice, _options) = (store, practice, options);
            _sites = new(store.Database, options);
            Watch = new(store.Database, _sites, new(), options, store.Time, NullLogger<SiteStateWatch>.Instance);
        }

        public SiteStateWatch Watch { get; private set; }

        public Guid SiteId => _practice.SiteId;

        public DateTimeOffset Now => _store.Now;

        public static async Task<WatchedPractice> CreateAsync(StoreKind kind, SharedPostgres postgres, int seconds = 120)
        {
            var store = await TestStore.CreateAsync(kind, postgres);
            var options = ApiOptions.Read(new ConfigurationBuilder().Build());
            var made = new WatchedPractice(store, await Practice.CreateAsync(store), options with { Events = options.Events with { SiteStateAfterSeconds = seconds } });
            await made.StartAsync();
            return made;
        }

        public async Task<Guid> AddSiteAsync()
        {
            var site = await _practice.AddSiteAsync(await _practice.AddLinkAsync(), authoritative: false);
            await _store.RunAsync("INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@id, @site, 'operator', 0)", ("id", _practice.IntegratorId), ("site", site));
            await _sites.LoadAsync(default);
            return site;
        }

        /// <summary>Time goes by, and what falls due is done.</summary>
        public Task PassAsync(TimeSpan time)
        {
            _store.Time.Advance(time);
            return Watch.Round;
        }

        public async Task RestartAsync(TimeSpan away)
        {
            await Watch.DisposeAsync();
            _sites.Dispose();
            _store.Time.Advance(away);
            _sites = new(_store.Database, _options);
            Watch = new(_store.Database, _sites, new(), _options, _store.Time, NullLogger<SiteStateWatch>.Instance);
            await StartAsync();
        }

        public Task<List<StoredEvent>> EventsAsync() => new EventReader(_store.Database).AfterAsync(_practice.IntegratorId, 0);

        public Task<List<StoredEvent>> BecomeAsync(params string[] types) => Eventually.BecomesAsync(EventsAsync, all => all.Select(e => e.Type).SequenceEqual(types));

        public async ValueTask DisposeAsync()
        {
            await Watch.StopAsync(default);
            _sites.Dispose();
            await _store.DisposeAsync();
        }

        async Task StartAsync()
        {
            await _sites.LoadAsync(default);
            await Watch.LoadAsync();
            await Watch.StartAsync(default);
        }
    }
}
