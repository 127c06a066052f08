using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Hosting;

/// <summary>The service on one store or the other.</summary>
static class StoreHost
{
    public static Task<ApiHost> StartAsync(StoreKind kind, SharedPostgres postgres, params string[] settings) =>
        StartAsync(kind, postgres, TimeProvider.System, settings);

    public static async Task<ApiHost> StartAsync(StoreKind kind, SharedPostgres postgres, TimeProvider time, params string[] settings) => kind == StoreKind.Sqlite
        ? await ApiHost.StartAsync(time, settings)
        : await ApiHost.StartAsync(time,
        [
            .. settings,
            $"Halo:Storage:ConnectionString={await (await postgres.GetAsync()).CreateDatabaseAsync()}",
            $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}",
        ]);
}
