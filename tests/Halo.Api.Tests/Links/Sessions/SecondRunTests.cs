using System.Text.Json;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Links.Sessions;

public class SecondRunTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_refused_second_run_is_shown_to_the_operator(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var live = new SimulatedLink(host);
        await live.StartAsync();
        await using var clone = live.Clone();
        await SayHelloAsync(clone);
        Assert.Equal(LineCloseReason.AlreadyConnected, await clone.EndAsync());
        var seen = Assert.Single((await host.AdminAsync(HttpMethod.Get, "/admin/v1/links")).GetProperty("links").EnumerateArray()).GetProperty("alsoSeen");
        Assert.Equal(clone.RunId, seen.GetProperty("runId").GetGuid());
        Assert.Equal("127.0.0.1", seen.GetProperty("address").GetString());

        // The first is stopped, the second takes over: there is one again.
        await live.LeaveAsync();
        await clone.ConnectAsync();
        await Until.TrueAsync(async () => !(await LinkAsync(host, live.LinkId)).TryGetProperty("alsoSeen", out _));
    }

    [Theory, OnBothStores]
    public async Task After_a_restart_of_the_API_the_run_that_held_the_session_goes_first_and_the_clone_is_refused(StoreKind kind)
    {
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        var before = await ApiHost.StartAsync(store.Settings);
        await using var old = new SimulatedLink(before);
        await old.StartAsync();
        await before.DisposeAsync();

        await using var host = await ApiHost.StartAsync(store.Settings);
        await using var clone = old.Clone(host);
        await SayHelloAsync(clone);
        await WaitsAsync(host);
        await using var live = old.Clone(host);
        live.RunId = old.RunId;
        await live.ConnectAsync();
        Assert.Equal(LineCloseReason.AlreadyConnected, await clone.EndAsync());
        Assert.Equal(clone.RunId, (await LinkAsync(host, old.LinkId)).GetProperty("alsoSeen").GetProperty("runId").GetGuid());
    }

    [Fact]
    public async Task A_new_run_gets_in_when_the_earlier_one_does_not_come_back()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        var before = await ApiHost.StartAsync(store.Settings);
        await using var old = new SimulatedLink(before);
        await old.StartAsync();
        await before.DisposeAsync();

        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time, store.Settings);
        await using var fresh = old.Clone(host);
        // The run that was connected may be waiting between two attempts: it has as long as Links have to come back.
        for (var waited = TimeSpan.Zero; waited + LinkSessions.LongestWait < new LivenessOptions().ReturnWithin; waited += LinkSessions.LongestWait)
        {
            await SayHelloAsync(fresh);
            await WaitsAsync(host);
            time.Advance(LinkSessions.LongestWait);
            Assert.Equal(LineCloseReason.PlaceKept, await fresh.EndAsync());
        }
        time.Advance(LinkSessions.LongestWait);
        await fresh.ConnectAsync();
    }

    [Fact]
    public async Task A_Link_that_is_revoked_while_its_Hello_waits_gets_no_session()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        var before = await ApiHost.StartAsync(store.Settings);
        await using var old = new SimulatedLink(before);
        await old.StartAsync();
        await before.DisposeAsync();

        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time, store.Settings);
        await using var fresh = old.Clone(host);
        time.Advance(new LivenessOptions().ReturnWithin - LinkSessions.LongestWait / 2);
        await SayHelloAsync(fresh);
        await WaitsAsync(host);
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{old.LinkId}/revoke");
        time.Advance(LinkSessions.LongestWait / 2);
        Assert.Equal(LineCloseReason.Revoked, await fresh.EndAsync());
        await Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<LinkSessions>().Find(old.LinkId) is null));
    }

    [Fact]
    public async Task A_restarted_run_of_the_same_Link_takes_its_place_at_once()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        var before = await ApiHost.StartAsync(store.Settings);
        await using var old = new SimulatedLink(before);
        await old.StartAsync();
        await before.DisposeAsync();

        // A clock that stands still: whoever waited would wait for ever.
        await using var host = await ApiHost.StartAsync(new ManualTime(DateTimeOffset.UtcNow), store.Settings);
        await using var fresh = old.Clone(host);
        await fresh.ConnectAsync(fresh.Hello() with { RunsBefore = [Guid.NewGuid(), old.RunId] });
    }

    [Fact]
    public async Task A_Link_that_stopped_before_the_API_did_does_not_wait()
    {
        await using var store = await RestartableStore.CreateAsync(StoreKind.Sqlite, postgres);
        var before = await ApiHost.StartAsync(store.Settings);
        await using var old = new SimulatedLink(before);
        await old.StartAsync();
        await old.LeaveAsync();
        await Until.TrueAsync(async () => !(await LinkAsync(before, old.LinkId)).GetProperty("connected").GetBoolean());
        await before.DisposeAsync();

        // A clock that stands still: whoever waited would wait for ever.
        await using var host = await ApiHost.StartAsync(new ManualTime(DateTimeOffset.UtcNow), store.Settings);
        await using var fresh = old.Clone(host);
        await fresh.ConnectAsync();
    }

    [Theory]
    [InlineData(-30)]
    [InlineData(30)]
    public async Task A_clock_at_the_clinic_that_is_days_wrong_locks_nobody_out(int days)
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync();
        Assert.True(enrolled.IsSuccessStatusCode);
        await link.ConnectAsync(link.Hello() with { ClockUtc = DateTimeOffset.UtcNow.AddDays(days) });
        var site = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}");
        Assert.Equal("online", site.GetProperty("availability").GetString());
        Assert.Equal(days, Math.Round(TimeSpan.FromMilliseconds(site.GetProperty("clockDriftMs").GetInt64()).TotalDays));
    }

    [Fact]
    public async Task A_session_that_is_open_for_days_and_renewed_never_loses_its_right()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        // Steps short enough for signs of life; the token is renewed at two thirds of its ten minutes.
        for (var step = 1; step <= 26 * 60 * 4; step++)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            if (step % 26 == 0)
                await link.RenewAsync();
            Assert.Empty(await link.ClaimAsync(0));
        }
        Assert.False(link.Line.Dead.IsCancellationRequested);
        Assert.Equal("online", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("availability").GetString());

        await link.RenewAsync();
        Assert.Empty(await link.ClaimAsync(0));
        // Without a renewal it ends when the last token does.
        for (var step = 0; step < 39; step++)
        {
            time.Advance(TimeSpan.FromSeconds(15));
            Assert.Empty(await link.ClaimAsync(0));
        }
        time.Advance(TimeSpan.FromSeconds(15));
        Assert.Equal(LineCloseReason.TokenExpired, await link.EndAsync());
    }

    static async Task SayHelloAsync(SimulatedLink link)
    {
        await link.OpenAsync();
        await link.Line.SendAsync(FrameKind.Hello, Guid.Empty, link.Hello(), ProtocolJson.Default.Hello);
    }

    static Task WaitsAsync(ApiHost host) =>
        Until.TrueAsync(() => Task.FromResult(host.Services.GetRequiredService<LinkSessions>().WaitingRuns == 1));

    static Task<JsonElement> LinkAsync(ApiHost host, Guid id) => host.AdminAsync(HttpMethod.Get, $"/admin/v1/links/{id}");
}
