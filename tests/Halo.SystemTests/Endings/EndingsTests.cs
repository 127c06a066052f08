using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>
/// However a query ends, its statement ends in the database, its lane is free for the next, and answer, GET and database agree.
/// </summary>
public abstract class EndingsTests
{
    protected abstract Task<EndingsHouse> OpenAsync(params (string, string)[] settings);

    [Fact]
    public async Task A_commands_own_limit_ends_it_in_the_database()
    {
        await using var house = await OpenAsync();
        var answer = await house.AskAsync(Body(house.Practice.Endless, timeout: 400));
        TimedOut(answer.Query);
        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.Status);
        TimedOut(await house.WhenFinalAsync(answer.Query.Id));
        TimedOut(await house.WhenFinalAsync(await house.QueueAsync(Body(house.Practice.Endless, timeout: 400))));
        await house.RestsAsync();
    }

    [Fact]
    public async Task The_limit_of_its_mode_ends_it_in_the_database()
    {
        await using var house = await OpenAsync(("Halo__Limits__ImmediateExecutionMs", "400"), ("Halo__Limits__AsyncExecutionMs", "600"));
        var answer = await house.AskAsync(Body(house.Practice.Endless));
        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.Status);
        TimedOut(answer.Query);
        TimedOut(await house.WhenFinalAsync(answer.Query.Id));
        TimedOut(await house.WhenFinalAsync(await house.QueueAsync(Body(house.Practice.Endless))));
        Assert.Equal(HttpStatusCode.BadRequest, (await house.AskAsync(Body("SELECT 1", timeout: 401))).Status);
        await Testing.Eventually.BecomesAsync(house.Practice.IsBusyAsync, busy => !busy);
    }

    [Fact]
    public async Task A_write_that_the_limit_stopped_is_told_as_the_database_has_it()
    {
        await using var house = await OpenAsync();
        var write = $"INSERT INTO done SELECT 1 FROM ({house.Practice.Endless}) AS slow";
        var answer = await house.AskAsync(Body(write, "nonQuery", timeout: 400));
        TimedOut(answer.Query);
        Assert.Equal(Executed.No, answer.Query.Executed);
        Assert.Equal(0, await house.Practice.CountAsync(1));
        await house.RestsAsync();
    }

    [Fact]
    public async Task A_query_whose_time_in_the_queue_is_over_never_ran()
    {
        await using var house = await OpenAsync();
        var blocking = Enumerable.Range(0, ImmediateLanes).Select(i => house.AskAsync(Body(house.Practice.Endless), ("Halo-Tag", $"b{i}"))).ToList();
        var queued = await Task.WhenAll(Enumerable.Range(0, AsyncLanes).Select(_ => house.QueueAsync(Body(house.Practice.Endless))));
        foreach (var id in queued)
            await house.WhenAsync(id, QueryStatus.Executing);
        await Testing.Eventually.BecomesAsync(house.Link.StatusAsync, s => s["work"]!["immediateRunning"]!.GetValue<int>() == ImmediateLanes);

        var late = await house.AskAsync(Body("INSERT INTO done VALUES (1)", "nonQuery", maxTimeInQueue: 300));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, late.Status);
        Expired(late.Query);
        Expired(await house.WhenFinalAsync(late.Query.Id));
        Expired(await house.WhenFinalAsync(await house.QueueAsync(Body("INSERT INTO done VALUES (1)", "nonQuery", maxTimeInQueue: 300))));

        for (var i = 0; i < ImmediateLanes; i++)
            await house.DeleteAsync(await house.TaggedAsync($"b{i}"));
        foreach (var id in queued)
            await house.DeleteAsync(id);
        Assert.All(await Task.WhenAll(blocking), a => Assert.Equal(HttpStatusCode.Conflict, a.Status));
        await house.RestsAsync();
        Assert.Equal(0, await house.Practice.CountAsync(1));
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-ndjson")]
    [InlineData("text/csv")]
    public async Task A_caller_who_goes_away_takes_the_statement_along(string accept)
    {
        await using var house = await OpenAsync();
        // Every lane once, and once more.
        for (var i = 0; i <= ImmediateLanes; i++)
        {
            using var leaves = new CancellationTokenSource();
            using var request = new HttpRequestMessage(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/immediate")
            {
                Content = new StringContent(Body(accept == "application/json" ? house.Practice.Endless : house.Practice.EndlessRows), System.Text.Encoding.UTF8, "application/json"),
                Headers = { { "Accept", accept }, { "Halo-Tag", $"left{i}" } },
            };
            var answer = house.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaves.Token);
            if (accept != "application/json")
            {
                // Goes with the answer, below: a stream that is closed here has left already.
                var rows = await (await answer).Content.ReadAsStreamAsync();
                await rows.ReadExactlyAsync(new byte[100_000]);
            }
            await house.WhenBusyAsync();
            await leaves.CancelAsync();
            if (accept == "application/json")
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
            else
                (await answer).Dispose();
            var ended = await house.WhenFinalAsync(await house.TaggedAsync($"left{i}"));
            Assert.Equal((QueryStatus.Cancelled, Executed.No), (ended.Status, ended.Executed));
            await Testing.Eventually.BecomesAsync(house.Practice.IsBusyAsync, busy => !busy);
        }
        await house.RestsAsync();
    }

    [Fact]
    public async Task A_result_over_the_limit_says_that_it_was_executed_and_it_was()
    {
        await using var house = await OpenAsync();
        var answer = await house.AskAsync(Body(house.Practice.LargeWrite));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.Status);
        Assert.Equal(Executed.Yes, answer.Query.Executed);
        Assert.Equal((ErrorTypes.Http, 413), (answer.Query.ErrorDetails!.ErrorType, answer.Query.ErrorDetails.ErrorCode));
        Assert.Equal(1, await house.Practice.CountAsync(1));
        var found = await house.WhenFinalAsync(answer.Query.Id);
        Assert.Equal((answer.Query.Status, Executed.Yes), (found.Status, found.Executed));
        await house.RestsAsync();
    }

    [Fact]
    public async Task A_write_whose_Link_falls_silent_is_504_and_of_unknown_fate_and_stays_so()
    {
        await using var house = await OpenAsync(("Halo__Limits__GraceMs", "300"));
        var asked = house.AskAsync(Body($"INSERT INTO done SELECT 1 FROM ({house.Practice.Endless}) AS slow", "nonQuery", timeout: 3000));
        await house.WhenBusyAsync();
        house.Link.Process.Pause();
        var answer = await asked;
        Assert.Equal(HttpStatusCode.GatewayTimeout, answer.Status);
        Assert.Equal(Executed.Unknown, answer.Query.Executed);
        var settled = await house.WhenFinalAsync(answer.Query.Id);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown), (settled.Status, settled.Executed));
        house.Link.Process.Continue();
        await house.RestsAsync();
        var later = await house.WhenFinalAsync(answer.Query.Id);
        Assert.Equal((settled.Status, settled.Executed, settled.CompletedAt), (later.Status, later.Executed, later.CompletedAt));
    }

    static void TimedOut(Query query)
    {
        Assert.True(query.Status == QueryStatus.ExecutionFailed, $"{query.Status}: {query.ErrorDetails}");
        Assert.Equal((ErrorTypes.HaloLink, 504, FailureCodes.ExecutionTimeout), (query.ErrorDetails!.ErrorType, query.ErrorDetails.ErrorCode, query.ErrorDetails.Code));
        Assert.NotNull(query.Executed);
        Assert.NotEqual(Executed.Yes, query.Executed);
    }

    static void Expired(Query query)
    {
        Assert.True(query.Status == QueryStatus.ExpiredInQueue, $"{query.Status}: {query.ErrorDetails}");
        Assert.Equal((Executed.No, FailureCodes.QueueTimeout), (query.Executed, query.ErrorDetails!.Code));
    }
}

public sealed class SqliteEndingsTests : EndingsTests
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.SqliteAsync(settings);
}

public sealed class PostgresEndingsTests(SharedPostgres postgres) : EndingsTests
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.PostgresAsync(postgres, settings);
}
