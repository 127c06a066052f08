using Halo.Api.Results.Pages;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Ledger;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

[assembly: AssemblyFixture(typeof(Halo.Api.Tests.Storage.SharedPostgres))]

namespace Halo.Api.Tests.Storage;

public enum StoreKind
{
    Sqlite,
    Postgres,
}

/// <summary>One PostgreSQL for all tests of the assembly, started when the first one needs it.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    readonly Lazy<Task<PostgresServer>> _server = new(() => PostgresServer.StartAsync("fsync=off"));

    public Task<PostgresServer> GetAsync()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        return _server.Value;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated)
            await (await _server.Value).DisposeAsync();
    }
}

/// <summary>An empty, migrated store with a ledger over it, and a clock of the test's own.</summary>
sealed class TestStore : IAsyncDisposable
{
    TestStore(string directory, string? connectionString, ManualTime time)
    {
        Path = directory;
        Time = time;
        Directory = DataDirectory.Prepare(directory);
        Options = new() { ConnectionString = connectionString };
        Database = Options.Open(Directory, time);
        Keys = new(new(new byte[32]), []);
        Pages = new(Directory, time, NullLogger<FilePageStore>.Instance);
        Ledger = new(Database, Keys, Pages, new(), time);
    }

    public string Path { get; }
    public ManualTime Time { get; }
    public DataDirectory Directory { get; }
    public DatabaseOptions Options { get; }
    public Database Database { get; }
    public MasterKeys Keys { get; }
    public FilePageStore Pages { get; }
    public TestLedger Ledger { get; }
    public DateTimeOffset Now => Time.GetUtcNow();

    public static async Task<TestStore> CreateAsync(StoreKind kind, SharedPostgres postgres, bool migrate = true)
    {
        var connectionString = kind == StoreKind.Postgres ? await (await postgres.GetAsync()).CreateDatabaseAsync() : null;
        var store = new TestStore(System.IO.Directory.CreateTempSubdirectory("halo-store-").FullName, connectionString, new());
        if (migrate)
            await store.Database.MigrateAsync();
        return store;
    }

    /// <summary>A second process on the same store.</summary>
    public Database OpenAgain() => Options.Open(Directory, Time);

    public async Task<long> CountAsync(string sql) => (await Database.ReadAsync(r => r.GetInt64(0), sql))[0];

    public Task RunAsync(string sql, params (string, object?)[] values) => Database.WriteAsync(t => t.RunAsync(sql, values));

    public Guid NewId()
    {
        Time.Advance(TimeSpan.FromMilliseconds(1));
        return Guid.CreateVersion7(Now);
    }

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        System.IO.Directory.Delete(Path, recursive: true);
    }
}
