using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Queries.Registered;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Testing;

namespace Halo.Api.Tests.Events;

/// <summary>What a receiver gets: the original's body and signature, or those of Standard Webhooks; one of its secrets always opens it.</summary>
public sealed class WebhookTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task The_end_of_an_async_query_is_told_in_the_originals_words(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres, WebhookSite.Settings);
        await using var receiver = new EventReceiver();
        await using var site = await WebhookSite.CreateAsync(host);
        var webhook = await site.AddAsync(receiver.Url);
        var secret = Assert.Single(webhook.Secrets).Secret!;

        await site.FailAsync();
        var query = await site.CompleteAsync();

        // The query that failed was not asked for.
        var told = Assert.Single(await receiver.ReceiveAsync(1));
        using var body = JsonDocument.Parse(told.Text);
        Assert.Equal(["id", "occurredAt", "siteId", "queryId", "webhookSource"], body.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal((site.Site.Link.SiteId.ToString(), query.ToString(), "async"),
            (body.RootElement.GetProperty("siteId").GetString(), body.RootElement.GetProperty("queryId").GetString(), body.RootElement.GetProperty("webhookSource").GetString()));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$", body.RootElement.GetProperty("occurredAt").GetString());
        Assert.Equal(("POST", "application/json", body.RootElement.GetProperty("id").GetString(), "query.completed", "1"),
            (told.Method, told.Header("Content-Type"), told.Header("X-Halo-Id"), told.Header("X-Halo-Event"), told.Header("X-Halo-Sequence")));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$", told.Header("X-Halo-Timestamp"));
        Assert.Equal(HaloSignature(secret, told), told.Header("X-Halo-Signature-256"));
        Assert.Matches("^[0-9a-f]{64}$", told.Header("X-Halo-Signature-256"));
        Assert.Equal("", told.Header("X-Halo-Signature-256-Next"));
        var delivery = await Eventually.BecomesAsync(async () => (await site.DeliveriesAsync())[0], d => d.Status == WebhookDeliveryStatus.Delivered);
        Assert.Equal((webhook.Id, 1, 200), (delivery.WebhookId, delivery.Sequence, Assert.Single(delivery.Attempts).HttpStatus));
        Assert.Null((await site.FindAsync(webhook.Id)).Secrets[0].Secret);
    }

    [Fact]
    public async Task Standard_Webhooks_has_its_own_headers()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver();
        await using var site = await WebhookSite.CreateAsync(host);
        var secret = (await site.AddAsync(receiver.Url, """, "style": "standard" """)).Secrets[0].Secret!;
        await site.CompleteAsync();
        var told = Assert.Single(await receiver.ReceiveAsync(1));
        Assert.Equal((told.Header("X-Halo-Id"), ""), (told.Header("webhook-id"), told.Header("X-Halo-Signature-256")));
        var seconds = long.Parse(told.Header("webhook-timestamp"), CultureInfo.InvariantCulture);
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - seconds, -5, 300);
        Assert.Equal(StandardSignature(secret, told), told.Header("webhook-signature"));
    }

    [Fact]
    public async Task A_secret_is_replaced_while_both_sign()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver();
        await using var site = await WebhookSite.CreateAsync(host);
        var halo = await site.AddAsync(receiver.Url + "/halo");
        var standard = await site.AddAsync(receiver.Url + "/standard", """, "style": "standard" """);
        var (first, second) = (new Dictionary<string, WebhookSecret>(), new Dictionary<string, WebhookSecret>());
        foreach (var webhook in (Webhook[])[halo, standard])
        {
            first[webhook.Url[^4..]] = webhook.Secrets[0];
            using var made = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/secrets");
            Assert.Equal(201, (int)made.StatusCode);
            second[webhook.Url[^4..]] = JsonSerializer.Deserialize(await made.Content.ReadAsStringAsync(), Contracts.Json.HaloJson.Default.WebhookSecret)!;
            using var third = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/secrets");
            Assert.Equal(ErrorCodes.Conflict, (await third.ErrorAsync(409)).Code);
        }
        await site.CompleteAsync();
        foreach (var told in await receiver.ReceiveAsync(2))
        {
            var (old, next) = (first[told.Path[^4..]].Secret!, second[told.Path[^4..]].Secret!);
            if (told.Path.EndsWith("halo", StringComparison.Ordinal))
                Assert.Equal((HaloSignature(old, told), HaloSignature(next, told)), (told.Header("X-Halo-Signature-256"), told.Header("X-Halo-Signature-256-Next")));
            else
                Assert.Equal($"{StandardSignature(old, told)} {StandardSignature(next, told)}", told.Header("webhook-signature"));
        }

        using (var unknown = await site.SendAsync(HttpMethod.Delete, $"webhooks/{halo.Id}/secrets/{Guid.NewGuid()}"))
            await unknown.ErrorAsync(404);
        using (var removed = await site.SendAsync(HttpMethod.Delete, $"webhooks/{halo.Id}/secrets/{first["halo"].Id}"))
            Assert.Equal(204, (int)removed.StatusCode);
        using (var last = await site.SendAsync(HttpMethod.Delete, $"webhooks/{halo.Id}/secrets/{second["halo"].Id}"))
            Assert.Equal(ErrorCodes.Conflict, (await last.ErrorAsync(409)).Code);
        Assert.Equal([second["halo"].Id], (await site.FindAsync(halo.Id)).Secrets.Select(s => s.Id));
        await site.CompleteAsync();
        var after = (await receiver.ReceiveAsync(4)).Last(t => t.Path.EndsWith("halo", StringComparison.Ordinal));
        Assert.Equal((HaloSignature(second["halo"].Secret!, after), ""), (after.Header("X-Halo-Signature-256"), after.Header("X-Halo-Signature-256-Next")));
    }

    [Fact]
    public async Task The_address_says_what_it_is_about_and_failures_are_told_to_those_who_ask()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver();
        await using var site = await WebhookSite.CreateAsync(host);
        await site.AddAsync(receiver.Url + "/{source}/{siteId}?query={queryId}", "", EventTypes.QueryFailed);
        var query = await site.FailAsync();
        var told = Assert.Single(await receiver.ReceiveAsync(1));
        Assert.Equal($"/events/async/{site.Site.Link.SiteId}?query={query}", told.Path);
        using var body = JsonDocument.Parse(told.Text);
        Assert.Equal("query.failed", body.RootElement.GetProperty("type").GetString());
        Assert.Equal($$"""{"queryId":"{{query}}","source":"async","status":"cancelled","executed":"no","code":"CancelledByIntegrator"}""", body.RootElement.GetProperty("data").GetRawText());
    }

    [Fact]
    public async Task Registered_queries_tell_each_new_result_and_the_first_of_several_failures()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver();
        await using var registered = await RegisteredSite.CreateAsync(host);
        await using var site = new WebhookSite(registered.Site, null);
        await site.AddAsync(receiver.Url + "/all", "", [.. EventTypes.All]);
        await site.AddAsync(receiver.Url + "/async", """, "sources": ["async"] """, [.. EventTypes.All]);
        var id = await registered.RegisterAsync(""", "changes": { "key": ["id"] }, "deliverFirst": false""");

        string[] key = ["id"];
        (await registered.TellAsync(id, 1, """[{"id":1}]""", key)).EnsureSuccessStatusCode();
        (await registered.TellAsync(id, 1, """[{"id":1}]""", key)).EnsureSuccessStatusCode();
        (await registered.TellAsync(id, 2, """[{"id":1},{"id":2}]""", key)).EnsureSuccessStatusCode();
        (await registered.FailAsync(id, 3, new("pgsql", 0, "patient MARK") { Code = FailureCodes.DatabaseConnectionLost })).EnsureSuccessStatusCode();
        (await registered.FailAsync(id, 4, new("pgsql", 0, "patient MARK") { Code = FailureCodes.DatabaseConnectionLost })).EnsureSuccessStatusCode();

        await receiver.ReceiveAsync(4);
        var all = await Eventually.BecomesAsync(() => site.DeliveriesAsync(), d => d.All(x => x.Status == WebhookDeliveryStatus.Delivered));
        Assert.Equal(["query.completed", "query.completed", "query.failed", "registered.changed"], all.Select(d => d.Type).Order());
        Assert.Equal([1, 2, 3, 4], all.Select(d => d.Sequence).Order());
        Assert.All(receiver.Received, r => Assert.Equal("/events/all", r.Path));
        Assert.DoesNotContain(receiver.Received, r => r.Text.Contains("MARK", StringComparison.Ordinal));
        var first = receiver.Received.First(r => r.Header("X-Halo-Event") == "query.completed");
        Assert.Contains($"\"queryId\":\"{id}\",\"webhookSource\":\"registered\"", first.Text, StringComparison.Ordinal);
        var changed = receiver.Received.Single(r => r.Header("X-Halo-Event") == "registered.changed");
        Assert.Contains("\"rows\":2", changed.Text, StringComparison.Ordinal);
        Assert.Contains($"\"hash\":\"{(await registered.FindAsync(id)).LastHash}\"", changed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_webhook_is_tried_on_request_and_what_was_told_can_be_told_again()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings);
        await using var receiver = new EventReceiver { Answers = _ => new(404) };
        await using var site = await WebhookSite.CreateAsync(host);
        var webhook = await site.AddAsync(receiver.Url);
        using (var test = await site.SendAsync(HttpMethod.Post, $"webhooks/{webhook.Id}/test"))
        {
            Assert.Equal(202, (int)test.StatusCode);
            Assert.Matches("^/integrator/webhooks/deliveries/[0-9a-f-]{36}$", test.Headers.Location!.ToString());
        }
        var failed = (await Eventually.BecomesAsync(async () => await site.DeliveriesAsync("?status=givenUp"), d => d.Count > 0))[0];
        Assert.Equal(("webhook.test", 404, "Answered 404."), (failed.Type, failed.Attempts[0].HttpStatus, failed.Attempts[0].Error));
        Assert.NotNull((await site.FindAsync(webhook.Id)).FailingSince);

        receiver.Answers = _ => ReceiverAnswer.Ok;
        using (var again = await site.SendAsync(HttpMethod.Post, $"webhooks/deliveries/{failed.Id}/redeliver"))
            Assert.Equal(202, (int)again.StatusCode);
        var told = await receiver.ReceiveAsync(2);
        Assert.Equal(told[0].Header("X-Halo-Id"), told[1].Header("X-Halo-Id"));
        Assert.Equal(told[0].Text, told[1].Text);
        var delivered = Assert.Single(await Eventually.BecomesAsync(() => site.DeliveriesAsync($"?status=delivered&webhookId={webhook.Id}"), d => d.Count > 0));
        Assert.Equal([404, 200], delivered.Attempts.Select(a => a.HttpStatus));
        Assert.Null((await site.FindAsync(webhook.Id)).FailingSince);
    }

    [Fact]
    public async Task Each_integrator_has_its_own_and_no_more_than_allowed()
    {
        await using var host = await ApiHost.StartAsync(WebhookSite.Settings, "Halo:Events:WebhooksPerIntegrator=2");
        await using var site = await WebhookSite.CreateAsync(host);
        var (_, other, _) = await host.CreateIntegratorAsync();
        var webhook = await site.AddAsync("https://example.com/1");
        await site.AddAsync("https://example.com/2");
        const string body = """{ "url": "https://example.com/3", "events": ["query.failed"] }""";
        using (var third = await site.SendAsync(HttpMethod.Post, "webhooks", body))
            Assert.Equal(ErrorCodes.Conflict, (await third.ErrorAsync(409)).Code);
        foreach (var (method, path) in new[] { (HttpMethod.Get, ""), (HttpMethod.Put, ""), (HttpMethod.Delete, ""), (HttpMethod.Post, "/test"), (HttpMethod.Post, "/secrets"), (HttpMethod.Delete, $"/secrets/{webhook.Secrets[0].Id}") })
        {
            using var foreign = await site.SendAsync(method, $"webhooks/{webhook.Id}{path}", method == HttpMethod.Put ? body : null, other);
            await foreign.ErrorAsync(404);
        }
        using (var list = await site.SendAsync(HttpMethod.Get, "webhooks", key: other))
            Assert.Equal("""{"webhooks":[]}""", await list.Content.ReadAsStringAsync());
        using (var changed = await site.SendAsync(HttpMethod.Put, $"webhooks/{webhook.Id}", body))
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        var now = await site.FindAsync(webhook.Id);
        Assert.Equal(("https://example.com/3", "query.failed", webhook.Secrets[0].Id), (now.Url, Assert.Single(now.Events), now.Secrets[0].Id));
        using (var gone = await site.SendAsync(HttpMethod.Delete, $"webhooks/{webhook.Id}"))
            Assert.Equal(204, (int)gone.StatusCode);
        await site.AddAsync("https://example.com/3");
    }

    static string HaloSignature(string secret, ReceivedEvent told) => Convert.ToHexStringLower(
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), (byte[])[.. told.Body, .. Encoding.UTF8.GetBytes("." + told.Header("X-Halo-Timestamp"))]));

    static string StandardSignature(string secret, ReceivedEvent told) => "v1," + Convert.ToBase64String(
        HMACSHA256.HashData(Convert.FromBase64String(secret["whsec_".Length..]), Encoding.UTF8.GetBytes($"{told.Header("webhook-id")}.{told.Header("webhook-timestamp")}.{told.Text}")));
}
