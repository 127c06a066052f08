using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;

namespace Halo.Api.Tests.Integrators;

public class IntegratorRulesTests
{
    const string Search = "/integrator/sites?practiceManagementSiteId=1&practiceManagementName=Zedmed";

    [Fact]
    public async Task Only_addresses_on_the_list_are_let_in()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PatchAsync(host, id, """{ "allowedAddresses": ["203.0.113.0/24", "2001:db8::/32"] }""");
        using var refused = await host.SendAsync(HttpMethod.Get, Search, key: key);
        var error = await refused.ErrorAsync(403);
        Assert.Equal((ErrorCodes.AddressNotAllowed, "Caller IP not allowed"), (error.Code, error.Message));
        await PatchAsync(host, id, """{ "allowedAddresses": ["127.0.0.1"] }""");
        Assert.Equal(200, await CallAsync(host, key));
        Assert.Equal("127.0.0.1/32", (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{id}")).GetProperty("allowedAddresses")[0].GetString());
        await PatchAsync(host, id, """{ "allowedAddresses": [] }""");
        Assert.Equal(200, await CallAsync(host, key));
    }

    [Fact]
    public async Task A_trusted_proxy_is_believed_about_its_caller()
    {
        await using var host = await ApiHost.StartAsync("Halo:TrustedProxies=127.0.0.0/8, ::1");
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PatchAsync(host, id, """{ "allowedAddresses": ["203.0.113.0/24", "2001:db8::/32"] }""");
        Assert.Equal(200, await CallAsync(host, key, "203.0.113.9"));
        Assert.Equal(200, await CallAsync(host, key, "2001:db8::7"));
        Assert.Equal(403, await CallAsync(host, key, "198.51.100.1"));
        // What a caller writes there itself stands before the address that the proxy saw.
        Assert.Equal(403, await CallAsync(host, key, "203.0.113.9, 198.51.100.1"));
        Assert.Equal(403, await CallAsync(host, key));
    }

    [Fact]
    public async Task Nobody_else_is_believed_about_its_address()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PatchAsync(host, id, """{ "allowedAddresses": ["203.0.113.0/24"] }""");
        Assert.Equal(403, await CallAsync(host, key, "203.0.113.9"));
    }

    [Fact]
    public async Task Who_calls_too_fast_is_told_when_to_come_back()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await PatchAsync(host, id, """{ "rateLimit": 1 }""");
        // The bucket refills as time goes by, so a slow machine needs more than two calls.
        var limited = false;
        await Until.TrueAsync(async () =>
        {
            using var response = await host.SendAsync(HttpMethod.Get, Search, key: key);
            if ((int)response.StatusCode != 429)
                return false;
            Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter!.Delta);
            return limited = true;
        });
        Assert.True(limited);
        await Until.TrueAsync(async () => await CallAsync(host, key) == 200);
    }

    [Fact]
    public async Task The_days_quota_counts_queries()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{id}/pairings/{link.SiteId}");
        Assert.Equal(201, await AskAsync(host, link.SiteId, key));
        await PatchAsync(host, id, """{ "quota": 2 }""");
        Assert.Equal(201, await AskAsync(host, link.SiteId, key));
        Assert.Equal(403, await AskAsync(host, link.SiteId, key));
        await PatchAsync(host, id, """{ "quota": 0 }""");
        Assert.Equal(201, await AskAsync(host, link.SiteId, key));
    }

    [Fact]
    public async Task Every_fault_of_a_change_is_named_and_none_of_it_is_done()
    {
        await using var host = await ApiHost.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        using var response = await host.SendAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}",
            """{ "name": " ", "enabled": false, "allowedAddresses": ["10.0.0.0/33", "nowhere"], "pairWithoutCode": ["BestPractice"], "rateLimit": -1, "quota": -1 }""",
            adminKey: ApiHost.AdminKey);
        Assert.Equal(["name", "allowedAddresses[0]", "allowedAddresses[1]", "pairWithoutCode[0]", "rateLimit", "quota"],
            (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
        Assert.Equal(200, await CallAsync(host, key));
    }

    static async Task PatchAsync(ApiHost host, Guid id, string change) => await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", change);

    static async Task<int> CallAsync(ApiHost host, string key, string? forwardedFor = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Search);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
            request.Headers.Add("X-Forwarded-Proto", string.Join(", ", forwardedFor.Split(',').Select(_ => "https")));
        }
        using var response = await host.Client.SendAsync(request);
        return (int)response.StatusCode;
    }

    static async Task<int> AskAsync(ApiHost host, Guid siteId, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{siteId}/queries/async", """{ "sqlQuery": "SELECT 1" }""", key);
        return (int)response.StatusCode;
    }
}
