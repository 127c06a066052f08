using System.Net;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

public sealed class BatchesOfSqlite(SqliteHouse house) : BatchTests(house), IClassFixture<SqliteHouse>;

public sealed class BatchesOfPostgres(PostgresHouse house) : BatchTests(house), IClassFixture<PostgresHouse>;

/// <summary>Several commands in one transaction, immediate and async: all of them or none.</summary>
public abstract class BatchTests(House house)
{
    readonly string _table = $"batch_{Guid.NewGuid():N}";

    [Fact]
    public async Task An_immediate_batch_answers_with_each_result_in_order()
    {
        await MakeTableAsync();
        var answer = await AskAsync("immediate",
            Write($"INSERT INTO {_table} VALUES (1, 'Ω'), (2, 'b')"),
            Read($"SELECT id, name FROM {_table} ORDER BY id"),
            Read($"SELECT id FROM {_table} WHERE id > 9"),
            new { text = $"SELECT count(*) AS n FROM {_table}", executionMode = "scalar" });

        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.Null(answer.Query.Result);
        var results = answer.Query.Results!;
        Assert.Equal(2, results[0].RowsAffected);
        Assert.Equal([null, """[{"id":1,"name":"Ω"},{"id":2,"name":"b"}]""", "[]", """[{"n":2}]"""], results.Select(DataOf));
        Assert.Equal(answer.Query.ResultSize, results.Sum(r => r.Size));
        Assert.Equal(["id", "name"], results[1].Columns!.Select(c => c.Name));
        var shown = await house.Integrator.FindAsync(house.Site.Id, answer.Query.Id);
        Assert.Equal([null, 2L, 0L, 1L], shown.Results!.Select(r => r.Rows));
    }

