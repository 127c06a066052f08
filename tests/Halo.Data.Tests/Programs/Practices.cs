using Halo.Data.Tests.Programs;
using Halo.Testing;
using Halo.Testing.Processes;

[assembly: AssemblyFixture(typeof(Practices))]

namespace Halo.Data.Tests.Programs;

/// <summary>One API for all tests that break nothing, with a practice on each engine behind a Link of its own. Tests share its databases, and call their tables by names of their own.</summary>
public sealed class Practices : IAsyncLifetime
{
    readonly SemaphoreSlim _one = new(1);
    readonly Dictionary<string, string> _connections = [];
    HaloFixture? _fixture;

    public async ValueTask InitializeAsync() => _fixture = await HaloFixture.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
        _one.Dispose();
    }

    /// <summary>How to connect to the practice on an engine, which is started where it does not run yet.</summary>
    /// <param name="postgres">For PostgreSQL; null: it is SQLite.</param>
    public async Task<string> StartedAsync(SharedPostgres? postgres)
    {
        var (engine, id) = postgres is null ? ("sqlite", "1") : ("postgres", "2");
        await _one.WaitAsync();
        try
        {
            if (_connections.TryGetValue(engine, out var known))
                return known;
            var database = postgres is null ? _fixture!.SqliteFile() : await postgres.Server.CreateDatabaseAsync();
            var (_, _, integrator) = await _fixture!.AddPairedAsync(new LinkSite(engine, database) { PracticeManagementSiteId = id });
            return _connections[engine] = $"Api={_fixture.Api.Address};Key={integrator.Key};Site=Zedmed/{id}";
        }
        finally
        {
            _one.Release();
        }
    }
}

/// <summary>The practice of a class's tests. Skips them where PostgreSQL is missing.</summary>
public abstract class SharedPractice(Practices practices, SharedPostgres? postgres) : IAsyncLifetime
{
    public string ConnectionString { get; private set; } = "";

    public bool IsPostgres => postgres is not null;

    public async ValueTask InitializeAsync() => ConnectionString = await practices.StartedAsync(postgres);

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }
}

public sealed class SqlitePractice(Practices practices) : SharedPractice(practices, null);

public sealed class PostgresPractice(Practices practices, SharedPostgres postgres) : SharedPractice(practices, postgres);
