using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.Link.Sites;
using Halo.Link.Tests.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Sites;

public sealed class DatabaseHealthsTests
{
    static LocalSites Sites(string engine, string connectionString) => new(
    [
        new LocalSite(Guid.NewGuid(), new()
        {
            Engine = engine,
            ConnectionString = connectionString,
            PracticeManagementName = new("Best Practice", null),
            PracticeManagementSiteId = new("12345", null),
            Catalogues = [new("practice", null, true)],
        }, (name, c) => DatabaseEngines.Create(name, c, TimeProvider.System)),
    ]);

    static async Task<DatabaseHealth> CheckAsync(LocalSites sites) =>
        Assert.Single(await new DatabaseHealths(sites, TimeProvider.System, NullLogger<DatabaseHealths>.Instance).CheckAsync(TestContext.Current.CancellationToken)).Health;

    [Fact]
    public async Task A_file_that_is_no_database_fails()
    {
        using var file = new SqliteFile();
        await using var sites = Sites(EngineNames.Sqlite, $"Data Source={file.Path}");
        Assert.Equal(DatabaseStatus.Healthy, (await CheckAsync(sites)).Status);
        await File.WriteAllTextAsync(file.Path, string.Concat(Enumerable.Repeat("no database at all ", 100)), TestContext.Current.CancellationToken);
        var health = await CheckAsync(sites);
        Assert.Equal((DatabaseStatus.Failing, "26"), (health.Status, health.ErrorCode));
    }

    /// <summary>With the heartbeats, which bring what is found, it would end too.</summary>
    [Fact]
    public async Task A_driver_that_gives_up_by_itself_fails_and_ends_no_check()
    {
        await using var sites = new LocalSites(
        [
            new LocalSite(Guid.NewGuid(), new()
            {
                Engine = EngineNames.Sqlite,
                ConnectionString = "Data Source=:memory:",
                PracticeManagementName = new("Best Practice", null),
                PracticeManagementSiteId = new("12345", null),
                Catalogues = [new("practice", null, true)],
            }, (name, c) => HeldEngine.Of(DatabaseEngines.Create(name, c, TimeProvider.System), held => held.Pinging = () => throw new OperationCanceledException())),
        ]);
        Assert.Equal(DatabaseStatus.Failing, (await CheckAsync(sites)).Status);
    }

    [Fact]
    public async Task A_server_that_died_behind_its_pooled_connection_fails_and_when_it_is_back_no_query_meets_a_dead_connection()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        var server = await PostgresServer.StartAsync("fsync=off");
        await using var sites = Sites(EngineNames.Postgres, server.ConnectionString());
        await using (server)
            await OutliveItsConnectionAsync(server, sites);
        Assert.Equal(DatabaseStatus.Failing, (await CheckAsync(sites)).Status);
    }

    static async Task OutliveItsConnectionAsync(PostgresServer server, LocalSites sites)
    {
        Assert.Equal(DatabaseStatus.Healthy, (await CheckAsync(sites)).Status);
        await using (var other = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString() + ";Pooling=false", TimeProvider.System)))
            await other.RowsAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
        Assert.Equal(DatabaseStatus.Healthy, (await CheckAsync(sites)).Status);
        var result = await new CommandRunner(sites.All.Single().Engine, TimeProvider.System).RunAsync(
            new(new("SELECT 1"), null, null, 1, TimeSpan.FromMinutes(1)), new CollectingSink(), TestContext.Current.CancellationToken);
        Assert.Equal(Ending.Successful, result.Ending);
    }
}
