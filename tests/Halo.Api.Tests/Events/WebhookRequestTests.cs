using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;

namespace Halo.Api.Tests.Events;

public sealed class WebhookRequestTests(OneHost one) : IClassFixture<OneHost>
{
    [Theory]
    [InlineData("", "body")]
    [InlineData("[]", "body")]
    [InlineData("{", "body")]
    [InlineData("{}", "url", "events")]
    [InlineData("""{ "url": null, "events": null }""", "url", "events")]
    [InlineData("""{ "url": 1, "events": "query.completed" }""", "url", "events")]
    [InlineData("""{ "url": "http://example.com", "events": [] }""", "url", "events")]
    [InlineData("""{ "url": "https://example.com", "events": ["query.done"] }""", "events")]
    [InlineData("""{ "url": "https://example.com", "events": ["query.failed", "query.failed"] }""", "events")]
    [InlineData("""{ "url": "https://example.com", "events": ["query.failed", null] }""", "events")]
    [InlineData("""{ "url": "https://example.com", "events": ["webhook.test"] }""", "events")]
    [InlineData("""{ "url": "https://example.com", "events": ["query.failed"], "sources": [], "style": "other", "enabled": "yes" }""", "sources", "style", "enabled")]
    [InlineData("""{ "url": "https://example.com", "events": ["query.failed"], "Enabled": true, "source": ["async"] }""", "Enabled", "source")]
    public async Task Every_fault_of_a_body_is_named_at_once(string body, params string[] fields)
    {
        var (_, key, _) = await one.Host.CreateIntegratorAsync();
        using var made = await SendAsync(key, HttpMethod.Post, "/integrator/webhooks", """{ "url": "https://example.com", "events": ["query.failed"] }""");
        Assert.Equal(201, (int)made.StatusCode);
        foreach (var (method, path) in new[] { (HttpMethod.Post, "/integrator/webhooks"), (HttpMethod.Put, made.Headers.Location!.ToString()) })
        {
            using var response = await SendAsync(key, method, path, body);
            Assert.Equal(fields, (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
        }
    }

    [Theory]
    [InlineData("?webhookId=x", "webhookId")]
    [InlineData("?status=done", "status")]
    [InlineData("?limit=0", "limit")]
    [InlineData("?limit=1001", "limit")]
    [InlineData("?after=x", "after")]
    [InlineData("?webhookId=&status=&limit=&after=", "webhookId", "status", "limit", "after")]
    [InlineData("?webhookid2=x", null)]
    public async Task Every_fault_of_a_filter_is_named_at_once(string filter, params string[]? fields)
    {
        var (_, key, _) = await one.Host.CreateIntegratorAsync();
        using var response = await SendAsync(key, HttpMethod.Get, "/integrator/webhooks/deliveries" + filter);
        if (fields is null)
            Assert.Equal(400, (int)response.StatusCode);
        else
            Assert.Equal(fields, (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
    }

    [Theory]
    [InlineData("GET", "x", 404)]
    [InlineData("DELETE", "x", 404)]
    [InlineData("POST", "x/test", 404)]
    [InlineData("POST", "deliveries/x/redeliver", 404)]
    [InlineData("GET", "deliveries/x", 404)]
    [InlineData("PATCH", "x", 405)]
    public async Task What_is_not_there_is_said_so(string method, string path, int status)
    {
        var (_, key, _) = await one.Host.CreateIntegratorAsync();
        using var response = await SendAsync(key, new HttpMethod(method), "/integrator/webhooks/" + path);
        Assert.NotNull((await response.ErrorAsync(status)).Message);
    }

    async Task<HttpResponseMessage> SendAsync(string key, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        return await one.Host.Client.SendAsync(request);
    }
}
