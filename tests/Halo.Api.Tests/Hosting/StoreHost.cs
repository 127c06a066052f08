using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Hosting;

/// <summary>The service on one store or the other.</summary>
static class StoreHost
{
    public static async Task<ApiHost> StartAsync(StoreKind kind, SharedPostgres postgres, params string[] settings) => kind == StoreKind.Sqlite
        ? await ApiHost.StartAsync(settings)
        : await ApiHost.StartAsync([
            .. settings,
            $"Halo:Storage:ConnectionString={await (await postgres.GetAsync()).CreateDatabaseAsync()}",
            $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}",
        ]);
}
