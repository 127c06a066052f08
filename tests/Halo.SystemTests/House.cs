using System.Net;
using System.Security.Cryptography;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests;

/// <summary>A class's own API, Link and paired integrator, for tests that break nothing.</summary>
/// <param name="engine">Of the practice.</param>
public abstract class House(string engine, Func<Task<(string, string)[]>> settings, Func<HaloFixture, Task<LinkSite>> practice) : IAsyncLifetime
{
    HaloFixture? _fixture;
    LinkProgram? _link;
    Site? _site;
    IntegratorClient? _integrator;

    public string Engine { get; } = engine;

    public HaloFixture Fixture => _fixture!;

    public LinkProgram Link => _link!;

    public Site Site => _site!;

    public IntegratorClient Integrator => _integrator!;

    /// <summary>The API's store in a new database of <paramref name="postgres"/>.</summary>
    public static async Task<(string, string)[]> PostgresStoreAsync(SharedPostgres postgres) =>
    [
        ("Halo__Storage__ConnectionString", await postgres.Server.CreateDatabaseAsync()),
        ("Halo__Encryption__MasterKey", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))),
    ];

    /// <summary>Runs an async query to its successful end.</summary>
    public async Task<Query> ExportAsync(string sql)
    {
        var queued = await Integrator.QueueAsync(Site.Id, sql);
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        Assert.EndsWith($"/integrator/sites/{Site.Id}/queries/{queued.Query.Id}", queued.Headers.Location!.ToString(), StringComparison.Ordinal);
        var query = await Integrator.WhenFinalAsync(Site.Id, queued.Query.Id);
        Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");
        return query;
    }

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
}

/// <summary>The embedded store, a practice in SQLite.</summary>
public sealed class SqliteHouse() : House("sqlite",
    () => Task.FromResult<(string, string)[]>([]),
    fixture => Task.FromResult(new LinkSite("sqlite", fixture.SqliteFile())));

/// <summary>PostgreSQL on both sides.</summary>
public sealed class PostgresHouse(SharedPostgres postgres) : House("postgres",
    () => PostgresStoreAsync(postgres),
    async _ => new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
