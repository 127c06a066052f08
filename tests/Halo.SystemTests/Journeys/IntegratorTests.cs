using System.Net;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.SystemTests.Journeys;

public sealed class IntegratorOnSqlite(SqliteHouse house) : IntegratorTests(house), IClassFixture<SqliteHouse>;

public sealed class IntegratorOnPostgres(PostgresHouse house) : IntegratorTests(house), IClassFixture<PostgresHouse>;

/// <summary>What an integrator asks on an ordinary day, on either store and practice.</summary>
public abstract class IntegratorTests(House house)
{
    [Fact]
    public async Task An_immediate_query_shows_its_envelope()
    {
        var answer = await house.Integrator.ImmediateAsync(house.Site.Id, "SELECT 1 AS one, 'ä\"\n' AS text, NULL AS gap");
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        var query = answer.Query;
        Assert.Equal((QueryMode.Immediate, QueryStatus.Successful, house.Site.Id, house.Integrator.Id), (query.Mode, query.Status, query.SiteId, query.IntegratorId));
        var json = Convert.FromBase64String(query.Result!.Data!);
        Assert.Equal((1, json.Length, json.Length), (query.Result.Rows, query.Result.Size, query.ResultSize));
        Assert.Equal(["one", "text", "gap"], query.Result.Columns!.Select(c => c.Name));
        using var rows = JsonDocument.Parse(json);
        Assert.Equal("ä\"\n", rows.RootElement[0].GetProperty("text").GetString());
        Assert.Equal(JsonValueKind.Null, rows.RootElement[0].GetProperty("gap").ValueKind);
        Assert.NotNull(query.CompletedAt);
        Assert.NotNull(query.StatusTiming.Initialising);
        Assert.NotNull(query.StatusTiming.Executing);
        Assert.NotNull(query.Metrics!.SqlExecutionDuration);

        var found = await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{query.Id}");
        Assert.Equal((HttpStatusCode.OK, QueryStatus.Successful), (found.Status, found.Query.Status));
        Assert.Null(found.Query.Result?.Data);
    }

    [Fact]
    public async Task Parameters_rows_affected_and_scalars_come_through()
    {
        var site = house.Site.Id;
        var table = $"t{Guid.NewGuid():N}";
        Assert.Equal(HttpStatusCode.OK, (await house.Integrator.ImmediateAsync(site, $"CREATE TABLE {table} (id int, name text)", "nonQuery")).Status);
        foreach (var (id, name) in ((int, string?)[])[(1, "O'Brien; DROP TABLE"), (2, null)])
        {
            var inserted = await house.Integrator.ImmediateAsync(site, $"INSERT INTO {table} VALUES (@id, @name)", "nonQuery",
                [new { name = "@id", type = "Int", value = $"{id}" }, new { name = "name", type = "NVarChar", value = name }]);
            Assert.True(inserted.Status == HttpStatusCode.OK, inserted.ToString());
            Assert.Equal(1, inserted.Query.Result!.RowsAffected);
        }
        var rows = await house.Integrator.ImmediateAsync(site, $"SELECT name FROM {table} ORDER BY id");
        Assert.Equal("O'Brien; DROP TABLE", Rows(rows.Query.Result!)[0].GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, Rows(rows.Query.Result!)[1].GetProperty("name").ValueKind);
        var scalar = await house.Integrator.ImmediateAsync(site, $"SELECT COUNT(*) AS n FROM {table}", "scalar");
        Assert.Equal(2, Assert.Single(Rows(scalar.Query.Result!)).GetProperty("n").GetInt64());
        var none = await house.Integrator.ImmediateAsync(site, $"SELECT * FROM {table} WHERE 1 = 0");
        Assert.Equal(0, none.Query.Result!.Rows);
        Assert.Empty(Rows(none.Query.Result));
        Assert.Equal(["id", "name"], none.Query.Result.Columns!.Select(c => c.Name));

        var write = await house.Integrator.QueueAsync(site, $"DELETE FROM {table}", "nonQuery");
        var written = await house.Integrator.WhenFinalAsync(site, write.Query.Id);
        Assert.Equal((QueryStatus.Successful, 2), (written.Status, written.Result?.RowsAffected));
    }

    [Fact]
    public async Task Columns_without_a_name_and_names_that_repeat_are_told_apart()
    {
        var answer = await house.Integrator.ImmediateAsync(house.Site.Id, "SELECT 1 AS a, 2 AS a, 3 AS a");
        Assert.Equal(["a", "a1", "a2"], answer.Query.Result!.Columns!.Select(c => c.Name));
    }

    [Fact]
    public async Task A_status_call_answers_in_the_order_asked()
    {
        var first = await house.ExportAsync("SELECT 1 AS one");
        var second = (await house.Integrator.ImmediateAsync(house.Site.Id, "SELECT 2 AS two")).Query;
        var unknown = Guid.CreateVersion7();
        var answer = await house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/status",
            JsonSerializer.Serialize(new { queryIds = (Guid[])[second.Id, unknown, first.Id] }));
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        var results = JsonSerializer.Deserialize(answer.Body, HaloJson.Default.QueryStatusResponse)!.Results;
        Assert.Equal([(second.Id, LookupStatus.Found), (unknown, LookupStatus.NotFound), (first.Id, LookupStatus.Found)], results.Select(r => (r.QueryId, r.Status)));
        Assert.Equal(QueryStatus.Successful, results[2].Query!.Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(101)]
    public async Task A_status_call_takes_one_to_a_hundred_ids(int ids)
    {
        var answer = await house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/status",
            JsonSerializer.Serialize(new { queryIds = Enumerable.Range(0, ids).Select(_ => Guid.NewGuid()) }));
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains(answer.Error.Errors!, e => e.Field == "queryIds");
    }

    [Fact]
    public async Task Another_integrators_query_is_not_there()
    {
        var query = await house.ExportAsync("SELECT 1 AS one");
        var other = await house.Fixture.MakeIntegratorAsync("Curious");
        await house.Fixture.Api.PairAsync(other, house.Site.Id);
        foreach (var tail in (string[])["", "/results/1", "/results/1/stream"])
            Assert.Equal(HttpStatusCode.NotFound, (await other.GetAsync($"integrator/sites/{house.Site.Id}/queries/{query.Id}{tail}")).Status);
    }

    [Fact]
    public async Task An_immediate_result_over_the_limit_is_413_and_says_that_it_ran()
    {
        var answer = await house.Integrator.ImmediateAsync(house.Site.Id, Sql.Generated(house.Engine, 200_000));
        Assert.True(answer.Status == HttpStatusCode.RequestEntityTooLarge, answer.ToString()[..300]);
        Assert.Equal(Executed.Yes, answer.Query.Executed);
        Assert.EndsWith("the command was executed. Ask for less, stream the rows (Accept: application/x-ndjson or text/csv), or use an async query.",
            answer.Query.ErrorDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    static JsonElement[] Rows(QueryResult result) =>
        [.. JsonDocument.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(result.Data!))).RootElement.EnumerateArray()];
}
