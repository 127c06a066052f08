using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;

namespace Halo.Api.Tests.Endpoints.ForOperators;

public class AdminTests
{
    [Fact]
    public async Task A_rotated_key_is_dead_when_the_call_answers_and_the_other_lives()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, primary, secondary) = await host.CreateIntegratorAsync();
        var fresh = (await host.AdminAsync(HttpMethod.Post, $"/admin/v1/integrators/{id}/keys/primary/rotate")).GetProperty("key").GetString()!;
        Assert.Equal(401, await SearchAsync(host, primary));
        Assert.Equal(200, await SearchAsync(host, secondary));
        Assert.Equal(200, await SearchAsync(host, fresh));
    }

    [Fact]
    public async Task A_disabled_integrator_gets_nothing_until_it_is_enabled()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "enabled": false }""");
        Assert.Equal(403, await SearchAsync(host, key));
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "enabled": true, "name": "Renamed" }""");
        Assert.Equal(200, await SearchAsync(host, key));
        Assert.Equal("Renamed", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}")).GetProperty("name").GetString());
    }

    [Fact]
    public async Task A_name_with_what_no_store_takes_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", """{ "name": "a\u0000b" }""", adminKey: ApiHost.AdminKey);
        Assert.Contains("U+0000", (await response.ErrorAsync(400)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_are_paged()
    {
        await using var host = await ApiHost.StartAsync();
        for (var i = 0; i < 3; i++)
            await host.CreateIntegratorAsync();
        var first = await host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators?limit=2");
        Assert.Equal(2, first.GetProperty("integrators").GetArrayLength());
        var last = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators?limit=2&after={first.GetProperty("next").GetString()}");
        Assert.Equal(1, last.GetProperty("integrators").GetArrayLength());
        Assert.False(last.TryGetProperty("next", out _));
    }

    [Fact]
    public async Task A_pairing_ends_when_the_call_answers()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
        using var paired = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", """{ "sqlQuery": "SELECT 1" }""", key);
        Assert.Equal(201, (int)paired.StatusCode);
        using var removed = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}", adminKey: ApiHost.AdminKey);
        Assert.Equal(200, (int)removed.StatusCode);
        using var refused = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", """{ "sqlQuery": "SELECT 1" }""", key);
        Assert.Equal(ErrorCodes.NotPaired, (await refused.ErrorAsync(403)).Code);
        Assert.Empty(await link.ClaimAsync());
    }

    [Fact]
    public async Task The_api_describes_itself()
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Get, "/openapi/v1.json");
        using var document = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        var paths = document.RootElement.GetProperty("paths").EnumerateObject().Select(p => p.Name).ToList();
        Assert.Contains("/integrator/sites/{siteId}/queries/immediate", paths);
        Assert.Contains("/integrator/sites/{siteId}/queries/{queryId}/results/{pageNumber}/stream", paths);
        Assert.DoesNotContain(paths, p => p.StartsWith("/link/", StringComparison.Ordinal));
        using var page = await host.SendAsync(HttpMethod.Get, "/docs/index.html");
        Assert.Equal(200, (int)page.StatusCode);
    }

    static async Task<int> SearchAsync(ApiHost host, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/integrator/sites?practiceManagementSiteId=1&practiceManagementName=Zedmed", key: key);
        return (int)response.StatusCode;
    }
}
