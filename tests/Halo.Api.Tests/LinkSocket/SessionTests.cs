using System.Net.WebSockets;
using System.Text;
using Halo.Api.Links.Sessions;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.LinkSocket;

public class SessionTests
{
    [Fact]
    public async Task A_second_run_is_refused_while_the_first_answers()
    {
        await using var host = await ApiHost.StartAsync();
        await using var live = new SimulatedLink(host);
        await live.StartAsync();
        var clone = live;
        var first = live.Line;
        await clone.OpenAsync();
        var second = clone.Line;
        await second.SendAsync(FrameKind.Hello, Guid.Empty, live.Hello() with { RunId = Guid.NewGuid() }, ProtocolJson.Default.Hello);
        Assert.Equal(LineCloseReason.AlreadyConnected, await clone.EndAsync());
        Assert.False(first.Dead.IsCancellationRequested);
        first.Abort("test");
    }

    [Fact]
    public async Task Two_runs_that_say_hello_at_once_become_one_session()
    {
        await using var host = await ApiHost.StartAsync();
        var sessions = host.Services.GetRequiredService<LinkSessions>();
        await using var original = new SimulatedLink(host);
        using var enrolled = await original.EnrolAsync();
        for (var round = 0; round < 20; round++)
        {
            await using var one = original.Clone();
            await using var two = original.Clone();
            await Task.WhenAll(one.OpenAsync(), two.OpenAsync());
            SimulatedLink[] runs = [one, two];
            await Task.WhenAll(runs.Select(r => r.Line.SendAsync(FrameKind.Hello, Guid.Empty, r.Hello(), ProtocolJson.Default.Hello).AsTask()));
            var loser = await await Task.WhenAny(runs.Select(async r => (Run: r, Reason: await r.EndAsync())));
            Assert.Equal(LineCloseReason.AlreadyConnected, loser.Reason);
            var winner = runs.Single(r => r != loser.Run);
            await winner.ExpectAsync(FrameKind.Welcome);
            Assert.Empty(await winner.ClaimAsync());
            Assert.Equal(winner.RunId, sessions.Find(original.LinkId)!.RunId);
            await winner.BreakAsync();
            await Until.TrueAsync(() => Task.FromResult(sessions.Find(original.LinkId) is null));
        }
    }

