using Halo.Link.Engines;
using Halo.Testing;

[assembly: AssemblyFixture(typeof(Halo.Link.Tests.Engines.SharedPostgres))]

namespace Halo.Link.Tests.Engines;

/// <summary>One server for all tests of this assembly, started at the first need.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    readonly Lazy<Task<PostgresServer>> _server = new(() => PostgresServer.StartAsync("fsync=off"));

    /// <summary>An engine on a database of its own; skips the test where there is no PostgreSQL.</summary>
    internal async Task<EngineBench> NewAsync(string? settings = null) =>
        new(DatabaseEngines.Create(EngineNames.Postgres, await NewDatabaseAsync() + settings, TimeProvider.System));

    /// <summary>The connection string of a database of its own; skips the test where there is no PostgreSQL.</summary>
    internal async Task<string> NewDatabaseAsync()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        return await (await _server.Value).CreateDatabaseAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated)
            await (await _server.Value).DisposeAsync();
    }
}

/// <summary>An empty SQLite file, gone after the test.</summary>
sealed class SqliteFile : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-sqlite-").FullName;

    public SqliteFile() => File.WriteAllBytes(Path, []);

    public string Path => System.IO.Path.Combine(_directory, "practice.db");

    public EngineBench Open(TimeProvider? time = null) =>
        new(DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={Path}", time ?? TimeProvider.System), time);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
