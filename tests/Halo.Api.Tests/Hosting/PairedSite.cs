using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Hosting;

/// <summary>A connected Link with a site, and the integrator that may query it.</summary>
public sealed class PairedSite(ApiHost host, SimulatedLink link, string key) : IAsyncDisposable
{
    public const string SelectOne = """{ "command": { "text": "SELECT 1 AS n" } }""";

    public ApiHost Host => host;

    public SimulatedLink Link => link;

    public string Key => key;

    public string Path { get; } = $"/integrator/sites/{link.SiteId}/queries";

    public static async Task<PairedSite> CreateAsync(ApiHost host)
    {
        var link = new SimulatedLink(host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        return new PairedSite(host, link, await host.CreatePairedAsync(link.SiteId));
    }

    /// <summary>A call under the site's queries.</summary>
    /// <param name="path">As <c>/immediate</c>.</param>
    /// <param name="idempotencyKey">Goes in its header.</param>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path = "", string? body = null, string? idempotencyKey = null, string? tag = null, CancellationToken stop = default)
    {
        using var request = new HttpRequestMessage(method, Path + path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        if (tag is not null)
            request.Headers.Add("Halo-Tag", tag);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        return await host.Client.SendAsync(request, stop);
    }

    public Task<HttpResponseMessage> AskAsync(string body = SelectOne, string? idempotencyKey = null, CancellationToken stop = default) =>
        SendAsync(HttpMethod.Post, "/immediate", body, idempotencyKey, stop: stop);

    public async Task<Query> QueueAsync(string body = SelectOne, string? tag = null)
    {
        using var response = await SendAsync(HttpMethod.Post, "/async", body, tag: tag);
        Assert.Equal(201, (int)response.StatusCode);
        return await response.QueryAsync();
    }

    public async Task<(Query Query, Claim Claim)> QueueAndClaimAsync()
    {
        var query = await QueueAsync();
        return (query, Assert.Single(await link.ClaimAsync()));
    }

    public async Task<Query> GetAsync(Guid id)
    {
        using var response = await SendAsync(HttpMethod.Get, $"/{id}");
        return await response.QueryAsync();
    }

    /// <summary>An immediate query is sent while the ledger still writes it; until then nobody finds it.</summary>
    public Task IsThereAsync(Guid id) => Until.TrueAsync(async () =>
    {
        using var response = await SendAsync(HttpMethod.Get, $"/{id}");
        return response.IsSuccessStatusCode;
    });

    public async Task<(int Status, Query Query)> CancelAsync(Guid id)
    {
        using var response = await SendAsync(HttpMethod.Delete, $"/{id}");
        return ((int)response.StatusCode, await response.QueryAsync());
    }

    public ValueTask DisposeAsync() => link.DisposeAsync();
}
