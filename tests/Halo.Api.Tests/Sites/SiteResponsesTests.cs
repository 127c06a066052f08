using System.Net.Http.Json;
using System.Text.Json;
using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Sites;

public class SiteResponsesTests
{
    [Fact]
    public async Task A_program_of_the_old_release_gets_its_own_words()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync();
        var (_, key, _) = await host.CreateIntegratorAsync();
        var path = $"/integrator/sites/{link.SiteId}";

        // Enrolled and never heard of over the line.
        Assert.Equal("unreachable", (await GetAsync(host, path, key)).GetProperty("availability").GetString());
        Assert.Equal("unavailable", (await GetAsync(host, path, key, "22.1219")).GetProperty("availability").GetString());

        await link.ConnectAsync();
        var now = await GetAsync(host, path, key);
        var old = await GetAsync(host, path, key, "22.1219");
        Assert.Equal("online", old.GetProperty("availability").GetString());
        Assert.Equal(now.GetProperty("haloLinkVersion").GetString(), old.GetProperty("HaloLinkVersion").GetString());
        Assert.Equal(now.GetProperty("heartbeatTimestampUTC").GetString(), old.GetProperty("HeartbeatTimestampUTC").GetString());
        Assert.True(old.TryGetProperty("ClientTimestampUTC", out _));
        Assert.False(old.TryGetProperty("haloLinkVersion", out _));
        Assert.False(now.TryGetProperty("HaloLinkVersion", out _));
        var found = await GetAsync(host, "/integrator/sites?practiceManagementSiteId=12345&practiceManagementName=BestPractice", key, "22.1219");
        Assert.True(Assert.Single(found.GetProperty("sites").EnumerateArray()).TryGetProperty("HaloLinkVersion", out _));
    }

    static async Task<JsonElement> GetAsync(ApiHost host, string path, string key, string? version = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        if (version is not null)
            request.Headers.Add("Halo-Version", version);
        using var response = await host.Client.SendAsync(request);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }
}
