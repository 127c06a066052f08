using System.Security.Cryptography;
using Halo.Contracts.Sites;
using Halo.Testing.Processes;

namespace Halo.SystemTests;

/// <summary>A class's own API, Link and paired integrator, for tests that break nothing.</summary>
public abstract class House(Func<Task<(string, string)[]>> settings, Func<HaloFixture, Task<LinkSite>> practice) : IAsyncLifetime
{
    HaloFixture? _fixture;
    LinkProgram? _link;
    Site? _site;
    IntegratorClient? _integrator;

    public HaloFixture Fixture => _fixture!;

    public LinkProgram Link => _link!;

    public Site Site => _site!;

    public IntegratorClient Integrator => _integrator!;

    public async ValueTask InitializeAsync()
    {
        _fixture = await HaloFixture.StartAsync(await settings());
        (_link, _site, _integrator) = await _fixture.AddPairedAsync(await practice(_fixture));
    }

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>An empty practice in SQLite.</summary>
    protected static Task<LinkSite> EmptySqliteAsync(HaloFixture fixture) => Task.FromResult(new LinkSite("sqlite", fixture.SqliteFile()));

    /// <summary>The API's store in a new database of <paramref name="postgres"/>.</summary>
    protected static async Task<(string, string)[]> PostgresStoreAsync(SharedPostgres postgres) =>
    [
        ("Halo__Storage__ConnectionString", await postgres.Server.CreateDatabaseAsync()),
        ("Halo__Encryption__MasterKey", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))),
    ];
}

/// <summary>The embedded store, a practice in SQLite.</summary>
public sealed class SqliteHouse() : House(() => Task.FromResult<(string, string)[]>([]), EmptySqliteAsync);

/// <summary>PostgreSQL on both sides.</summary>
public sealed class PostgresHouse(SharedPostgres postgres) : House(
    () => PostgresStoreAsync(postgres),
    async _ => new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
