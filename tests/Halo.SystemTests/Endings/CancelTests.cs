using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>DELETE, wherever the query is; and against the clock of the query itself.</summary>
public abstract class CancelTests(ITestOutputHelper output)
{
    const int Rounds = 40;

    protected abstract Task<EndingsHouse> OpenAsync(params (string, string)[] settings);

    [Fact]
    public async Task A_queued_query_ends_in_the_answer_itself_and_never_runs()
    {
        await using var house = await OpenAsync();
        var blocking = await BlockAsync(house);
        var id = await house.QueueAsync(Body("INSERT INTO done VALUES (1)", "nonQuery"));
        var answer = await house.DeleteAsync(id);
        Assert.Equal((HttpStatusCode.Accepted, QueryStatus.Cancelled, Executed.No), (answer.Status, answer.Query.Status, answer.Query.Executed));
        Assert.Equal(HttpStatusCode.OK, (await house.DeleteAsync(id)).Status);
        foreach (var other in blocking)
            await house.DeleteAsync(other);
        await house.RestsAsync();
        Assert.Equal((QueryStatus.Cancelled, Executed.No), ((await house.WhenFinalAsync(id)).Status, (await house.WhenFinalAsync(id)).Executed));
        Assert.Equal(0, await house.Practice.CountAsync(1));
    }

    [Fact]
    public async Task What_executes_is_stopped_in_the_database()
    {
        await using var house = await OpenAsync();
        foreach (var id in await BlockAsync(house))
        {
            Assert.Equal(HttpStatusCode.Accepted, (await house.DeleteAsync(id)).Status);
            Cancelled(await house.WhenFinalAsync(id), Executed.No);
        }
        await Eventually.BecomesAsync(house.Practice.IsBusyAsync, busy => !busy);

        var asked = house.AskAsync(Body(house.Practice.Endless), ("Halo-Tag", "now"));
        var immediate = await house.TaggedAsync("now");
        await house.WhenBusyAsync();
        Assert.Equal(HttpStatusCode.Accepted, (await house.DeleteAsync(immediate)).Status);
        Assert.Equal(HttpStatusCode.Conflict, (await asked).Status);
        Cancelled(await house.WhenFinalAsync(immediate), Executed.No);
        await house.RestsAsync();
    }

    [Fact]
    public async Task What_uploads_is_cancelled_and_told_as_executed()
    {
        await using var house = await OpenAsync();
        // Uploads stand aside while an immediate query runs, so that this one lasts.
        var aside = house.AskAsync(Body(house.Practice.Endless), ("Halo-Tag", "aside"));
        await house.WhenBusyAsync();
        var id = await house.QueueAsync(Body(house.Practice.Noise));
        await house.WhenAsync(id, QueryStatus.Uploading);
        Assert.Equal(HttpStatusCode.Accepted, (await house.DeleteAsync(id)).Status);
        Cancelled(await house.WhenFinalAsync(id), Executed.Yes);
        Assert.Equal(HttpStatusCode.Gone, (await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{id}/results/1")).Status);
        await house.DeleteAsync(await house.TaggedAsync("aside"));
        await aside;
        await house.RestsAsync();
        // Pages go when the Link hears that the API has the end.
        var spool = Path.Combine(house.Link.DataDirectory, "spool");
        await Eventually.BecomesAsync(() => Task.FromResult(Directory.GetFiles(spool, "*", SearchOption.AllDirectories)), files => files.Length == 0);
    }

    [Fact]
    public async Task Against_its_completion_one_wins_and_all_agree()
    {
        await using var house = await OpenAsync();
        var random = new Random(Environment.ProcessId);
        Dictionary<(QueryStatus, HttpStatusCode), int> seen = [];
        for (var round = 1; round <= Rounds; round++)
        {
            var body = Body(house.Practice.SlowWrite, "nonQuery", parameters: [new { name = "@n", type = "Int", value = round }]);
            var immediate = round % 2 == 0;
            var asked = immediate ? house.AskAsync(body, ("Halo-Tag", $"r{round}")) : null;
            var id = immediate ? await house.TaggedAsync($"r{round}") : await house.QueueAsync(body);
            await Task.Delay(random.Next(0, immediate ? 15 : 60));
            var deleted = await house.DeleteAsync(id);
            var ended = await house.WhenFinalAsync(id);
            seen[(ended.Status, deleted.Status)] = seen.GetValueOrDefault((ended.Status, deleted.Status)) + 1;

            var (status, done) = (ended.Status, await house.Practice.CountAsync(round));
            Assert.True((status, ended.Executed, done) is (QueryStatus.Successful, null, 1) or (QueryStatus.Cancelled, Executed.No, 0),
                $"Round {round}: {status}, executed {ended.Executed}; in the table: {done}");
            if (deleted.Status == HttpStatusCode.OK)
                Assert.Equal((status, ended.CompletedAt), (deleted.Query.Status, deleted.Query.CompletedAt));
            if (asked is not null)
                Assert.Equal(status == QueryStatus.Successful ? HttpStatusCode.OK : HttpStatusCode.Conflict, (await asked).Status);
        }
        output.WriteLine(string.Join(", ", seen.Select(s => $"{s.Key.Item1} {(int)s.Key.Item2}: {s.Value}")));
        await house.RestsAsync();
    }

    /// <summary>Async queries in every lane for them.</summary>
    static async Task<Guid[]> BlockAsync(EndingsHouse house)
    {
        var ids = await Task.WhenAll(Enumerable.Range(0, AsyncLanes).Select(_ => house.QueueAsync(Body(house.Practice.Endless))));
        foreach (var id in ids)
            await house.WhenAsync(id, QueryStatus.Executing);
        await house.WhenBusyAsync();
        return ids;
    }

    static void Cancelled(Query query, Executed executed) => Assert.Equal((QueryStatus.Cancelled, executed), (query.Status, query.Executed!.Value));
}

public sealed class SqliteCancelTests(ITestOutputHelper output) : CancelTests(output)
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.SqliteAsync(settings);
}

public sealed class PostgresCancelTests(SharedPostgres postgres, ITestOutputHelper output) : CancelTests(output)
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.PostgresAsync(postgres, settings);
}
