using System.Net;
using System.Net.Sockets;
using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Session;
using Halo.Link.Sites;
using Halo.Link.Tests.Pages;
using Halo.Link.Tests.Work.Async;
using Halo.Link.Transport;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Settings;

/// <summary>What a setting says is what happens, for the timers of the Link that no other test holds to several values.</summary>
public sealed class TimerSettingsTests
{
    [Theory]
    [InlineData(10, 10)]
    [InlineData(10, 25)]
    [InlineData(1000, 60_000)]
    [InlineData(60_000, 600_000)]
    public void Waits_between_attempts_begin_with_the_first_and_double_up_to_the_longest(int firstMs, int longestMs)
    {
        var backoff = new Backoff(new Highest(), TimeSpan.FromMilliseconds(firstMs), TimeSpan.FromMilliseconds(longestMs));
        for (var expected = (double)firstMs; expected < longestMs; expected *= 2)
            Assert.Equal(expected, backoff.Next().TotalMilliseconds, 1.0);
        Assert.Equal(longestMs, backoff.Next().TotalMilliseconds, 1.0);
        Assert.Equal(longestMs, backoff.Next().TotalMilliseconds, 1.0);
        backoff.Reset();
        Assert.Equal(firstMs, backoff.Next().TotalMilliseconds, 1.0);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(30_000)]
    [InlineData(300_000)]
    public async Task A_call_is_given_up_when_its_time_is_over_and_not_before(int callWithinMs)
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var time = new ManualTime();
        using var http = LinkHttpClient.CreateClient(new($"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}"), new SocketsHttpHandler());
        var call = new LinkHttpClient(http, time, TimeSpan.FromMilliseconds(callWithinMs)).NonceAsync(TestContext.Current.CancellationToken);
        using var taken = await silent.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, await taken.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        time.Advance(TimeSpan.FromMilliseconds(callWithinMs - 1));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Contains("did not answer within", (await Assert.ThrowsAsync<HttpRequestException>(() => call)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(60_000)]
    [InlineData(600_000)]
    public async Task A_page_that_makes_no_progress_is_sent_anew_when_its_time_is_over_and_not_before(int stallMs)
    {
        using var folder = new TemporaryFolder();
        await using var api = await ApiStandIn.StartAsync();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = true;
        api.OnPage = async (http, _, _) =>
        {
            if (!first)
                return null;
            first = false;
            asked.SetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return 500;
        };
        var (time, query, claim) = (new ManualTime(), Guid.NewGuid(), Guid.NewGuid());
        var spool = new Spool(folder.Path, LocalKey.Open(folder.Path), new(), TimeProvider.System);
        await (await TestRows.WriteAsync(spool, query, 1, ["{\"v\":1}"])).Sink.DisposeAsync();
        using var uploader = new Uploader(api.Http, (_, _) => ValueTask.FromResult("token"), _ => ValueTask.CompletedTask, spool,
            new() { FirstWait = TimeSpan.FromMilliseconds(10), LongestWait = TimeSpan.FromMilliseconds(10), Stall = TimeSpan.FromMilliseconds(stallMs) },
            time, new Highest(), NullLogger<Uploader>.Instance);
        var upload = uploader.UploadAsync(query, () => claim, 1, TestContext.Current.CancellationToken);
        await asked.Task;
        time.Advance(TimeSpan.FromMilliseconds(stallMs - 1));
        Assert.Single(api.Puts);
        time.Advance(TimeSpan.FromMilliseconds(1));
        // Then comes the wait before the next attempt, whenever the uploader has come to it.
        await Eventually.BecomesAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
            return Task.FromResult(upload.IsCompleted);
        }, ended => ended);
        Assert.Equal((UploadEnd.Delivered, 2), (await upload, api.Puts.Count));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(10_000)]
    [InlineData(600_000)]
    public async Task A_reader_waits_for_room_in_the_spool_as_long_as_it_may(int waitMs)
    {
        using var folder = new TemporaryFolder();
        var (time, query) = (new ManualTime(), Guid.NewGuid());
        var key = LocalKey.Open(folder.Path);
        await (await TestRows.WriteAsync(new Spool(folder.Path, key, new(), time), query, 1, ["{\"v\":1}"])).Sink.DisposeAsync();
        var spool = new Spool(folder.Path, key, new() { MaxBytes = 2, WaitForRoom = TimeSpan.FromMilliseconds(waitMs) }, time);
        var waiting = spool.WaitForRoomAsync(spool.ShareOf(query), TestContext.Current.CancellationToken).AsTask();
        time.Advance(TimeSpan.FromMilliseconds(waitMs - 1));
        Assert.False(waiting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(await waiting);
    }

    [Fact]
    public void A_heartbeat_comes_as_often_as_the_API_says_or_an_operator_set_it()
    {
        var period = new HeartbeatPeriod();
        foreach (var seconds in (int[])[1, 60, 300])
        {
            period.Tell(TimeSpan.FromSeconds(seconds));
            Assert.Equal(seconds, period.Value.TotalSeconds);
        }
        var before = period.Changed;
        period.Set(TimeSpan.FromSeconds(7));
        Assert.Equal((7, true), (period.Value.TotalSeconds, before.IsCompleted));
        period.Set(null);
        Assert.Equal(300, period.Value.TotalSeconds);
    }

    [Fact]
    public void Limits_from_afar_shorten_what_the_API_allows_on_their_site_alone()
    {
        var (site, other, limits) = (Guid.NewGuid(), Guid.NewGuid(), new SiteLimits());
        limits.Set(new Dictionary<Guid, SiteLimit> { [site] = new(1000, 2000, 500) });
        var (named, unnamed) = (new QueryCommand("SELECT 1") { Timeout = 60_000 }, new QueryCommand("SELECT 1"));
        double Immediate(Guid at, QueryCommand command, int asked) => limits.Of(new Execute(at, Guid.NewGuid(), command, 1, asked, 1), new()).TotalMilliseconds;
        double Async(Guid at, QueryCommand command, int asked) =>
            limits.Of(new Claim(Guid.NewGuid(), Guid.NewGuid(), 1, at, Guid.NewGuid(), command, asked, 1, 1), new()).TotalMilliseconds;
        Assert.Equal((1000, 2000), (Immediate(site, named, 60_000), Async(site, named, 60_000)));
        Assert.Equal((500, 500), (Immediate(site, unnamed, 60_000), Async(site, unnamed, 60_000)));
        Assert.Equal((100, 100), (Immediate(site, unnamed, 100), Async(site, named, 100)));
        Assert.Equal((60_000, 300_000), (Immediate(other, unnamed, 60_000), Async(other, unnamed, 300_000)));
    }

    sealed class Highest : Random
    {
        public override double NextDouble() => 0.9999999;
    }
}
