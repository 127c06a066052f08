using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Configuration;

namespace Halo.Api.Tests.Links;

/// <summary>Readings of the store that overlap leave what stands there last, and what was heard since.</summary>
public class LinkDirectoryTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_reading_that_began_before_a_Link_was_revoked_does_not_bring_it_back()
    {
        // SQLite reads in place, so each reading has its row when its call returns.
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        var database = new HookedDatabase(store.Database);
        var links = new LinkDirectory(database, store.Time);
        await links.LoadAsync(TestContext.Current.CancellationToken);
        var end = new TaskCompletionSource();
        database.ReadingEnds = end.Task;
        var before = links.RefreshAsync(practice.LinkId);
        await store.RunAsync("UPDATE links SET status = 'revoked' WHERE id = @id", ("id", practice.LinkId));
        database.ReadingEnds = null;
        var after = links.RefreshAsync(practice.LinkId);
        end.SetResult();
        await Task.WhenAll(before, after);
        Assert.Equal(LinkStatus.Revoked, links.Find(practice.LinkId)!.Status);
    }

    [Theory, OnBothStores]
    public async Task A_reading_does_not_set_back_what_was_heard_and_is_not_stored_yet(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var database = new HookedDatabase(store.Database) { OnCommit = _ => new TaskCompletionSource<int>().Task };
        var links = new LinkDirectory(database, store.Time);
        var options = ApiOptions.Read(new ConfigurationBuilder().Build());
        using var sites = new SiteDirectory(database, options);
        await links.LoadAsync(TestContext.Current.CancellationToken);
        await sites.LoadAsync(TestContext.Current.CancellationToken);
        var registry = new SiteRegistry(database, sites, new(), options, store.Time);

        links.SeenAlso(practice.LinkId, new(Guid.NewGuid(), store.Now, store.Now));
        links.Heard(practice.LinkId, closedInOrder: true, heartbeat: new Heartbeat(store.Now, "26.1122.1", 1, new(0, 0, 0, 0), [], null, 0));
        registry.Heard([practice.SiteId], store.Now, [new(practice.SiteId, new DatabaseHealth(DatabaseStatus.Healthy))]);
        var (link, site) = (links.Find(practice.LinkId)!, sites.Find(practice.SiteId)!);
        await links.RefreshAsync(practice.LinkId);
        await sites.RefreshLinkAsync(practice.LinkId);

        var read = links.Find(practice.LinkId)!;
        Assert.Equal((store.Now, true, link.Heartbeat, link.AlsoSeen), (read.LastHeardAt!.Value, read.ClosedInOrder, read.Heartbeat, read.AlsoSeen));
        Assert.NotNull(read.AlsoSeen);
        var again = sites.Find(practice.SiteId)!;
        Assert.Equal((store.Now, store.Now, site.Database), (again.HeartbeatAt!.Value, again.ClientClockAt!.Value, again.Database));
        Assert.NotNull(again.Database);
    }

    [Theory, OnBothStores]
    public async Task A_Link_that_enrols_anew_as_it_expires_stays(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (back, gone) = (await practice.AddLinkAsync(), await practice.AddLinkAsync());
        await practice.AddSiteAsync(back, authoritative: false);
        var site = await practice.AddSiteAsync(gone, authoritative: false);
        await store.RunAsync("UPDATE links SET status = 'waiting' WHERE id IN (@back, @gone)", ("back", back), ("gone", gone));
        var links = new LinkDirectory(store.Database, store.Time);
        using var sites = new SiteDirectory(store.Database, ApiOptions.Read(new ConfigurationBuilder().Build()));
        await links.LoadAsync(TestContext.Current.CancellationToken);
        await sites.LoadAsync(TestContext.Current.CancellationToken);
        var waiting = new WaitingLinks(links, sites, store.Time);

        var expired = await store.Database.WriteAsync(waiting.ExpireAsync);
        Assert.Equal([back, gone], expired.Order());
        await practice.AddLinkAsync(back);
        var anew = await practice.AddSiteAsync(back, authoritative: false);
        await links.RefreshAsync(back);
        await sites.RefreshLinkAsync(back);
        await waiting.ForgetAsync(expired);

        Assert.NotNull(links.Find(back));
        Assert.Equal([anew], sites.OfLink(back).Select(s => s.Id));
        Assert.Null(links.Find(gone));
        Assert.Null(sites.Find(site));
        Assert.Empty(sites.OfLink(gone));
    }
}
