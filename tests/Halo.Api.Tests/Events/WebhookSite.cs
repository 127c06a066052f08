using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Events;

/// <summary>A paired site whose integrator has webhooks at receivers of its own.</summary>
sealed class WebhookSite(PairedSite site, ManualTime? time) : IAsyncDisposable
{
    public const string Settings = "Halo:Events:AllowedAddresses=127.0.0.1";

    public PairedSite Site => site;

    public ManualTime Time => time ?? throw new InvalidOperationException("The service runs by the machine's clock.");

    public static async Task<WebhookSite> CreateAsync(ApiHost host, ManualTime? time = null) => new(await PairedSite.CreateAsync(host), time);

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? body = null, string? key = null)
    {
        using var request = new HttpRequestMessage(method, "/integrator/" + path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key ?? site.Key);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        return await site.Host.Client.SendAsync(request);
    }

    public async Task<Webhook> AddAsync(string url, string more = "", params string[] events)
    {
        var types = string.Join(", ", (events.Length > 0 ? events : [EventTypes.QueryCompleted]).Select(e => $"\"{e}\""));
        using var response = await SendAsync(HttpMethod.Post, "webhooks", $$"""{ "url": "{{url}}", "events": [{{types}}]{{more}} }""");
        Assert.Equal(201, (int)response.StatusCode);
        return Read(await response.Content.ReadAsStringAsync());
    }

    public async Task<Webhook> FindAsync(Guid id)
    {
        using var response = await SendAsync(HttpMethod.Get, $"webhooks/{id}");
        Assert.Equal(200, (int)response.StatusCode);
        return Read(await response.Content.ReadAsStringAsync());
    }

    public async Task<IReadOnlyList<WebhookDelivery>> DeliveriesAsync(string filter = "")
    {
        using var response = await SendAsync(HttpMethod.Get, "webhooks/deliveries" + filter);
        Assert.Equal(200, (int)response.StatusCode);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), HaloJson.Default.WebhookDeliveryList)!.Deliveries;
    }

    /// <summary>Waits until the newest delivery has had so many attempts.</summary>
    public async Task<WebhookDelivery> AttemptedAsync(int attempts) =>
        (await Eventually.BecomesAsync(() => DeliveriesAsync(), all => all.Count > 0 && all[0].Attempts.Count >= attempts))[0];

    /// <summary>An async query that its Link answers.</summary>
    public async Task<Guid> CompleteAsync()
    {
        var (query, claim) = await site.QueueAndClaimAsync();
        Assert.True((await site.Link.ReportAsync(query.Id, new(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);
        return query.Id;
    }

    /// <summary>An async query that is cancelled before it runs.</summary>
    public async Task<Guid> FailAsync()
    {
        var query = await site.QueueAsync();
        await site.CancelAsync(query.Id);
        return query.Id;
    }

    public ValueTask DisposeAsync() => site.DisposeAsync();

    static Webhook Read(string json) => JsonSerializer.Deserialize(json, HaloJson.Default.Webhook)!;
}
