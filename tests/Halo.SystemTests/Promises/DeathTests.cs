using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>What a killed program had accepted or begun.</summary>
public sealed class DeathTests(SharedPostgres postgres)
{
    [Fact]
    public async Task Accepted_async_queries_go_on_when_the_API_was_killed()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        await CreateAsync(integrator, site.Id);
        var accepted = new List<Guid>();
        for (var i = 0; i < 8; i++)
            accepted.Add((await integrator.QueueAsync(site.Id, $"INSERT INTO counting (id) SELECT {i} FROM pg_sleep(0.3)", "nonQuery")).Query.Id);
        await Eventually.BecomesAsync(() => integrator.FindAsync(site.Id, accepted[1]), q => q.Status is not QueryStatus.Queued);

        await fixture.Api.Process.KillAsync();
        await fixture.Api.StartAsync();

        foreach (var id in accepted)
        {
            var query = await integrator.WhenFinalAsync(site.Id, id);
            Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");
        }
        Assert.Equal((8, 8), await CountAsync(integrator, site.Id));
    }

    [Fact]
    public async Task A_write_that_was_executing_when_the_Link_was_killed_is_unknown_and_there_at_most_once()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        await CreateAsync(integrator, site.Id);
        var id = (await integrator.QueueAsync(site.Id, "INSERT INTO counting (id) SELECT 1 FROM pg_sleep(2)", "nonQuery")).Query.Id;
        await Eventually.BecomesAsync(() => BusyAsync(integrator, site.Id), busy => busy == 1);

        await link.Process.KillAsync();
        await link.StartAsync();

        var query = await integrator.WhenFinalAsync(site.Id, id);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown), (query.Status, query.Executed));
        // The server itself may finish what it had begun; what matters is that nobody begins it again.
        await Eventually.BecomesAsync(() => BusyAsync(integrator, site.Id), busy => busy == 0);
        var (rows, _) = await CountAsync(integrator, site.Id);
        Assert.InRange(rows, 0, 1);
    }

    [Fact]
    public async Task A_database_that_is_down_when_the_Link_starts_does_not_keep_it_from_connecting_and_saying_so()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var nobody = $"Host=127.0.0.1;Port={PostgresServer.FreePort()};Username=x;Database=x;Timeout=2";
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", nobody));
        var answer = await integrator.ImmediateAsync(site.Id, "SELECT 1");
        Assert.Equal(Executed.No, answer.Query.Executed);
        Assert.Equal("DatabaseUnavailable", answer.Query.ErrorDetails?.Code);
    }

    [Fact]
    public async Task A_second_Link_on_the_same_data_directory_refuses_to_start()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await using var second = HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["run", "--config", link.ConfigurationFile]);
        Assert.True(await second.Exited.WaitAsync(Eventually.Limit) == 2, second.Output);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
    }

    static async Task CreateAsync(IntegratorClient integrator, Guid site)
    {
        var made = await integrator.ImmediateAsync(site, "CREATE TABLE counting (id bigint)", "nonQuery");
        Assert.True(made.Status == HttpStatusCode.OK, made.ToString());
    }

    static async Task<(int Rows, int Different)> CountAsync(IntegratorClient integrator, Guid site)
    {
        var row = await RowAsync(integrator, site, "SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS d FROM counting");
        return (row["n"]!.GetValue<int>(), row["d"]!.GetValue<int>());
    }

    static async Task<int> BusyAsync(IntegratorClient integrator, Guid site) => (await RowAsync(integrator, site,
        "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%INSERT INTO counting%'"))["n"]!.GetValue<int>();

    static async Task<JsonNode> RowAsync(IntegratorClient integrator, Guid site, string sql)
    {
        var answer = await integrator.ImmediateAsync(site, sql);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        return JsonNode.Parse(Convert.FromBase64String(answer.Query.Result!.Data!))![0]!;
    }
}
