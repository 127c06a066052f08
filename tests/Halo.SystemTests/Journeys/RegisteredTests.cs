using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

/// <summary>A house whose registered queries may run every second.</summary>
public sealed class QuickSqliteHouse() : House("sqlite",
    () => Task.FromResult<(string, string)[]>([("Halo__Limits__RegisteredFrequencySeconds", "1"), ("Halo__Limits__RegisteredRunMs", "5000")]),
    fixture => Task.FromResult(new LinkSite("sqlite", fixture.SqliteFile())));

/// <inheritdoc cref="QuickSqliteHouse"/>
public sealed class QuickPostgresHouse(SharedPostgres postgres) : House("postgres",
    async () => [.. await PostgresStoreAsync(postgres), ("Halo__Limits__RegisteredFrequencySeconds", "1"), ("Halo__Limits__RegisteredRunMs", "5000")],
    async _ => new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));

public sealed class RegisteredOnSqlite(QuickSqliteHouse house) : RegisteredTests(house), IClassFixture<QuickSqliteHouse>;

public sealed class RegisteredOnPostgres(QuickPostgresHouse house) : RegisteredTests(house), IClassFixture<QuickPostgresHouse>;

/// <summary>A practice that lets its integrator ask one query at a time.</summary>
public sealed class RegisteredPlaceTests
{
    [Fact]
    public async Task A_run_gives_its_place_to_an_immediate_query_and_is_made_again()
    {
        await using var fixture = await HaloFixture.StartAsync(("Halo__Limits__RegisteredFrequencySeconds", "1"));
        var practice = new LinkSite("sqlite", fixture.SqliteFile()) { Policy = JsonNode.Parse("""{ "default": { "modes": ["reader"], "readOnly": true, "maxConcurrent": 1 } }""")!.AsObject() };
        var (_, site, integrator) = await fixture.AddPairedAsync(practice);
        var registered = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site.Id}/queries/registered", JsonSerializer.Serialize(new RegisteredQueryRequest
        {
            Name = "Endless",
            RegisteredQueryType = "query",
            Frequency = 1,
            Duration = 3600,
            RegisterCommand = new() { Command = new(Sql.Endless("sqlite")) },
        }, HaloJson.Default.RegisteredQueryRequest));
        Assert.Equal(HttpStatusCode.Accepted, registered.Status);
        var id = JsonSerializer.Deserialize(registered.Body, HaloJson.Default.RegisteredQueryAccepted)!.Id;
        // Each finds the place taken by a run that would not end for a minute, or free.
        for (var i = 0; i < 10; i++)
        {
            var answer = await integrator.ImmediateAsync(site.Id, "SELECT 1 AS one", maxTimeInQueue: 30_000);
            Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        }
        var query = JsonSerializer.Deserialize((await integrator.GetAsync($"integrator/sites/{site.Id}/queries/registered/{id}")).Body, HaloJson.Default.RegisteredQuery)!;
        Assert.Equal((RegisteredQueryStatus.Enabled, 0L), (query.Status, query.Metrics.ExecutionFailedCount));
    }
}

/// <summary>Queries that the Link runs by itself, through the real programs.</summary>
public abstract class RegisteredTests(House house)
{
    readonly string _table = $"waiting_{Guid.NewGuid():N}"[..20];

    string Path(Guid? id = null, string more = "") => $"integrator/sites/{house.Site.Id}/queries/registered{(id is null ? "" : $"/{id}")}{more}";

    [Fact]
    public async Task The_newest_result_is_read_as_the_contract_has_it()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id, name FROM {_table} ORDER BY id");
        var query = await WhenAsync(id, q => q.LastHash.Length == 64);
        Assert.Equal(RegisteredQueryStatus.Enabled, query.Status);
        Assert.Equal(("Waiting room", "query", 1, 3600), (query.Name, query.RegisteredQueryType, query.Frequency, query.Duration));
        Assert.Null(query.LastErrorDetails);
        Assert.NotNull(query.Metrics.LastSucceededAt);
        Assert.Equal(0, query.Metrics.ExecutionFailedCount);

        var answer = await house.Integrator.GetAsync(Path(id, "/results"));
        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var result = JsonNode.Parse(answer.Body)!.AsObject();
        Assert.Equal(["data", "parameters", "rows", "size"], result.Select(p => p.Key));
        var rows = Encoding.UTF8.GetString(Convert.FromBase64String((string)result["data"]!));
        Assert.Equal("""[{"id":1,"name":"Ana"},{"id":2,"name":"Béla"}]""", rows);
        Assert.Equal((2, Encoding.UTF8.GetByteCount(rows)), ((int)result["rows"]!, (int)result["size"]!));
        Assert.Null(result["parameters"]);

