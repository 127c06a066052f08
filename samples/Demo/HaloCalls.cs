using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Samples.Demo;

/// <summary>The calls of the contract that the demonstration makes, as plain HTTP.</summary>
sealed class HaloCalls(Uri api) : IDisposable
{
    const int WaitMs = 5_000;
    readonly HttpClient _http = new() { BaseAddress = api, Timeout = TimeSpan.FromMinutes(2) };

    public async Task<bool> IsReadyAsync(CancellationToken stop)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri("health/ready", UriKind.Relative), stop);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public void UseAdminKey(string key) => _http.DefaultRequestHeaders.Add("Halo-Admin-Key", key);

    /// <summary>Makes an integrator and calls as this one from now on.</summary>
    public async Task<(Guid Id, string Key)> MakeIntegratorAsync(string name, CancellationToken stop)
    {
        using var response = await _http.PostAsJsonAsync("admin/v1/integrators", new { name }, stop);
        await ExpectAsync(response, HttpStatusCode.Created, stop);
        var made = (await response.Content.ReadFromJsonAsync<JsonObject>(stop))!;
        var key = made["keys"]!["primary"]!.GetValue<string>();
        _http.DefaultRequestHeaders.Add("Ocp-Apim-Subscription-Key", key);
        return (made["id"]!.GetValue<Guid>(), key);
    }

    public async Task<IReadOnlyList<Site>> ListSitesAsync(CancellationToken stop) =>
        (await GetAsync("admin/v1/sites", HaloJson.Default.SiteList, stop)).Sites;

    public async Task PairAsync(Guid integratorId, Guid siteId, CancellationToken stop)
    {
        using var response = await _http.PutAsync(new Uri($"admin/v1/integrators/{integratorId}/pairings/{siteId}", UriKind.Relative), null, stop);
        await ExpectAsync(response, HttpStatusCode.OK, stop);
    }

    public Task<Query> ImmediateAsync(Guid siteId, object body, CancellationToken stop) =>
        PostAsync($"integrator/sites/{siteId}/queries/immediate", body, HttpStatusCode.OK, stop);

    public Task<Query> QueueAsync(Guid siteId, object body, CancellationToken stop) =>
        PostAsync($"integrator/sites/{siteId}/queries/async", body, HttpStatusCode.Created, stop);

    /// <summary>The query as it stands; comes back early when it is final.</summary>
    public Task<Query> GetQueryAsync(Guid siteId, Guid queryId, CancellationToken stop) =>
        GetAsync($"integrator/sites/{siteId}/queries/{queryId}?wait={WaitMs}", HaloJson.Default.Query, stop);

    public Task<PageContent> GetPageAsync(Guid siteId, Guid queryId, int page, CancellationToken stop) =>
        GetAsync($"integrator/sites/{siteId}/queries/{queryId}/results/{page}", HaloJson.Default.PageContent, stop);

    public void Dispose() => _http.Dispose();

    async Task<Query> PostAsync(string path, object body, HttpStatusCode expected, CancellationToken stop)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, JsonSerializerOptions.Web));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await _http.PostAsync(new Uri(path, UriKind.Relative), content, stop);
        await ExpectAsync(response, expected, stop);
        return (await response.Content.ReadFromJsonAsync(HaloJson.Default.Query, stop))!;
    }

    async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken stop)
    {
        using var response = await _http.GetAsync(new Uri(path, UriKind.Relative), stop);
        await ExpectAsync(response, HttpStatusCode.OK, stop);
        return (await response.Content.ReadFromJsonAsync(type, stop))!;
    }

    static async Task ExpectAsync(HttpResponseMessage response, HttpStatusCode expected, CancellationToken stop)
    {
        if (response.StatusCode == expected)
            return;
        var request = response.RequestMessage!;
        throw new DemoException($"{request.Method} {request.RequestUri!.AbsolutePath} answered {(int)response.StatusCode} instead of {(int)expected}:",
            [await response.Content.ReadAsStringAsync(stop)]);
    }
}
