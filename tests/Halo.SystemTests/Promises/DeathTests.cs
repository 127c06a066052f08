using System.Net;
using System.Text;
using System.Text.Json;
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

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Of_a_batch_whose_Link_is_killed_amid_it_nothing_is_left(string engine)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(engine == "sqlite"
            ? new LinkSite("sqlite", fixture.SqliteFile())
            : new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "CREATE TABLE batched AS SELECT 7 AS n", "nonQuery")).Status);
        var slow = engine == "sqlite" ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n" : "SELECT pg_sleep(120)";
        var batch = JsonSerializer.Serialize(new { commands = new object[] { new { text = "UPDATE batched SET n = 8", executionMode = "nonQuery" }, new { text = slow } } });
        var queued = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site.Id}/queries/async", batch);
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        // Once the batch has the row, nobody else can write it within a short limit.
        var same = JsonSerializer.Serialize(new { command = new { text = "UPDATE batched SET n = n", executionMode = "nonQuery", timeout = 300 } });
        await Eventually.BecomesAsync(
            () => integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site.Id}/queries/immediate", same), answer => answer.Status == HttpStatusCode.GatewayTimeout);

        await link.Process.KillAsync();
        await link.StartAsync();
        await link.WhenOnlineAsync();
        var query = await integrator.WhenFinalAsync(site.Id, queued.Query.Id);

        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, null), (query.Status, query.Executed, query.Results));
        var left = await integrator.ImmediateAsync(site.Id, "SELECT n FROM batched");
        Assert.Equal("""[{"n":7}]""", Encoding.UTF8.GetString(Convert.FromBase64String(left.Query.Result!.Data!)));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Whatever_ran_is_in_the_record_though_the_API_was_killed_among_it(string storedIn)
    {
        await using var fixture = await HaloFixture.StartAsync(storedIn == "sqlite" ? [] : await House.PostgresStoreAsync(postgres));
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        await CreateAsync(integrator, site.Id);
        // By its text it reads, so that its accept waits in memory for its end. The comment before each text names the query.
        const string Noted = "SELECT * FROM noted";
        foreach (var sql in (string[])
        [
            "CREATE TABLE ran (id uuid NOT NULL)",
            "CREATE FUNCTION note() RETURNS bigint LANGUAGE sql AS 'INSERT INTO ran VALUES (substring(current_query() FROM ''query=([0-9a-f-]{36})'')::uuid); SELECT count(*) FROM ran'",
            "CREATE VIEW noted AS SELECT note() AS n",
        ])
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, sql, "nonQuery")).Status);
        for (var round = 0; round < 2; round++)
        {
            var answered = 0;
            var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
            {
                try
                {
                    while (true)
                    {
                        var answer = await integrator.ImmediateAsync(site.Id, Noted);
                        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
                        Interlocked.Increment(ref answered);
                    }
                }
                catch (HttpRequestException)
                {
                    // The API was killed.
                }
            })).ToList();
            await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref answered)), done => done >= 100);
            await fixture.Api.Process.KillAsync();
            await Task.WhenAll(callers);
            await fixture.Api.StartAsync();
        }
        var ran = (await RowsAsync(integrator, site.Id, "SELECT id FROM ran")).Select(r => r!["id"]!.GetValue<Guid>()).ToList();
        Assert.Equal(ran.Count, ran.Distinct().Count());
        // The Link tells in its next session what the killed service did not hear, or did not write.
        foreach (var id in ran)
            Assert.Equal(QueryStatus.Successful, (await Eventually.BecomesAsync(() => integrator.GetAsync($"integrator/sites/{site.Id}/queries/{id}"), a => a.Status == HttpStatusCode.OK && a.Query.CompletedAt is not null)).Query.Status);
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

    static async Task<JsonNode> RowAsync(IntegratorClient integrator, Guid site, string sql) => (await RowsAsync(integrator, site, sql))[0]!;

    static async Task<JsonArray> RowsAsync(IntegratorClient integrator, Guid site, string sql)
    {
        var answer = await integrator.ImmediateAsync(site, sql);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        return JsonNode.Parse(Convert.FromBase64String(answer.Query.Result!.Data!))!.AsArray();
    }
}
