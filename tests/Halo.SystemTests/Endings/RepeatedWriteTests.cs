using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>One Idempotency-Key, one write: at once, while the first runs, after the API was killed; counted in the practice's own table.</summary>
public abstract class RepeatedWriteTests
{
    const int Repeats = 100;

    protected abstract Task<EndingsHouse> OpenAsync(params (string, string)[] settings);

    [Fact]
    public async Task A_write_that_is_sent_a_hundred_times_at_once_executes_once()
    {
        await using var house = await OpenAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, Repeats).Select(_ => house.AskAsync(Write(house, 1), ("Idempotency-Key", "once"))));
        Assert.All(answers, a => Assert.True(a.Status == HttpStatusCode.OK, a.ToString()));
        Assert.Single(answers.Select(a => a.Body).Distinct());
        Assert.Single(answers, a => !a.Headers.Contains("Halo-Replayed"));

        var ids = await Task.WhenAll(Enumerable.Range(0, Repeats).Select(_ => house.QueueAsync(Write(house, 2), ("Idempotency-Key", "once more"))));
        Assert.Equal(QueryStatus.Successful, (await house.WhenFinalAsync(Assert.Single(ids.Distinct()))).Status);
        await house.RestsAsync();
        Assert.Equal((1, 1), (await house.Practice.CountAsync(1), await house.Practice.CountAsync(2)));
    }

    [Fact]
    public async Task A_repeat_while_the_first_runs_gets_its_end_and_a_caller_that_leaves_does_not_cancel()
    {
        await using var house = await OpenAsync();
        var body = Body($"INSERT INTO done SELECT 1 FROM ({house.Practice.Endless}) AS slow", "nonQuery", timeout: 4000);
        using var leaves = new CancellationTokenSource();
        using var first = new HttpRequestMessage(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/immediate")
        {
            Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json"),
            Headers = { { "Idempotency-Key", "slow" } },
        };
        var left = house.Integrator.Http.SendAsync(first, leaves.Token);
        await house.WhenBusyAsync();
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        var repeat = await house.AskAsync(body, ("Idempotency-Key", "slow"));
        // Its limit ended it, not its caller.
        Assert.Equal((HttpStatusCode.GatewayTimeout, QueryStatus.ExecutionFailed), (repeat.Status, repeat.Query.Status));
        Assert.True(repeat.Headers.Contains("Halo-Replayed"));
        await house.RestsAsync();
        Assert.Equal(0, await house.Practice.CountAsync(1));
    }

    [Fact]
    public async Task A_repeat_after_the_API_was_killed_executes_nothing_again()
    {
        await using var house = await OpenAsync();
        var done = await house.AskAsync(Write(house, 1), ("Idempotency-Key", "done"));
        Assert.Equal(HttpStatusCode.OK, done.Status);
        var queued = await house.QueueAsync(Write(house, 2), ("Idempotency-Key", "queued"));
        // This one is in the database when the API dies.
        var running = house.AskAsync(Write(house, 3, "SELECT 1 FROM (" + house.Practice.Endless + ") AS slow"), ("Idempotency-Key", "running"));
        await house.WhenBusyAsync();
        // And the queued one with the Link: a claim whose answer dies with the API ends as lost, nothing having run.
        await Eventually.BecomesAsync(async () =>
            (await house.Link.StatusAsync())["work"]!["asyncRunning"]!.GetValue<int>() > 0 || (await house.Integrator.FindAsync(house.Site.Id, queued)).CompletedAt is not null, there => there);
        await house.Fixture.Api.Process.KillAsync();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => running);
        await house.Fixture.Api.StartAsync();
        await house.Link.WhenOnlineAsync();

        var again = await house.AskAsync(Write(house, 1), ("Idempotency-Key", "done"));
        Assert.Equal((done.Status, done.Body, true), (again.Status, again.Body, again.Headers.Contains("Halo-Replayed")));
        Assert.Equal(queued, await house.QueueAsync(Write(house, 2), ("Idempotency-Key", "queued")));
        Assert.Equal(QueryStatus.Successful, (await house.WhenFinalAsync(queued)).Status);
        var repeats = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ =>
            house.AskAsync(Write(house, 3, "SELECT 1 FROM (" + house.Practice.Endless + ") AS slow"), ("Idempotency-Key", "running"))));
        Assert.Single(repeats.Select(r => r.Query.Id).Distinct());
        Assert.All(repeats, r => Assert.NotEqual(HttpStatusCode.OK, r.Status));
        await Eventually.BecomesAsync(house.Practice.IsBusyAsync, busy => !busy);
        await house.RestsAsync();
        Assert.Equal((1, 1, 0), (await house.Practice.CountAsync(1), await house.Practice.CountAsync(2), await house.Practice.CountAsync(3)));
    }

    /// <summary>Puts <paramref name="n"/> into the table, slowly or, behind <paramref name="after"/>, never.</summary>
    static string Write(EndingsHouse house, int n, string? after = null) => after is null
        ? Body(house.Practice.SlowWrite, "nonQuery", parameters: [new { name = "@n", type = "Int", value = n }])
        : Body($"INSERT INTO done SELECT {n} FROM ({after}) AS first", "nonQuery", timeout: 8000);
}

public sealed class SqliteRepeatedWriteTests : RepeatedWriteTests
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.SqliteAsync(settings);
}

public sealed class PostgresRepeatedWriteTests(SharedPostgres postgres) : RepeatedWriteTests
{
    protected override Task<EndingsHouse> OpenAsync(params (string, string)[] settings) => Houses.PostgresAsync(postgres, settings);
}
