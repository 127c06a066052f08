using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Synthea;

/// <summary>The sample in both databases, one Link that serves both as two sites.</summary>
public sealed class SyntheaHouse(SharedPostgres postgres) : IAsyncLifetime
{
    HaloFixture? _fixture;
    IntegratorClient? _integrator;

    /// <summary>Where the sample stands; null where it is absent.</summary>
    public static string? Data { get; } = Repository.Shared(Path.Combine("data", "synthea"));

    public IntegratorClient Integrator => _integrator!;

    public Uri Address => _fixture!.Api.Address;

    public string TemporaryDirectory => _fixture!.TemporaryDirectory;

    /// <summary>Sites by engine.</summary>
    public Dictionary<string, Site> Sites { get; } = [];

    public string SqliteConnectionString { get; private set; } = "";

    public string PostgresConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        if (Data is null)
            return;
        _fixture = await HaloFixture.StartAsync();
        var practices = new List<LinkSite>();
        SqliteConnectionString = _fixture.SqliteFile("synthea.db");
        practices.Add(new("sqlite", SqliteConnectionString) { PracticeManagementSiteId = "sqlite" });
        if (PostgresServer.Missing is null)
        {
            PostgresConnectionString = await postgres.Server.CreateDatabaseAsync();
            practices.Add(new("postgres", PostgresConnectionString) { PracticeManagementSiteId = "postgres" });
        }
        await LoadAsync();
        _integrator = await _fixture.MakeIntegratorAsync();
        foreach (var site in await _fixture.AddLink([.. practices]).StartAsync())
        {
            Sites[site.PracticeManagementSiteId] = site;
            await _fixture.Api.PairAsync(_integrator, site.Id);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
    }

    async Task LoadAsync()
    {
        await using var sqlite = new SqliteConnection(SqliteConnectionString + ";Pooling=False");
        await sqlite.OpenAsync();
        await using var npgsql = PostgresConnectionString.Length > 0 ? new NpgsqlConnection(PostgresConnectionString) : null;
        if (npgsql is not null)
            await npgsql.OpenAsync();
        foreach (var file in Directory.EnumerateFiles(Data!, "*.csv").Order().Append(Oddities.WriteTo(_fixture!.TemporaryDirectory)))
        {
            var table = SyntheaTable.Load(file);
            SyntheaLoader.Load(sqlite, table);
            if (npgsql is not null)
                await SyntheaLoader.LoadAsync(npgsql, table);
        }
    }
}