    [Fact]
    public async Task The_first_that_fails_is_named_and_nothing_is_done()
    {
        await MakeTableAsync();
        var answer = await AskAsync("immediate",
            Write($"INSERT INTO {_table} VALUES (1, 'a')"), Read("SELECT 1 AS one"), Write($"INSERT INTO {_table} VALUES (1, 'again')"), Read("SELECT 2 AS two"));

        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, 2), (answer.Query.Status, answer.Query.Executed, answer.Query.ErrorDetails!.Index));
        Assert.Null(answer.Query.Results);
        Assert.Equal(0, await CountAsync());
        Assert.Equal(2, (await house.Integrator.FindAsync(house.Site.Id, answer.Query.Id)).ErrorDetails!.Index);
    }

    [Fact]
    public async Task Many_sets_of_parameters_are_one_transaction()
    {
        await MakeTableAsync();
        var answer = await SendAsync("immediate", new
        {
            isolation = "serializable",
            command = new
            {
                text = $"INSERT INTO {_table} VALUES (@id, @name)",
                executionMode = "nonQuery",
                parameterSets = Enumerable.Range(1, 1000).Select(i => new object[] { new { name = "@id", type = "Int", value = i }, new { name = "@name", type = "NVarChar", value = $"n{i}" } }),
            },
        });

        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.Equal(1000, answer.Query.Results!.Count);
        Assert.Equal(1000, await CountAsync());
    }

    [Fact]
    public async Task With_a_key_it_runs_once_and_is_repeated_as_it_was()
    {
        await MakeTableAsync();
        var body = JsonSerializer.Serialize(new { commands = new[] { Write($"INSERT INTO {_table} VALUES (1, 'a')"), Read($"SELECT name FROM {_table}") } });
        var path = $"integrator/sites/{house.Site.Id}/queries/immediate";
        var first = await house.Integrator.SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", _table));
        var second = await house.Integrator.SendAsync(HttpMethod.Post, path, body, ("Idempotency-Key", _table));

        Assert.True(first.Status == HttpStatusCode.OK, first.ToString());
        Assert.Equal(first.Body, second.Body);
        Assert.Equal("true", second.Headers.GetValues("Halo-Replayed").Single());
        Assert.Equal("""[{"name":"a"}]""", DataOf(second.Query.Results![1]));
        Assert.Equal(1, await CountAsync());
    }

    [Fact]
    public async Task Large_integers_can_be_had_as_texts()
    {
        await MakeTableAsync();
        var big = house.Engine == "sqlite" ? "CREATE TABLE IF NOT EXISTS big_numbers (n BIGINT)" : "CREATE TABLE IF NOT EXISTS big_numbers (n bigint)";
        var body = JsonSerializer.Serialize(new
        {
            commands = new[] { Write(big), Write("DELETE FROM big_numbers"), Write("INSERT INTO big_numbers VALUES (9007199254740993)"), Read("SELECT n FROM big_numbers"), Read("SELECT 'x' AS t") },
        });
        var answer = await house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/immediate", body, ("Halo-Integers", "string"));

        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.Equal("""[{"n":"9007199254740993"}]""", DataOf(answer.Query.Results![3]));
        Assert.Equal("""[{"t":"x"}]""", DataOf(answer.Query.Results![4]));
        Assert.Equal(answer.Query.ResultSize, answer.Query.Results!.Sum(r => r.Size));
    }

    [Fact]
    public async Task Rows_of_many_frames_are_cut_where_each_result_ends()
    {
        var numbers = house.Engine == "sqlite"
            ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'text of some length ' || i AS t FROM n"
            : "SELECT i, 'text of some length ' || i AS t FROM generate_series(1, 20000) i";
        var answer = await AskAsync("immediate", Read(numbers), Read("SELECT 1 AS one"), Read(numbers));

        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString()[..200]);
        Assert.Equal([20000L, 1L, 20000L], answer.Query.Results!.Select(r => r.Rows));
        foreach (var result in answer.Query.Results!)
        {
            using var rows = JsonDocument.Parse(DataOf(result)!);
            Assert.Equal(result.Rows, rows.RootElement.GetArrayLength());
        }
    }

    [Fact]
    public async Task An_async_batch_has_pages_for_each_result()
    {
        await MakeTableAsync();
        var numbers = house.Engine == "sqlite"
            ? "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) SELECT i, 'text of some length ' || i AS t FROM n"
            : "SELECT i, 'text of some length ' || i AS t FROM generate_series(1, 60000) i";
        var queued = await AskAsync("async", Read("SELECT 7 AS seven"), Write($"INSERT INTO {_table} VALUES (1, 'a')"), Read(numbers), Read($"SELECT id FROM {_table} WHERE id > 9"));
        Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
        var query = await house.Integrator.WhenFinalAsync(house.Site.Id, queued.Query.Id);

        Assert.True(query.Status == QueryStatus.Successful, query.ErrorDetails?.ErrorMessage);
        var results = query.Results!;
        Assert.Equal([1L, null, 60000L, 0L], results.Select(r => r.Rows));
        Assert.Equal(1, results[1].RowsAffected);
        Assert.Equal([1, 0, 1], new[] { 0, 1, 3 }.Select(i => results[i].Pages!.Count));
        Assert.True(results[2].Pages!.Count > 1);
        Assert.Equal(Enumerable.Range(1, results.Sum(r => r.Pages!.Count)), results.SelectMany(r => r.Pages!).Select(p => p.PageNumber));
        Assert.Equal(0, results[2].Pages![0].Rows.RangeStart);
        Assert.Equal(59_999, results[2].Pages![^1].Rows.RangeEnd);
        Assert.Equal(query.ResultSize, results.Sum(r => r.Size));
        var whole = $"integrator/sites/{house.Site.Id}/queries/{query.Id}/results";
        using (var rows = JsonDocument.Parse((await house.Integrator.GetAsync($"{whole}?result=2")).Body))
            Assert.Equal(60000, rows.RootElement.GetArrayLength());
        Assert.Equal("""[{"seven":7}]""", (await house.Integrator.GetAsync($"{whole}?result=0")).Body);
        Assert.Equal("[]", (await house.Integrator.GetAsync($"{whole}?result=3")).Body);
        foreach (var wrong in (string[])["", "?result=4", "?result=-1", "?result=1", "?result=x"])
        {
            var refused = await house.Integrator.GetAsync(whole + wrong);
            Assert.True(refused.Status == HttpStatusCode.BadRequest && refused.Error.Errors!.Single().Field == "result", refused.ToString());
        }
        Assert.Equal("""[{"seven":7}]""", (await house.Integrator.GetAsync($"{whole}/1/stream")).Body);
    }

    [Fact]
    public async Task An_async_batch_that_fails_has_done_nothing()
    {
        await MakeTableAsync();
        var queued = await AskAsync("async", Read("SELECT 7 AS seven"), Write($"INSERT INTO {_table} VALUES (1, 'a')"), Write($"INSERT INTO {_table} VALUES (1, 'b')"));
        var query = await house.Integrator.WhenFinalAsync(house.Site.Id, queued.Query.Id);

        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, 2, null), (query.Status, query.Executed, query.ErrorDetails?.Index, query.Results));
        Assert.Equal(0, await CountAsync());
    }

    [Fact]
    public async Task A_batch_that_ends_its_own_transaction_fails()
    {
        await MakeTableAsync();
        var answer = await AskAsync("immediate", Write($"INSERT INTO {_table} VALUES (1, 'a')"), Write("ROLLBACK"), Write($"INSERT INTO {_table} VALUES (2, 'b')"));

        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        Assert.Equal((Executed.No, 1), (answer.Query.Executed, answer.Query.ErrorDetails!.Index));
        Assert.Contains("leave out BEGIN, COMMIT and ROLLBACK", answer.Query.ErrorDetails.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(0, await CountAsync());
    }

    [Fact]
    public async Task It_is_answered_as_JSON_whatever_form_of_rows_is_asked_for()
    {
        var answer = await house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/immediate",
            """{ "commands": [ { "text": "SELECT 1 AS one" } ] }""", ("Accept", "text/csv"));
        Assert.Equal("""[{"one":1}]""", DataOf(answer.Query.Results!.Single()));
    }

    [Fact]
    public async Task More_rows_than_an_answer_holds_are_413_and_taken_back()
    {
        await MakeTableAsync();
        var large = house.Engine == "sqlite" ? "SELECT hex(zeroblob(3000000)) AS x" : "SELECT repeat('x', 6000000) AS x";
        var answer = await AskAsync("immediate", Write($"INSERT INTO {_table} VALUES (1, 'a')"), Read(large), Read(large));
        Assert.True(answer.Status == HttpStatusCode.RequestEntityTooLarge, answer.ToString()[..Math.Min(300, answer.Body.Length)]);
        Assert.Equal(FailureCodes.ResultTooLarge, answer.Query.ErrorDetails!.Code);
        Assert.Equal(answer.Query.Executed == Executed.Yes ? 1 : 0, await CountAsync());
    }

    static object Write(string text) => new { text, executionMode = "nonQuery" };

    static object Read(string text) => new { text };

    static string? DataOf(QueryResult result) => result.Data is { } data ? Encoding.UTF8.GetString(Convert.FromBase64String(data)) : null;

    Task<Answer> AskAsync(string mode, params object[] commands) => SendAsync(mode, new { commands });

    Task<Answer> SendAsync(string mode, object body) =>
        house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/{mode}", JsonSerializer.Serialize(body));

    async Task MakeTableAsync()
    {
        var made = await house.Integrator.ImmediateAsync(house.Site.Id, $"CREATE TABLE {_table} (id int PRIMARY KEY, name text)", "nonQuery");
        Assert.True(made.Status == HttpStatusCode.OK, made.ToString());
    }

    async Task<long> CountAsync()
    {
        var answer = await house.Integrator.ImmediateAsync(house.Site.Id, $"SELECT count(*) AS n FROM {_table}");
        using var rows = JsonDocument.Parse(Convert.FromBase64String(answer.Query.Result!.Data!));
        return rows.RootElement[0].GetProperty("n").GetInt64();
    }
}
