using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Testing.Processes;

/// <summary>An answer as it came.</summary>
public sealed record Answer(HttpStatusCode Status, string Body, HttpResponseHeaders Headers)
{
    /// <summary>The query's envelope.</summary>
    public Query Query => JsonSerializer.Deserialize(Body, HaloJson.Default.Query)!;

    /// <summary>The general error.</summary>
    public ApiError Error => JsonSerializer.Deserialize(Body, HaloJson.Default.ErrorResponse)!.Error;

    public override string ToString() => $"{(int)Status} {Body}";
}

/// <summary>An integrator who calls the API as the contract has it.</summary>
public sealed class IntegratorClient : IDisposable
{
    readonly HttpClient _http;

    public IntegratorClient(Uri api, Guid id, string key)
    {
        (Id, Key) = (id, key);
        _http = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.None }) { BaseAddress = api, Timeout = TimeSpan.FromMinutes(5) };
        _http.DefaultRequestHeaders.Add("Ocp-Apim-Subscription-Key", key);
    }

    public Guid Id { get; }

    public string Key { get; }

    public HttpClient Http => _http;

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await _http.SendAsync(request);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
    }

    public Task<Answer> ImmediateAsync(Guid siteId, string sql, string mode = "reader", object[]? parameters = null, int? maxTimeInQueue = null) =>
        SendAsync(HttpMethod.Post, $"integrator/sites/{siteId}/queries/immediate", Body(sql, mode, parameters, maxTimeInQueue));

    public Task<Answer> QueueAsync(Guid siteId, string sql, string mode = "reader", object[]? parameters = null, int? maxTimeInQueue = null) =>
        SendAsync(HttpMethod.Post, $"integrator/sites/{siteId}/queries/async", Body(sql, mode, parameters, maxTimeInQueue));

    /// <summary>The query once it is final.</summary>
    public async Task<Query> WhenFinalAsync(Guid siteId, Guid queryId, TimeSpan? limit = null) => (await Eventually.BecomesAsync(
        () => GetAsync($"integrator/sites/{siteId}/queries/{queryId}?wait=5000"),
        answer => answer.Status == HttpStatusCode.OK ? answer.Query.CompletedAt is not null : throw new InvalidOperationException(answer.ToString()), limit)).Query;

    /// <summary>The query as it stands.</summary>
    public async Task<Query> FindAsync(Guid siteId, Guid queryId) => (await GetAsync($"integrator/sites/{siteId}/queries/{queryId}")).Query;

    /// <summary>The JSON array of one page.</summary>
    public async Task<JsonDocument> PageAsync(Guid siteId, Guid queryId, int page)
    {
        var content = await _http.GetFromJsonAsync($"integrator/sites/{siteId}/queries/{queryId}/results/{page}", HaloJson.Default.PageContent);
        return JsonDocument.Parse(Convert.FromBase64String(content!.Data));
    }

    public void Dispose() => _http.Dispose();

    public static string Body(string sql, string mode = "reader", object[]? parameters = null, int? maxTimeInQueue = null) =>
        JsonSerializer.Serialize(new { maxTimeInQueue, command = new { text = sql, executionMode = mode, parameters } }, IgnoreNulls);

    static readonly JsonSerializerOptions IgnoreNulls = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };
}
