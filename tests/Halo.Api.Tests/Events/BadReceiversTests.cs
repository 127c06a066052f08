using System.Globalization;
using Halo.Api.Ledger.Events;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Events;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Events;

/// <summary>
/// Many events to receivers that misbehave in every way at once, by a clock that the test moves: each is delivered or given up as the schedule says.
/// HALO_EVENTS says how many for each receiver (default 60).
/// </summary>
public sealed class BadReceiversTests
{
    static readonly TimeSpan Down = TimeSpan.FromHours(1);

    [Fact]
    public async Task Each_event_is_delivered_or_given_up_as_the_schedule_says()
    {
        var count = int.TryParse(Environment.GetEnvironmentVariable("HALO_EVENTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : 60;
        var time = new ManualTime();
        var began = time.GetUtcNow();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings, "Halo:Events:RetentionHours=168");
        await using var site = await WebhookSite.CreateAsync(host, time);
        var integrator = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators")).GetProperty("integrators")[0].GetProperty("id").GetGuid();
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<(string, string), int>();
        var receivers = new Dictionary<string, EventReceiver>
        {
            ["well"] = new(),
            ["hangs"] = new() { Answers = _ => ReceiverAnswer.Hang },
            ["fails"] = new() { Answers = _ => new(500) },
            ["busy"] = new() { Answers = told => Nth("busy", told) <= 2 ? new(429, "Retry-After: 7\r\n") : ReceiverAnswer.Ok },
            ["moved"] = new() { Answers = _ => new(301, "Location: http://127.0.0.1:1/\r\n") },
            ["cuts"] = new() { Answers = told => Nth("cuts", told) == 1 ? ReceiverAnswer.Cut : ReceiverAnswer.Ok },
            ["down"] = new() { Answers = _ => time.GetUtcNow() - began < Down ? new(503) : ReceiverAnswer.Ok },
        };
        try
        {
            var webhooks = new Dictionary<Guid, string>();
            foreach (var (name, receiver) in receivers)
                webhooks[(await site.AddAsync(receiver.Url)).Id] = name;
            var database = host.Services.GetRequiredService<Database>();
            await database.WriteAsync(async t =>
            {
                await EventLog.AppendAsync(t, [.. Enumerable.Range(0, count).Select(_ => new NewEvent(integrator, EventTypes.QueryCompleted, site.Site.Link.SiteId,
                    new() { QueryId = Guid.NewGuid(), Source = EventSources.Async }))], time.GetUtcNow().Ms());
                return 0;
            });
            host.Services.GetRequiredService<EventSignals>().Raise(integrator);

            var deliveries = await Eventually.BecomesAsync(async () =>
            {
                time.Advance(TimeSpan.FromSeconds(5));
                return await database.ReadAsync(DeliveryRecord.Read, $"SELECT {DeliveryRecord.Columns} FROM webhook_deliveries");
            }, all => all.All(d => d.Status != WebhookDeliveryStatus.Pending), TimeSpan.FromMinutes(10));

            Assert.Equal(count * receivers.Count, deliveries.Count);
            foreach (var delivery in deliveries)
                Check(webhooks[delivery.WebhookId], delivery);
            foreach (var of in deliveries.GroupBy(d => d.WebhookId))
                Assert.Equal(Enumerable.Range(1, count).Select(n => (long)n), of.Select(d => d.Sequence).Order());
        }
        finally
        {
            foreach (var receiver in receivers.Values)
                await receiver.DisposeAsync();
        }

        int Nth(string receiver, ReceivedEvent told) => seen.AddOrUpdate((receiver, told.Header("X-Halo-Id")), 1, (_, n) => n + 1);
    }

    static void Check(string receiver, DeliveryRecord delivery)
    {
        const string noAnswer = "No answer within 5 seconds.";
        var attempts = delivery.Attempts;
        // The clock goes on while an answer is on its way: so some that answer are given no time to.
        var own = attempts.Where(a => receiver == "hangs" || a.Error != noAnswer).ToList();
        var (status, tries, error) = receiver switch
        {
            "well" => (WebhookDeliveryStatus.Delivered, 1, null),
            "busy" => (WebhookDeliveryStatus.Delivered, 3, "Answered 429."),
            "cuts" => (WebhookDeliveryStatus.Delivered, 2, "The connection ended before there was an answer."),
            "moved" => (WebhookDeliveryStatus.GivenUp, 1, "Answered 301; redirects are not followed."),
            "hangs" => (WebhookDeliveryStatus.GivenUp, 0, noAnswer),
            "fails" => (WebhookDeliveryStatus.GivenUp, 0, "Answered 500."),
            _ => (delivery.Status, 0, (string?)"Answered 503."),
        };
        Assert.Equal(status, delivery.Status);
        if (tries > 0)
            Assert.InRange(own.Count, 1, tries);
        Assert.InRange(attempts.Count, 1, 10);
        Assert.All(own.SkipLast(delivery.Status == WebhookDeliveryStatus.Delivered ? 1 : 0), a => Assert.Equal(error, a.Error));
        var least = receiver == "busy" ? TimeSpan.FromSeconds(7) : TimeSpan.FromSeconds(5);
        foreach (var (before, after) in attempts.Zip(attempts.Skip(1)))
            Assert.True(after.At - before.At >= (before.Error == noAnswer ? TimeSpan.FromSeconds(5) : least), $"{receiver}: {after.At - before.At}");
        // Given up: after ten tries, or where the next would have come too late.
        if (delivery.Status == WebhookDeliveryStatus.GivenUp && receiver != "moved")
            Assert.True(attempts.Count == 10 || delivery.WaitedInAll > TimeSpan.FromMinutes(60), $"{receiver}: {attempts.Count} tries within {delivery.WaitedInAll}");
        Assert.True(delivery.WaitedInAll <= TimeSpan.FromMinutes(90), $"{receiver}: {delivery.WaitedInAll}");
    }
}
