using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Admin;
using Halo.Testing;

namespace Halo.Api.Tests.Operators;

/// <summary>Refused calls of operators' routes, and the use of the admin key, stand in the service's log; keys never do.</summary>
public sealed class AdminCallLogTests
{
    [Fact]
    public async Task What_was_refused_is_logged_once_an_hour_for_each_caller_and_route()
    {
        var time = new ManualTime();
        await using var host = await ApiHost.StartAsync(time, HostLines.Settings);
        var lines = HostLines.Of(host);
        using (var early = await host.SendAsync(HttpMethod.Get, "/admin/v1/me", adminKey: ApiHost.AdminKey))
            Assert.Empty(lines.With("The admin key is used"));
        var ann = (await host.AdminAsync(HttpMethod.Post, "/admin/v1/operators",
            JsonSerializer.Serialize(new CreateOperatorRequest("Ann", OperatorRole.Viewer, time.GetUtcNow().AddHours(2)), AdminJson.Default.CreateOperatorRequest))).Deserialize(AdminJson.Default.NewOperator)!;
        for (var i = 0; i < 3; i++)
        {
            await CallAsync(host, HttpMethod.Post, $"/admin/v1/links/{Guid.NewGuid()}/approve", ann.Key, 403);
            await CallAsync(host, HttpMethod.Get, "/admin/v1/me", "haloop_made-up", 401);
            await CallAsync(host, HttpMethod.Get, "/admin/v1/me", ApiHost.AdminKey, 200);
        }
        await CallAsync(host, HttpMethod.Get, "/admin/v1/operators", ann.Key, 403);
        var refused = lines.With("Operator Ann");
        Assert.Equal(2, refused.Count);
        Assert.Contains("POST /admin/v1/links/{linkId}/approve: its role is Viewer, and Operator is required", refused[0], StringComparison.Ordinal);
        Assert.All((string[])["A wrong or revoked key of an operator", "The admin key is used"], text => Assert.StartsWith("Warning:", Assert.Single(lines.With(text)), StringComparison.Ordinal));

        time.Advance(TimeSpan.FromHours(1));
        await CallAsync(host, HttpMethod.Get, "/admin/v1/operators", ann.Key, 403);
        Assert.Equal(3, lines.With("Operator Ann").Count);
        time.Advance(TimeSpan.FromHours(1));
        await CallAsync(host, HttpMethod.Get, "/admin/v1/me", ann.Key, 401);
        await CallAsync(host, HttpMethod.Get, "/admin/v1/me", ann.Key, 401);
        Assert.Single(lines.With("The key of operator Ann, which expired"));
        Assert.All((string[])[ann.Key, "made-up", ApiHost.AdminKey], key => Assert.Empty(lines.With(key)));
    }

    static async Task CallAsync(ApiHost host, HttpMethod method, string path, string key, int status)
    {
        using var response = await host.SendAsync(method, path, adminKey: key);
        Assert.Equal(status, (int)response.StatusCode);
    }
}
