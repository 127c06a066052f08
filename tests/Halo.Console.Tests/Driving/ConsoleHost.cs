using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Admin;

namespace Halo.Console.Tests.Driving;

/// <summary>A service with the console.</summary>
static class ConsoleHost
{
    public static Task<ApiHost> StartAsync(params string[] settings) => ApiHost.StartAsync(["Halo:Console:Enabled=true", .. settings]);

    public static Task<ApiHost> StartAsync(TimeProvider time, params string[] settings) => ApiHost.StartAsync(time, ["Halo:Console:Enabled=true", .. settings]);

    public static async Task<(Guid Id, string Key)> MakeOperatorAsync(this ApiHost host, string name, OperatorRole role, DateTimeOffset? expiresAt = null)
    {
        var made = await host.AdminAsync(HttpMethod.Post, "/admin/v1/operators", JsonSerializer.Serialize(new CreateOperatorRequest(name, role, expiresAt), AdminJson.Default.CreateOperatorRequest));
        return (made.GetProperty("id").GetGuid(), made.GetProperty("key").GetString()!);
    }
}