        Assert.Equal($"\"{query.LastHash}\"", answer.Headers.ETag!.ToString());
        Assert.Equal(HttpStatusCode.NotModified, (await house.Integrator.SendAsync(HttpMethod.Get, Path(id, "/results"), null, ("If-None-Match", $"\"{query.LastHash}\""))).Status);
        Assert.Equal("id,name\r\n1,Ana\r\n2,Béla\r\n", (await house.Integrator.SendAsync(HttpMethod.Get, Path(id, "/results"), null, ("Accept", "text/csv"))).Body);
        Assert.Contains(id, (await ListAsync()).Select(q => q.Id));
    }

    [Fact]
    public async Task Unchanged_runs_are_counted_and_nothing_is_sent()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id, name FROM {_table} ORDER BY id");
        var first = await WhenAsync(id, q => q.Metrics.ExecutionSucceededCount >= 1);
        var later = await WhenAsync(id, q => q.Metrics.ExecutionSucceededCount >= first.Metrics.ExecutionSucceededCount + 2);
        Assert.Equal((first.LastHash, first.Metrics.ResultSizeSum), (later.LastHash, later.Metrics.ResultSizeSum));
        // The ledger has the one result that was sent.
        var sent = JsonNode.Parse((await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries?tag={id}")).Body)!["queries"]!.AsArray();
        Assert.Equal("successful", (string?)Assert.Single(sent)!["status"]);
    }

    [Fact]
    public async Task Changes_come_row_by_row_and_in_order()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id, name FROM {_table}", ["id"]);
        var (first, next) = await ChangesAsync(id, null, 1);
        Assert.Equal("""[{"id":1,"name":"Ana"},{"id":2,"name":"Béla"}]""", first[0]["added"]!.ToJsonString(Relaxed));
        Assert.False((bool)first[0]["reset"]!);

        await RunAsync($"UPDATE {_table} SET name = 'Anna' WHERE id = 1");
        var (second, after) = await ChangesAsync(id, next, 1);
        Assert.Equal("""{"reset":false,"added":[],"removed":[],"changed":[{"id":1,"name":"Anna"}]}""", WithoutTime(second[0]));
        await RunAsync($"DELETE FROM {_table} WHERE id = 2");
        await RunAsync($"INSERT INTO {_table} VALUES (3, 'Cem')");
        var seen = new List<JsonObject>();
        await Eventually.BecomesAsync(async () =>
        {
            var (more, cursor) = await ChangesAsync(id, after, 0);
            seen.AddRange(more);
            after = cursor;
            return seen;
        }, s => s.Any(c => c["removed"]!.AsArray().Count > 0) && s.Any(c => c["added"]!.AsArray().Count > 0));
        Assert.Equal(["""{"id":2}"""], seen.SelectMany(c => c["removed"]!.AsArray()).Select(k => k!.ToJsonString(Relaxed)));
        Assert.Equal(["""{"id":3,"name":"Cem"}"""], seen.SelectMany(c => c["added"]!.AsArray()).Select(k => k!.ToJsonString(Relaxed)));

        var (reset, _) = await ChangesAsync(id, "99999", 1);
        Assert.True((bool)reset[0]["reset"]!);
        Assert.Equal(2, reset[0]["added"]!.AsArray().Count);
        Assert.Empty((await ChangesAsync(id, after, 0)).Changes);
    }

    [Fact]
    public async Task Where_changes_begin_with_the_second_result_the_first_is_none()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id, name FROM {_table}", ["id"], deliverFirst: false);
        await WhenAsync(id, q => q.LastHash.Length == 64);
        var (none, next) = await ChangesAsync(id, null, 0);
        Assert.Empty(none);
        await RunAsync($"INSERT INTO {_table} VALUES (7, 'Eva')");
        var (some, _) = await ChangesAsync(id, next, 1);
        Assert.Equal("""{"reset":false,"added":[{"id":7,"name":"Eva"}],"removed":[],"changed":[]}""", WithoutTime(some[0]));
    }

    [Fact]
    public async Task A_run_that_fails_says_why_and_the_next_goes_on()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id FROM {_table}");
        var hash = (await WhenAsync(id, q => q.LastHash.Length == 64)).LastHash;
        await RunAsync($"DROP TABLE {_table}");
        var failed = await WhenAsync(id, q => q.Metrics.ExecutionFailedCount >= 1);
        Assert.Contains(_table, failed.LastErrorDetails!.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(hash, failed.LastHash);
        await MakeTableAsync();
        await WhenAsync(id, q => q.LastErrorDetails is null);
    }

    [Theory]
    [InlineData("SELECT id FROM nowhere", null, "registerCommand.command.text", "nowhere")]
    [InlineData("SELEKT 1", null, "registerCommand.command.text", "SELEKT")]
    [InlineData("SELECT 1 AS other", "id", "changes.key", "It has other.")]
    public async Task What_the_database_refuses_is_told_at_once(string sql, string? key, string field, string why)
    {
        var answer = await AskAsync(sql, key is null ? null : [key]);
        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        var fault = Assert.Single(JsonSerializer.Deserialize(answer.Body, HaloJson.Default.ErrorResponse)!.Error.Errors!);
        Assert.Equal(field, fault.Field);
        Assert.Contains(why, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT 1 AS id UNION ALL SELECT 1 AS id", "Two rows have the same key")]
    [InlineData("SELECT NULL AS id", "a row has nothing in it")]
    public async Task Rows_that_the_key_does_not_tell_apart_fail_the_run(string sql, string why)
    {
        var id = await RegisterAsync(sql, ["id"]);
        var failed = await WhenAsync(id, q => q.Metrics.ExecutionFailedCount >= 1);
        Assert.Contains(why, failed.LastErrorDetails!.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_takes_too_long_is_ended_and_says_so()
    {
        var id = await RegisterAsync(Sql.Endless(house.Engine));
        Assert.Equal(FailureCodes.ExecutionTimeout, (await WhenAsync(id, q => q.Metrics.ExecutionFailedCount >= 1)).LastErrorDetails!.Code);
    }

    [Fact]
    public async Task A_result_has_at_most_so_many_bytes()
    {
        var id = await RegisterAsync(Sql.Generated(house.Engine, 200_000));
        Assert.Equal(FailureCodes.ResultTooLarge, (await WhenAsync(id, q => q.Metrics.ExecutionFailedCount >= 1)).LastErrorDetails!.Code);
        // [{"id":"…"}] with so many characters: exactly the bound, and one more.
        var (fits, over) = ((8 << 20) - 11, (8 << 20) - 10);
        string Text(int n) => house.Engine == "postgres" ? $"SELECT repeat('x', {n}) AS id" : $"SELECT substr(replace(hex(zeroblob({n / 2 + 1})), '0', 'x'), 1, {n}) AS id";
        Assert.Equal(8 << 20, (int)(await WhenAsync(await RegisterAsync(Text(fits)), q => q.LastHash.Length == 64)).Metrics.ResultSizeSum);
        id = await RegisterAsync(Text(over));
        Assert.Equal(FailureCodes.ResultTooLarge, (await WhenAsync(id, q => q.Metrics.ExecutionFailedCount >= 1)).LastErrorDetails!.Code);
    }

    [Fact]
    public async Task It_ends_when_it_is_cancelled_and_its_result_stays()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id FROM {_table}");
        await WhenAsync(id, q => q.LastHash.Length == 64);
        Assert.Equal(HttpStatusCode.NoContent, (await house.Integrator.SendAsync(HttpMethod.Delete, Path(id))).Status);
        var ended = await FindAsync(id);
        Assert.Equal(RegisteredQueryStatus.Cancelled, ended.Status);
        Assert.NotNull(ended.CompletedAt);
        Assert.Equal(HttpStatusCode.OK, (await house.Integrator.GetAsync(Path(id, "/results"))).Status);
        Assert.DoesNotContain(id, (await ListAsync()).Select(q => q.Id));
        Assert.Equal(HttpStatusCode.NoContent, (await house.Integrator.SendAsync(HttpMethod.Delete, Path(id))).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await house.Integrator.SendAsync(HttpMethod.Post, Path(id, "/renew"))).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await house.Integrator.SendAsync(HttpMethod.Delete, Path(Guid.NewGuid()))).Status);
    }

    [Fact]
    public async Task A_renewal_begins_its_time_anew()
    {
        var id = await RegisterAsync("SELECT 1 AS one");
        var before = await FindAsync(id);
        var renewed = await house.Integrator.SendAsync(HttpMethod.Post, Path(id, "/renew"), """{"duration":7200}""");
        Assert.Equal(HttpStatusCode.OK, renewed.Status);
        var after = JsonSerializer.Deserialize(renewed.Body, HaloJson.Default.RegisteredQuery)!;
        Assert.Equal(7200, after.Duration);
        Assert.True(after.ExpiresAt >= before.CreatedAt.AddSeconds(7200));
        Assert.Equal(HttpStatusCode.OK, (await house.Integrator.SendAsync(HttpMethod.Post, Path(id, "/renew"))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await house.Integrator.SendAsync(HttpMethod.Post, Path(id, "/renew"), """{"duration":0}""")).Status);
    }

    [Fact]
    public async Task It_goes_on_over_a_restart_of_the_Link_and_counts_on()
    {
        await MakeTableAsync();
        var id = await RegisterAsync($"SELECT id, name FROM {_table}", ["id"]);
        var before = await WhenAsync(id, q => q.Metrics.ExecutionSucceededCount >= 2);
        var (_, next) = await ChangesAsync(id, null, 1);
        await house.Link.Process.KillAsync();
        await house.Link.StartAsync();
        await RunAsync($"INSERT INTO {_table} VALUES (9, 'Ida')");
        var after = await WhenAsync(id, q => q.Metrics.ExecutionSucceededCount > before.Metrics.ExecutionSucceededCount && q.LastHash != before.LastHash);
        Assert.True(after.Metrics.ExecutionSucceededCount > before.Metrics.ExecutionSucceededCount);
        var (changes, _) = await ChangesAsync(id, next, 1);
        Assert.Equal("""{"reset":false,"added":[{"id":9,"name":"Ida"}],"removed":[],"changed":[]}""", WithoutTime(Assert.Single(changes)));
    }

    static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    static string WithoutTime(JsonObject change)
    {
        var copy = change.DeepClone().AsObject();
        copy.Remove("at");
        return copy.ToJsonString(Relaxed);
    }

    async Task MakeTableAsync()
    {
        await RunAsync($"CREATE TABLE {_table} (id INTEGER PRIMARY KEY, name TEXT)");
        await RunAsync($"INSERT INTO {_table} VALUES (1, 'Ana'), (2, 'Béla')");
    }

    async Task RunAsync(string sql)
    {
        // A Link that was just started may not have its database yet; nothing ran then.
        var answer = await Eventually.BecomesAsync(() => house.Integrator.ImmediateAsync(house.Site.Id, sql, "nonQuery"), a => a.Status != HttpStatusCode.ServiceUnavailable);
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
    }

    async Task<Guid> RegisterAsync(string sql, string[]? key = null, bool? deliverFirst = null)
    {
        // What other tests of this house left makes room.
        foreach (var old in await ListAsync())
            await house.Integrator.SendAsync(HttpMethod.Delete, Path(old.Id));
        var answer = await AskAsync(sql, key, deliverFirst);
        Assert.True(answer.Status == HttpStatusCode.Accepted, answer.ToString());
        return JsonSerializer.Deserialize(answer.Body, HaloJson.Default.RegisteredQueryAccepted)!.Id;
    }

    Task<Answer> AskAsync(string sql, string[]? key, bool? deliverFirst = null) =>
        house.Integrator.SendAsync(HttpMethod.Post, Path(), JsonSerializer.Serialize(new RegisteredQueryRequest
        {
            Name = "Waiting room",
            RegisteredQueryType = "query",
            Frequency = 1,
            Duration = 3600,
            RegisterCommand = new() { Command = new(sql) },
            Changes = key is null ? null : new(key),
            DeliverFirst = deliverFirst,
        }, HaloJson.Default.RegisteredQueryRequest));

    async Task<IReadOnlyList<RegisteredQuery>> ListAsync() =>
        JsonSerializer.Deserialize((await house.Integrator.GetAsync(Path())).Body, HaloJson.Default.RegisteredQueryList)!.RegisteredQueries;

    async Task<RegisteredQuery> FindAsync(Guid id) => JsonSerializer.Deserialize((await house.Integrator.GetAsync(Path(id))).Body, HaloJson.Default.RegisteredQuery)!;

    Task<RegisteredQuery> WhenAsync(Guid id, Func<RegisteredQuery, bool> enough) => Eventually.BecomesAsync(() => FindAsync(id), enough);

    async Task<(IReadOnlyList<JsonObject> Changes, string Next)> ChangesAsync(Guid id, string? after, int least)
    {
        var answer = await Eventually.BecomesAsync(
            () => house.Integrator.GetAsync(Path(id, "/changes" + (after is null ? "" : $"?after={after}"))),
            a => a.Status == HttpStatusCode.OK && JsonNode.Parse(a.Body)!["changes"]!.AsArray().Count >= least);
        var json = JsonNode.Parse(answer.Body)!;
        return ([.. json["changes"]!.AsArray().Select(c => c!.AsObject())], (string)json["next"]!);
    }
}
