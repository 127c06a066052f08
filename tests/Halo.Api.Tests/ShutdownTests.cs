using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.LinkProtocol;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests;

/// <summary>What the service writes while it stops is there at its next start.</summary>
public class ShutdownTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Links_that_stop_as_the_service_stops_are_offline_after_it_and_their_next_runs_need_not_wait(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        var links = new List<SimulatedLink>();
        await using (var before = await ApiHost.StartAsync(store.Settings))
        {
            for (var i = 0; i < 8; i++)
            {
                links.Add(new SimulatedLink(before) { PmsId = $"{i}" });
                await links[^1].StartAsync();
            }
            // All have said that they go; the service stops before it has read all of it.
            await Task.WhenAll(links.Select(l => l.Line.CloseAsync(LineCloseReason.LinkStopping)));
        }
        await using var after = await ApiHost.StartAsync(store.Settings);
        foreach (var link in links)
        {
            Assert.Equal("offline", (await after.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("availability").GetString());
            var read = await after.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}/availability");
            Assert.Equal("offline", read.GetProperty("intervals").EnumerateArray().Last().GetProperty("availability").GetString());
            // A run that knows nothing of the one before.
            await using var next = link.Clone(after);
            await next.ConnectAsync();
            await link.DisposeAsync();
        }
    }

    [Theory, OnBothStores]
    public async Task Links_that_the_service_sends_away_keep_their_place_and_are_not_offline(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        await using var before = await ApiHost.StartAsync(store.Settings);
        await using var link = new SimulatedLink(before);
        await link.StartAsync();
        await before.DisposeAsync();
        Assert.Equal(LineCloseReason.ApiStopping, await link.EndAsync());

        await using var after = await ApiHost.StartAsync(store.Settings);
        var read = await after.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}/availability");
        Assert.NotEqual("offline", read.GetProperty("intervals").EnumerateArray().Last().GetProperty("availability").GetString());
        var sessions = after.Services.GetRequiredService<Halo.Api.Links.Sessions.LinkSessions>();
        using var impatient = new CancellationTokenSource();
        var another = sessions.LetEarlierRunFirstAsync(link.LinkId, Guid.NewGuid(), [], impatient.Token);
        Assert.False(another.IsCompleted);
        await impatient.CancelAsync();
        Assert.False(await another);
        Assert.True(await sessions.LetEarlierRunFirstAsync(link.LinkId, link.RunId, [], default));
    }
}
