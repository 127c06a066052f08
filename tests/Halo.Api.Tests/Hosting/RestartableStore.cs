using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Storage;

namespace Halo.Api.Tests.Hosting;

/// <summary>What a service leaves behind for the next one.</summary>
sealed class RestartableStore : IAsyncDisposable
{
    readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("halo-restart-");

    RestartableStore(string? connectionString) => Settings =
    [
        $"Halo:DataDirectory={_directory.FullName}",
        .. connectionString is null
            ? Array.Empty<string>()
            : [$"Halo:Storage:ConnectionString={connectionString}", $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}"],
    ];

    /// <summary>For each service over it.</summary>
    public string[] Settings { get; }

    public static async Task<RestartableStore> CreateAsync(StoreKind kind, SharedPostgres postgres) =>
        new(kind == StoreKind.Sqlite ? null : await (await postgres.GetAsync()).CreateDatabaseAsync());

    public ValueTask DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
