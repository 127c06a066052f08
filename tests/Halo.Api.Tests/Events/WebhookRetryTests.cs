using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Events;
using Halo.Testing;

namespace Halo.Api.Tests.Events;

/// <summary>Receivers that fail in every way: what is tried again, when, and for how long, by a clock that the test moves.</summary>
public sealed class WebhookRetryTests
{
    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(-1)]
    public async Task What_may_fare_better_is_tried_again_and_delivered(int status)
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(status) };
        await using var site = await WebhookSite.CreateAsync(host, time);
        var webhook = await site.AddAsync(receiver.Url);
        await site.CompleteAsync();
        var once = await site.AttemptedAsync(1);
        Assert.Equal((WebhookDeliveryStatus.Pending, status < 0 ? null : status), (once.Status, once.Attempts[0].HttpStatus));
        Assert.InRange(once.NextAttemptAt!.Value - time.GetUtcNow(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(7.5));

        receiver.Answers = _ => ReceiverAnswer.Ok;
        // Not a moment before: what is told then is told alone, although it is younger.
        time.Advance(once.NextAttemptAt.Value - time.GetUtcNow() - TimeSpan.FromMilliseconds(1));
        using (var test = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/test"))
            Assert.Equal(202, (int)test.StatusCode);
        Assert.Equal("webhook.test", (await receiver.ReceiveAsync(2))[1].Header("X-Halo-Event"));
        time.Advance(TimeSpan.FromMilliseconds(2));
        var done = await Eventually.BecomesAsync(async () =>
        {
            // A timer that was being set while time was advanced counts from its end.
            time.Advance(TimeSpan.FromSeconds(1));
            return (await site.DeliveriesAsync()).Single(d => d.Id == once.Id);
        }, d => d.Status == WebhookDeliveryStatus.Delivered);
        Assert.Equal(2, done.Attempts.Count);
        Assert.Equal(receiver.Received[0].Header("X-Halo-Id"), receiver.Received[2].Header("X-Halo-Id"));
        Assert.NotEqual(receiver.Received[0].Header("X-Halo-Timestamp"), receiver.Received[2].Header("X-Halo-Timestamp"));
    }

    [Theory]
    [InlineData(301, "Location: http://127.0.0.1:1/\r\n")]
    [InlineData(307, "Location: http://127.0.0.1:1/\r\n")]
    [InlineData(400, "")]
    [InlineData(410, "")]
    public async Task What_cannot_fare_better_is_given_up_and_no_redirect_is_followed(int status, string headers)
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(status, headers) };
        await using var site = await WebhookSite.CreateAsync(host);
        await site.AddAsync(receiver.Url);
        await site.CompleteAsync();
        var given = await site.AttemptedAsync(1);
        Assert.Equal((WebhookDeliveryStatus.GivenUp, status), (given.Status, Assert.Single(given.Attempts).HttpStatus));
        Assert.Null(given.NextAttemptAt);
        Assert.Single(receiver.Received);
    }

    [Fact]
    public async Task A_receiver_that_says_nothing_is_left_after_five_seconds_and_holds_up_no_other()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings);
        await using var hanging = new EventReceiver { Answers = _ => ReceiverAnswer.Hang };
        await using var quick = new EventReceiver();
        await using var site = await WebhookSite.CreateAsync(host, time);
        var slow = await site.AddAsync(hanging.Url);
        await site.AddAsync(quick.Url);
        for (var i = 0; i < 12; i++)
            await site.CompleteAsync();
        await quick.ReceiveAsync(12);
        await hanging.ReceiveAsync(8);
        // No more at once than may be; and its own later events wait for a place, not for its retries.
        Assert.Equal(8, hanging.Received.Count);
        time.Advance(TimeSpan.FromMilliseconds(4999));
        Assert.Equal(8, hanging.Received.Count);
        time.Advance(TimeSpan.FromMilliseconds(2));
        await hanging.ReceiveAsync(12);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => $"{i}"), hanging.Received.Select(r => r.Header("X-Halo-Sequence")).Distinct().OrderBy(int.Parse));
        var first = await Eventually.BecomesAsync(() => site.DeliveriesAsync($"?webhookId={slow.Id}"), all => all.Count(d => d.Attempts.Count == 1) >= 8);
        Assert.All(first.Where(d => d.Attempts.Count > 0), d => Assert.Equal("No answer within 5 seconds.", d.Attempts[0].Error));
    }

    [Fact]
    public async Task Retry_After_is_kept()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(429, "Retry-After: 333\r\n") };
        await using var site = await WebhookSite.CreateAsync(host, time);
        await site.AddAsync(receiver.Url);
        await site.CompleteAsync();
        var once = await site.AttemptedAsync(1);
        Assert.Equal(TimeSpan.FromSeconds(333), once.NextAttemptAt - time.GetUtcNow());
    }

    [Fact]
    public async Task One_that_is_down_for_good_is_given_up_after_ten_tries_or_ninety_minutes_and_disabled_after_a_day()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(500) };
        await using var site = await WebhookSite.CreateAsync(host, time);
        var webhook = await site.AddAsync(receiver.Url);
        var began = time.GetUtcNow();
        await site.CompleteAsync();
        var given = await GiveUpAsync(site, time);
        Assert.InRange(given.Attempts.Count, 4, 10);
        Assert.All(given.Attempts, a => Assert.InRange(a.At - began, TimeSpan.Zero, TimeSpan.FromMinutes(90) + TimeSpan.FromSeconds(1)));
        Assert.True(given.Attempts.Count == 10 || given.Attempts[^1].At - began > TimeSpan.FromMinutes(59));
        Assert.Equal((true, given.Attempts[0].At), ((await site.FindAsync(webhook.Id)).Enabled, (await site.FindAsync(webhook.Id)).FailingSince));

        time.Advance(began + TimeSpan.FromHours(24) - time.GetUtcNow());
        using (var test = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/test"))
            Assert.Equal(202, (int)test.StatusCode);
        await GiveUpAsync(site, time);
        var disabled = await Eventually.BecomesAsync(() => site.FindAsync(webhook.Id), w => !w.Enabled);
        Assert.Contains("24 hours", disabled.DisabledReason, StringComparison.Ordinal);
        using (var test = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/test"))
            await test.ErrorAsync(409);
        var count = receiver.Received.Count;
        receiver.Answers = _ => ReceiverAnswer.Ok;
        using (var enabled = await site.SendAsync(HttpMethod.Put, $"webhooks/{webhook.Id}", $$"""{ "url": "{{receiver.Url}}", "events": ["query.completed"] }"""))
            Assert.Equal(200, (int)enabled.StatusCode);
        var now = await site.FindAsync(webhook.Id);
        Assert.Equal((true, null, null), (now.Enabled, now.DisabledReason, now.FailingSince));
        using (var test = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/test"))
            Assert.Equal(202, (int)test.StatusCode);
        await receiver.ReceiveAsync(count + 1);
    }

    [Fact]
    public async Task A_webhook_that_is_disabled_gives_up_what_waits_and_is_told_nothing_that_happens_meanwhile()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(500) };
        await using var site = await WebhookSite.CreateAsync(host, time);
        var webhook = await site.AddAsync(receiver.Url);
        await site.CompleteAsync();
        await site.AttemptedAsync(1);
        using (var off = await site.SendAsync(HttpMethod.Put, $"webhooks/{webhook.Id}", $$"""{ "url": "{{receiver.Url}}", "events": ["query.completed"], "enabled": false }"""))
            Assert.Equal(200, (int)off.StatusCode);
        await site.CompleteAsync();
        var only = Assert.Single(await site.DeliveriesAsync());
        Assert.Equal(WebhookDeliveryStatus.GivenUp, only.Status);
        using (var again = await site.SendAsync(HttpMethod.Post, $"webhooks/deliveries/{only.Id}/redeliver"))
            await again.ErrorAsync(409);
        time.Advance(TimeSpan.FromMinutes(5));
        Assert.Single(receiver.Received);
    }

    [Theory]
    [InlineData("https", "TLS could not be agreed on; check that the certificate is valid for the host.")]
    [InlineData("closed", "No connection could be made.")]
    [InlineData("private", "The host has no public address; webhooks call no private, loopback or reserved one.")]
    public async Task What_was_wrong_is_said_in_words(string how, string said)
    {
        await using var host = await ApiHost.StartAsync(how == "private" ? "Halo:Events:AllowedAddresses=10.0.0.0/8" : WebhookSite.Settings);
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
        await using var receiver = new EventReceiver(how == "https" ? certificate : null);
        await using var site = await WebhookSite.CreateAsync(host);
        var url = how switch
        {
            "https" => receiver.Url,
            "closed" => $"http://127.0.0.1:{PostgresServer.FreePort()}/",
            // Its name is public, and leads here.
            _ => receiver.Url.Replace("http://127.0.0.1", "https://localhost", StringComparison.Ordinal),
        };
        await site.AddAsync(url);
        await site.CompleteAsync();
        Assert.Equal(said, (await site.AttemptedAsync(1)).Attempts[0].Error);
        Assert.Empty(receiver.Received);
    }

    /// <summary>Lets time go to each next attempt of the newest delivery until it is given up.</summary>
    static async Task<WebhookDelivery> GiveUpAsync(WebhookSite site, ManualTime time)
    {
        for (var tries = 1; ; tries++)
        {
            var now = await site.AttemptedAsync(tries);
            if (now.Status == WebhookDeliveryStatus.GivenUp)
                return now;
            time.Advance(now.NextAttemptAt!.Value - time.GetUtcNow() + TimeSpan.FromMilliseconds(2));
        }
    }
}