    [Fact]
    public async Task A_line_without_a_hello_is_dropped_after_ten_seconds_and_a_session_is_not()
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time);
        await using var connected = new SimulatedLink(host);
        await connected.StartAsync();
        await using var silent = connected.Clone();
        await silent.OpenAsync();
        var seconds = 0;
        await Until.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            seconds++;
            return Task.FromResult(silent.Line.Dead.IsCancellationRequested);
        });
        Assert.True(seconds >= 10, $"dropped after {seconds} s");
        Assert.Null(await silent.EndAsync());
        Assert.Empty(await connected.ClaimAsync(0));
    }

    [Fact]
    public async Task A_new_session_of_the_same_run_replaces_the_old_one()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var old = link.Line;
        await link.ConnectAsync();
        await Until.TrueAsync(() => Task.FromResult(old.Dead.IsCancellationRequested));
        Assert.Equal(LineCloseReason.Replaced, old.CloseReason);
    }

    [Fact]
    public async Task Revocation_closes_the_session_at_once_and_opens_no_other()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{link.LinkId}/revoke");
        Assert.Equal(LineCloseReason.Revoked, await link.EndAsync());
        using var refused = await link.AskTokenAsync(link.Assertion(await link.NonceAsync()));
        await refused.ErrorAsync(401);
        using var enrolled = await link.EnrolAsync();
        var error = await enrolled.ErrorAsync(403);
        Assert.Equal(ErrorCodes.LinkRevoked, error.Code);
        Assert.Contains("operator", error.Message, StringComparison.Ordinal);
        // Nobody waits two minutes for it.
        await Until.TrueAsync(async () =>
            (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")).GetProperty("availability").GetString() == "offline");
    }

    [Fact]
    public async Task Kinds_that_a_newer_link_knows_are_ignored()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.Line.SendAsync((FrameKind)0x7F, Guid.NewGuid(), "new"u8.ToArray());
        await link.Line.SendAsync((FrameKind)0xFE, Guid.Empty, "new"u8.ToArray());
        Assert.Empty(await link.ClaimAsync());
    }

    [Theory]
    [InlineData(FrameKind.Heartbeat, "{ rubbish")]
    [InlineData(FrameKind.Heartbeat, "null")]
    [InlineData(FrameKind.Heartbeat, "{}")]
    [InlineData(FrameKind.Farewell, """{"immediates":null}""")]
    [InlineData(FrameKind.Report, "null")]
    [InlineData(FrameKind.Outcome, "null")]
    [InlineData(FrameKind.Columns, "[]")]
    [InlineData(FrameKind.Answer, "x")]
    [InlineData(FrameKind.SiteChanges, """{"sites":[null]}""")]
    [InlineData(FrameKind.ConfigurationAck, """{"refused":[null]}""")]
    [InlineData(FrameKind.Renew, "[[[[[[")]
    [InlineData(FrameKind.Execute, "{}")]
    public async Task A_message_that_cannot_be_read_is_ignored_and_the_session_goes_on(FrameKind kind, string message)
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.Line.SendAsync(kind, Guid.NewGuid(), Encoding.UTF8.GetBytes(message));
        Assert.Empty(await link.ClaimAsync());
        Assert.False(link.Line.Dead.IsCancellationRequested);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{ rubbish")]
    [InlineData("""{"sites":[null]}""")]
    public async Task A_Hello_that_cannot_be_read_ends_the_line(string hello)
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync();
        await link.OpenAsync();
        await link.Line.SendAsync(FrameKind.Hello, Guid.Empty, Encoding.UTF8.GetBytes(hello));
        Assert.Equal(LineCloseReason.ProtocolError, await link.EndAsync());
    }

    [Fact]
    public async Task One_link_more_than_may_be_connected_is_told_to_come_later()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:LinkConnections=10");
        var links = Enumerable.Range(0, 11).Select(_ => new SimulatedLink(host)).ToList();
        try
        {
            foreach (var link in links)
                (await link.EnrolAsync()).Dispose();
            foreach (var link in links[..10])
                await link.ConnectAsync(link.Hello());
            var refused = await Assert.ThrowsAsync<WebSocketException>(links[10].OpenAsync);
            Assert.Contains("503", refused.Message, StringComparison.Ordinal);
            await links[0].BreakAsync();
            await Until.TrueAsync(async () =>
            {
                try
                {
                    await links[10].ConnectAsync(links[10].Hello());
                    return true;
                }
                catch (WebSocketException)
                {
                    return false;
                }
            });
        }
        finally
        {
            foreach (var link in links)
                await link.DisposeAsync();
        }
    }

    [Fact]
    public async Task Work_before_hello_ends_the_session()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync();
        await link.OpenAsync();
        await link.Line.SendAsync(FrameKind.ClaimRequest, Guid.Empty, new ClaimRequest(1), ProtocolJson.Default.ClaimRequest);
        Assert.Equal(LineCloseReason.ProtocolError, await link.EndAsync());
    }

    [Fact]
    public async Task Another_database_or_machine_waits_for_the_operator()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.BreakAsync();
        var welcome = await link.ConnectAsync(link.Hello() with { MachineId = "another" });
        Assert.False(Assert.Single(welcome.Sites).Confirmed);
        var key = await host.CreatePairedAsync(link.SiteId);
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", """{ "sqlQuery": "SELECT 1" }""", key);
        Assert.Contains("confirmation", (await refused.ErrorAsync(403)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_heartbeat_is_seen_on_the_site()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await link.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty, new Heartbeat(DateTimeOffset.UtcNow.AddMinutes(-7), "26.1122.2", 1, new(0, 0, 0, 0),
            [new SiteDatabase(link.SiteId, new DatabaseHealth(DatabaseStatus.Failing) { ErrorCode = "28P01", RetryAfterMs = 30_000 })], 1, 0), ProtocolJson.Default.Heartbeat);
        await Until.TrueAsync(async () => (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{link.SiteId}")) is var site
            && site.GetProperty("haloLinkVersion").GetString() == "26.1122.2"
            && site.GetProperty("database") is var database && database.GetProperty("status").GetString() == "failing"
            && database.GetProperty("retryAfterMs").GetInt32() == 30_000
            && site.GetProperty("clockDriftMs").GetInt64() is < -400_000 and > -440_000);
    }
}
