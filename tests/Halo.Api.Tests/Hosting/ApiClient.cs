using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Hosting;

/// <summary>Calls as an operator or an integrator makes them.</summary>
public static class ApiClient
{
    public static async Task<HttpResponseMessage> SendAsync(
        this ApiHost host, HttpMethod method, string path, string? body = null, string? key = null, string? adminKey = null, string type = "application/json",
        CancellationToken stop = default)
    {
        using var request = new HttpRequestMessage(method, path);
        if (key is not null)
            request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        if (adminKey is not null)
            request.Headers.Add("Halo-Admin-Key", adminKey);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type);
        return await host.Client.SendAsync(request, stop);
    }

    public static async Task<JsonElement> AdminAsync(this ApiHost host, HttpMethod method, string path, string? body = null)
    {
        using var response = await host.SendAsync(method, path, body, adminKey: ApiHost.AdminKey);
        Assert.True(response.IsSuccessStatusCode, $"{method} {path} answered {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    /// <summary>A new integrator.</summary>
    public static async Task<(Guid Id, string Primary, string Secondary)> CreateIntegratorAsync(this ApiHost host)
    {
        var created = await host.AdminAsync(HttpMethod.Post, "/admin/v1/integrators", """{ "name": "Recall Ltd" }""");
        var keys = created.GetProperty("keys");
        return (created.GetProperty("id").GetGuid(), keys.GetProperty("primary").GetString()!, keys.GetProperty("secondary").GetString()!);
    }

    /// <summary>A new integrator that is paired with a site.</summary>
    public static async Task<string> CreatePairedAsync(this ApiHost host, Guid siteId)
    {
        var (id, key, _) = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{siteId}");
        return key;
    }

    public static async Task<Query> QueryAsync(this HttpResponseMessage response) =>
        (await response.Content.ReadFromJsonAsync(HaloJson.Default.Query))!;

    /// <summary>The general error, which has to be there, whole.</summary>
    public static async Task<ApiError> ErrorAsync(this HttpResponseMessage response, int status)
    {
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"answered {(int)response.StatusCode}: {text}");
        var error = JsonSerializer.Deserialize(text, HaloJson.Default.ErrorResponse)!.Error;
        Assert.Equal(status, error.Status);
        Assert.False(string.IsNullOrWhiteSpace(error.StatusText));
        Assert.False(string.IsNullOrWhiteSpace(error.Message));
        Assert.NotNull(error.Code);
        return error;
    }
}
