using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Testing;

namespace Halo.Api.Tests.Events;

/// <summary>The stream goes on from where its caller left off, says where something is lost, and ends with the right to it.</summary>
public sealed class EventStreamTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task What_happens_is_told_as_it_happens_and_what_happened_meanwhile_comes_first(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await WebhookSite.CreateAsync(host);
        await site.FailAsync();
        string last;
        await using (var stream = await StreamOf.OpenAsync(site))
        {
            Assert.Equal(("stream.opened", "2"), (await stream.NextAsync()).Head());
            var query = await site.CompleteAsync();
            var told = await stream.NextAsync();
            Assert.Equal(("query.completed", "3"), told.Head());
            var happened = JsonSerializer.Deserialize(told.Data, HaloJson.Default.HaloEvent)!;
            Assert.Equal((query, "async", site.Site.Link.SiteId), (happened.Data.QueryId, happened.Data.Source, happened.SiteId));
            last = told.EventId!;
        }
        await site.FailAsync();
        await site.CompleteAsync();
        await using (var again = await StreamOf.OpenAsync(site, last))
        {
            Assert.Equal(("stream.opened", "3"), (await again.NextAsync()).Head());
            Assert.Equal(("query.failed", "4"), (await again.NextAsync()).Head());
            Assert.Equal(("query.completed", "5"), (await again.NextAsync()).Head());
            await site.FailAsync();
            Assert.Equal(("query.failed", "6"), (await again.NextAsync()).Head());
        }
        await using var some = await StreamOf.OpenAsync(site, "0", "query.completed");
        Assert.Equal(["0", "3", "5"], [(await some.NextAsync()).EventId, (await some.NextAsync()).EventId, (await some.NextAsync()).EventId]);
    }

    [Fact]
    public async Task Where_something_is_lost_the_stream_says_so()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, "Halo:Events:SiteStateAfterSeconds=3600");
        await using var site = await WebhookSite.CreateAsync(host, time);
        await site.FailAsync();
        await site.FailAsync();
        // Of a service that was restored from a backup.
        await using (var ahead = await StreamOf.OpenAsync(site, "4"))
        {
            Assert.Equal(("events.lost", "0"), (await ahead.NextAsync()).Head());
            Assert.Equal(("pairing.created", "1"), (await ahead.NextAsync()).Head());
        }
        time.Advance(TimeSpan.FromHours(24));
        await Eventually.BecomesAsync(async () =>
        {
            // A timer that was being set while time was advanced counts from its end.
            time.Advance(TimeSpan.FromMinutes(1));
            await using var stream = await StreamOf.OpenAsync(site, "0");
            // The service may not have seen yet that the streams before are closed.
            return stream.Status == HttpStatusCode.OK ? (await stream.NextAsync()).Head() : default;
        }, head => head == ("events.lost", "3"));
        await using var whole = await StreamOf.OpenAsync(site, "3");
        Assert.Equal(("stream.opened", "3"), (await whole.NextAsync()).Head());
    }

    [Fact]
    public async Task A_quiet_stream_is_kept_awake_and_ends_when_its_integrator_is_disabled()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, "Halo:Events:SiteStateAfterSeconds=3600");
        await using var site = await WebhookSite.CreateAsync(host, time);
        await using var stream = await StreamOf.OpenAsync(site);
        Assert.Equal("stream.opened", (await stream.NextAsync()).EventType);
        var next = stream.NextAsync();
        await Eventually.BecomesAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(15));
            return Task.FromResult(next.IsCompleted);
        }, done => done);
        Assert.Equal(("ping", "1"), (await next).Head());
        var integrators = await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators");
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{integrators.GetProperty("integrators")[0].GetProperty("id").GetString()}", """{ "enabled": false }""");
        await Eventually.BecomesAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(15));
            return await stream.HasEndedAsync();
        }, ended => ended);
    }

    [Fact]
    public async Task No_more_streams_are_open_than_allowed()
    {
        await using var host = await ApiHost.StartAsync("Halo:Events:StreamsPerIntegrator=2");
        await using var site = await WebhookSite.CreateAsync(host);
        await using (var first = await StreamOf.OpenAsync(site))
        {
            await first.NextAsync();
            await using var second = await StreamOf.OpenAsync(site);
            await second.NextAsync();
            using var third = await site.SendAsync(HttpMethod.Get, "events");
            await third.ErrorAsync(429);
        }
        await Eventually.BecomesAsync(async () =>
        {
            await using var fourth = await StreamOf.OpenAsync(site);
            return fourth.Status;
        }, status => status == HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_services_end_ends_its_streams()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await WebhookSite.CreateAsync(host);
        await using var stream = await StreamOf.OpenAsync(site);
        await stream.NextAsync();
        var ending = host.DisposeAsync();
        Assert.True(await stream.HasEndedAsync());
        await ending;
    }

    [Fact]
    public async Task Whoever_wants_the_headers_alone_gets_them_at_once()
    {
        await using var host = await ApiHost.StartAsync("Halo:Events:StreamsPerIntegrator=1");
        await using var site = await WebhookSite.CreateAsync(host);
        for (var i = 0; i < 3; i++)
        {
            using var head = await site.SendAsync(HttpMethod.Head, "events");
            Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (head.StatusCode, head.Content.Headers.ContentType?.MediaType));
        }
        // None of them holds the place.
        await using var stream = await StreamOf.OpenAsync(site);
        Assert.Equal("stream.opened", (await stream.NextAsync()).EventType);
    }

    [Theory]
    [InlineData("x", null)]
    [InlineData("-1", null)]
    [InlineData("1", "query.done")]
    [InlineData(null, "")]
    [InlineData(null, "query.failed,")]
    public async Task Bad_input_is_refused(string? last, string? types)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await WebhookSite.CreateAsync(host);
        await using var stream = await StreamOf.OpenAsync(site, last, types);
        Assert.Equal(HttpStatusCode.BadRequest, stream.Status);
    }

    /// <summary>A stream that a test reads.</summary>
    sealed class StreamOf(HttpResponseMessage response, IAsyncEnumerator<SseItem<string>>? items) : IAsyncDisposable
    {
        public HttpStatusCode Status => response.StatusCode;

        public static async Task<StreamOf> OpenAsync(WebhookSite site, string? last = null, string? types = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/integrator/events" + (types is null ? "" : "?types=" + types));
            request.Headers.Add("Ocp-Apim-Subscription-Key", site.Site.Key);
            if (last is not null)
                request.Headers.Add("Last-Event-ID", last);
            var response = await site.Site.Host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            return new(response, response.IsSuccessStatusCode ? SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator() : null);
        }

        public async Task<SseItem<string>> NextAsync() => await items!.MoveNextAsync().AsTask().WaitAsync(Eventually.Limit) ? items.Current : throw new InvalidOperationException("The stream has ended.");

        Task<bool>? _next;

        /// <summary>Whether nothing more comes; what comes meanwhile is passed over.</summary>
        public async Task<bool> HasEndedAsync()
        {
            try
            {
                while (true)
                {
                    _next ??= items!.MoveNextAsync().AsTask();
                    if (await Task.WhenAny(_next, Task.Delay(100)) != _next)
                        return false;
                    if (!await _next)
                        return true;
                    _next = null;
                }
            }
            catch (Exception e) when (e is IOException or HttpRequestException)
            {
                return true;
            }
        }

        public async ValueTask DisposeAsync()
        {
            response.Dispose();
            if (items is not null && _next is null)
                await items.DisposeAsync();
        }
    }
}

static class SseItems
{
    public static (string, string?) Head(this SseItem<string> item) => (item.EventType, item.EventId);
}
