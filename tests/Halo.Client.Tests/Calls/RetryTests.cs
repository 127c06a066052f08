using System.Net;
using Halo.Contracts.Queries;
using static Halo.Client.Tests.Calls.ScriptedServer;

namespace Halo.Client.Tests.Calls;

/// <summary>What is sent again, what is not, and that it is the same each time.</summary>
public sealed class RetryTests
{
    const string AtOnce = "Retry-After: 0\r\n";

    static readonly string Done = Json("200 OK", Query("successful", """,  "result":{"rowsAffected":1,"size":0}"""));

    static readonly string Gateway = "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n" + AtOnce + "\r\n<html>";

    [Fact]
    public async Task A_write_is_sent_again_with_the_same_key_and_bytes_whatever_happens_on_the_way()
    {
        await using var server = new ScriptedServer("", Refusal("429 Too Many Requests", "TooManyRequests", AtOnce), Gateway, Refusal("503 Service Unavailable", "QueueFull", AtOnce), Done);
        Assert.Equal(1, await server.Site().ExecuteAsync($"UPDATE t SET a = {1}"));
        Assert.Equal(5, server.Requests.Count);
        Assert.Single(server.Requests.Distinct());
        Assert.Contains("Idempotency-Key: ", server.Requests.First(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_writes_have_two_keys()
    {
        await using var server = new ScriptedServer(Done, Done);
        var site = server.Site();
        await site.ExecuteAsync($"UPDATE t SET a = 1");
        await site.ExecuteAsync($"UPDATE t SET a = 1");
        Assert.Equal(2, server.Requests.Distinct().Count());
    }

    [Fact]
    public async Task A_query_without_a_key_is_sent_again_only_where_nothing_ran()
    {
        await using var refused = new ScriptedServer(Refusal("429 Too Many Requests", "TooManyRequests", AtOnce), Json("503 Service Unavailable", Query("expiredInQueue", ""","executed":"no" """), AtOnce), Rows());
        Assert.Equal([5], await refused.Site().QueryAsync<int>($"SELECT 5"));
        Assert.DoesNotContain(refused.Requests, r => r.Contains("Idempotency-Key", StringComparison.Ordinal));

        foreach (var doubtful in (string[])["", Gateway, Json("503 Service Unavailable", "<html>", AtOnce), Json("503 Service Unavailable", Query("executionFailed", ""","executed":"unknown" """), AtOnce)])
        {
            await using var server = new ScriptedServer(doubtful, Rows());
            var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().QueryAsync<int>($"SELECT 5"));
            Assert.Equal((Executed.Unknown, true), (error.Executed, error.IsTransient));
            Assert.Single(server.Requests);
        }

        var lost = Json("504 Gateway Timeout", Query("successful", ""","executed":"yes","errorDetails":{"errorType":"http","errorCode":504,"errorMessage":"Its rows were lost.","code":"NoAnswer"} """), AtOnce);
        await using var again = new ScriptedServer("", Gateway, lost, Rows());
        Assert.Equal([5], await again.Site().QueryAsync<int>($"SELECT 5", new() { IsRepeatable = true }));
    }

    [Fact]
    public async Task What_the_service_asks_to_wait_is_not_waited_for_where_it_is_too_long()
    {
        await using var server = new ScriptedServer(Refusal("429 Too Many Requests", "TooManyRequests", "Retry-After: 3600\r\n"), Done);
        var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal((HttpStatusCode.TooManyRequests, TimeSpan.FromHours(1), Executed.No, true), (error.Status, error.RetryAfter, error.Executed, error.IsTransient));
        Assert.NotNull(error.IdempotencyKey);
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Who_cancels_a_write_is_told_the_key_that_it_was_sent_with_and_who_sent_nothing_is_not()
    {
        // The word to the practice is answered by a service that does not know the key yet, then as if it were never to be.
        await using var server = new ScriptedServer("HTTP/1.1 200 OK\r\n…", Refusal("404 Not Found", "NotFound"), "HTTP/1.1 202 Accepted\r\n…");
        using var stop = new CancellationTokenSource();
        var site = server.Site();
        var writing = site.ExecuteAsync($"UPDATE t SET a = 1", cancellationToken: stop.Token);
        await Halo.Testing.Eventually.BecomesAsync(() => Task.FromResult(server.Requests.Count), requests => requests == 1);
        await stop.CancelAsync();
        var cancelled = await Assert.ThrowsAsync<HaloCanceledException>(() => writing);
        Assert.Contains($"Idempotency-Key: {cancelled.IdempotencyKey}", server.Requests.First(), StringComparison.OrdinalIgnoreCase);
        Assert.Equal(stop.Token, cancelled.CancellationToken);
        Assert.Equal(3, server.Requests.Count);
        Assert.All(server.Requests.Skip(1), r => Assert.StartsWith($"DELETE /integrator/sites/{site.Id}/queries?idempotencyKey={cancelled.IdempotencyKey} ", r, StringComparison.Ordinal));
        await Assert.ThrowsAsync<OperationCanceledException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1", cancellationToken: stop.Token));
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task What_a_key_of_the_callers_own_stands_for_is_not_stopped()
    {
        await using var server = new ScriptedServer("HTTP/1.1 200 OK\r\n…", "HTTP/1.1 202 Accepted\r\n…");
        using var stop = new CancellationTokenSource();
        var writing = server.Site().ExecuteAsync($"UPDATE t SET a = 1", new() { IdempotencyKey = "mine" }, stop.Token);
        await Halo.Testing.Eventually.BecomesAsync(() => Task.FromResult(server.Requests.Count), requests => requests == 1);
        await stop.CancelAsync();
        Assert.Equal("mine", (await Assert.ThrowsAsync<HaloCanceledException>(() => writing)).IdempotencyKey);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("401 Unauthorized", "KeyInvalid")]
    [InlineData("405 Method Not Allowed", "MethodNotAllowed")]
    [InlineData("500 Internal Server Error", "InternalError")]
    public async Task What_becomes_of_the_word_to_the_practice_hides_nothing(string status, string code)
    {
        await using var server = new ScriptedServer("HTTP/1.1 200 OK\r\n…", Refusal(status, code), "not HTTP");
        using var stop = new CancellationTokenSource();
        var queueing = server.Site().QueueAsync($"UPDATE t SET a = 1", cancellationToken: stop.Token);
        await Halo.Testing.Eventually.BecomesAsync(() => Task.FromResult(server.Requests.Count), requests => requests == 1);
        await stop.CancelAsync();
        Assert.NotNull((await Assert.ThrowsAsync<HaloCanceledException>(() => queueing)).IdempotencyKey);
    }

    [Fact]
    public async Task A_list_of_sites_goes_on_from_page_to_page_and_is_sent_again_where_it_broke()
    {
        var (one, two) = (Guid.NewGuid(), Guid.NewGuid());
        await using var server = new ScriptedServer(
            Json("200 OK", $$"""{ "sites": [ {{Site(one)}} ], "next": "{{one}}" }"""), "", Json("200 OK", $$"""{ "sites": [ {{Site(two)}} ] }"""));
        var read = new List<Guid>();
        await foreach (var site in server.Client().Sites.ListAsync())
            read.Add(site.Id);
        Assert.Equal([one, two], read);
        Assert.Equal(["/integrator/sites?limit=1000", $"/integrator/sites?limit=1000&after={one}", $"/integrator/sites?limit=1000&after={one}"], server.Requests.Select(r => r.Split(' ')[1]));

        static string Site(Guid id) =>
            $$"""
            { "id": "{{id}}", "pmsType": "Zedmed", "availability": "online", "status": "active", "catalogue": [], "practiceManagementSiteId": "1",
              "practiceManagementName": "Zedmed", "createdAt": "2026-03-05T14:30:00.123Z", "authoritative": true }
            """;
    }

    [Fact]
    public async Task A_stream_that_may_write_has_a_key_and_tells_it()
    {
        await using var server = new ScriptedServer("", Refusal("400 Bad Request", "InvalidRequest"));
        var broken = await Assert.ThrowsAsync<HaloException>(async () =>
        {
            await foreach (var _ in server.Site().StreamAsync<int>($"INSERT INTO t VALUES (1) RETURNING a"))
                Assert.Fail("No row came.");
        });
        Assert.NotNull(broken.IdempotencyKey);
        Assert.All(server.Requests, r => Assert.Contains($"Idempotency-Key: {broken.IdempotencyKey}", r, StringComparison.OrdinalIgnoreCase));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task Nothing_is_sent_again_without_time_for_it()
    {
        await using var server = new ScriptedServer("", Done);
        await Assert.ThrowsAsync<HaloException>(() => server.Site(o => o.RetryTimeout = TimeSpan.Zero).ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("400 Bad Request", "InvalidRequest", Executed.No)]
    [InlineData("403 Forbidden", "NotPaired", Executed.No)]
    [InlineData("422 Unprocessable Content", "IdempotencyKeyReused", Executed.Unknown)]
    [InlineData("500 Internal Server Error", "InternalError", Executed.Unknown)]
    public async Task Other_refusals_are_told_at_once(string status, string code, Executed executed)
    {
        await using var server = new ScriptedServer(Refusal(status, code), Done);
        var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal((code, executed, false), (error.Code, error.Executed, error.IsTransient));
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData("403 Forbidden", "NotPaired")]
    [InlineData("429 Too Many Requests", "TooManyRequests")]
    [InlineData("503 Service Unavailable", "ServiceUnavailable")]
    public async Task A_later_refusal_says_nothing_of_an_attempt_that_may_have_been_carried_out(string status, string code)
    {
        await using var server = new ScriptedServer("", Refusal(status, code, "Retry-After: 3600\r\n"));
        var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal((code, Executed.Unknown), (error.Code, error.Executed));

        // Where nothing ran the service frees the key: the first attempt may still be on its way.
        await using var freeing = new ScriptedServer("", Json("503 Service Unavailable", Query("expiredInQueue", ""","executed":"no" """), "Retry-After: 3600\r\n"));
        Assert.Equal(Executed.Unknown, (await Assert.ThrowsAsync<HaloException>(() => freeing.Site().ExecuteAsync($"UPDATE t SET a = 1"))).Executed);

        // Of what the database did with its key the service knows.
        await using var knowing = new ScriptedServer("", Json("400 Bad Request", Query("executionFailed", ""","executed":"no" """)));
        Assert.Equal(Executed.No, (await Assert.ThrowsAsync<HaloException>(() => knowing.Site().ExecuteAsync($"UPDATE t SET a = 1"))).Executed);
    }

    [Fact]
    public async Task A_write_that_took_longer_than_it_is_tried_again_for_is_asked_for_again_all_the_same()
    {
        await using var server = new ScriptedServer("", Done);
        var site = server.Site(o =>
        {
            o.RetryTimeout = TimeSpan.FromSeconds(2);
            o.TimeProvider = new SlowTime(() => server.Requests.Count);
        });
        await site.ExecuteAsync($"UPDATE t SET a = 1");
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task A_key_that_is_another_requests_says_nothing_of_that_one()
    {
        await using var server = new ScriptedServer(Refusal("422 Unprocessable Content", "IdempotencyKeyReused"));
        Assert.Equal(Executed.Unknown, (await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"))).Executed);
    }

    /// <summary>A clock by which every attempt takes a minute.</summary>
    sealed class SlowTime(Func<int> attempts) : TimeProvider
    {
        public override long GetTimestamp() => System.GetTimestamp() + attempts() * 60 * TimestampFrequency;
    }

    [Fact]
    public async Task A_service_that_is_gone_after_an_attempt_says_nothing_of_it_either()
    {
        var server = new ScriptedServer("");
        var site = server.Site(o => o.RetryTimeout = TimeSpan.FromSeconds(2));
        var writing = site.ExecuteAsync($"UPDATE t SET a = 1");
        await Halo.Testing.Eventually.BecomesAsync(() => Task.FromResult(server.Requests.Count), requests => requests > 0);
        await server.DisposeAsync();
        Assert.Equal(Executed.Unknown, (await Assert.ThrowsAsync<HaloException>(() => writing)).Executed);
    }

    [Fact]
    public async Task A_write_whose_fate_cannot_be_asked_for_is_of_unknown_fate()
    {
        await using var server = new ScriptedServer(
            Json("504 Gateway Timeout", Query("executing", ""","executed":"unknown","errorDetails":{"errorType":"http","errorCode":504,"errorMessage":"No answer.","code":"NoAnswer"} """, completed: false)),
            Refusal("403 Forbidden", "NotPaired"));
        var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal(("NoAnswer", Executed.Unknown), (error.Code, error.Executed));
        Assert.NotNull(error.IdempotencyKey);
    }

    [Fact]
    public async Task The_fate_of_a_write_whose_answer_came_too_late_is_asked_for()
    {
        await using var server = new ScriptedServer(
            Json("504 Gateway Timeout", Query("executing", ""","executed":"unknown","errorDetails":{"errorType":"http","errorCode":504,"errorMessage":"No answer.","code":"NoAnswer"} """, completed: false)),
            Json("200 OK", Query("executing", "", completed: false)),
            Done);
        Assert.Equal(1, await server.Site().ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal(["POST", "GET", "GET"], server.Requests.Select(r => r.Split(' ')[0]));
    }

    [Fact]
    public async Task A_redirect_is_not_followed_with_the_key()
    {
        await using var other = new ScriptedServer(Done);
        await using var server = new ScriptedServer(Json("302 Found", "", $"Location: {other.Address}elsewhere\r\n"));
        Assert.Equal(HaloExceptionCodes.UnknownAnswer, (await Assert.ThrowsAsync<HaloException>(() => server.Site().ExecuteAsync($"UPDATE t SET a = 1"))).Code);
        Assert.Empty(other.Requests);
    }

    [Fact]
    public async Task A_service_that_cannot_be_reached_got_nothing()
    {
        var server = new ScriptedServer();
        var site = server.Site(o => o.RetryTimeout = TimeSpan.Zero);
        await server.DisposeAsync();
        var error = await Assert.ThrowsAsync<HaloException>(() => site.ExecuteAsync($"UPDATE t SET a = 1"));
        Assert.Equal((HaloExceptionCodes.NotConnected, Executed.No, true), (error.Code, error.Executed, error.IsTransient));
    }

    [Theory]
    [InlineData("http://halo.example", "k", "https://")]
    [InlineData("http://127.0.0.1:5080", "", "Key is required")]
    [InlineData("http://127.0.0.1:5080", "two words", "Key holds")]
    public void Options_that_would_show_the_key_or_have_none_are_refused(string address, string key, string told) =>
        Assert.Contains(told, Assert.Throws<ArgumentException>(() => new HaloClient(new HaloClientOptions { Address = new(address), Key = key })).Message, StringComparison.Ordinal);

    static string Rows() => Json("200 OK", Query("successful", ""","result":{"rows":1,"size":9,"data":"W3siYSI6NX1d"}"""));

    static string Query(string status, string more, bool completed = true) => $$"""
        {"id":"6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a11","integratorId":"6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a12","siteId":"6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a13",
        "mode":"immediate","status":"{{status}}","maxTimeInQueue":1,"commandSize":1,"requestSize":1,"sqlQuerySize":1,"createdAt":"2026-03-05T09:00:00.000Z","updatedAt":"2026-03-05T09:00:00.000Z",
        {{(completed ? "\"completedAt\":\"2026-03-05T09:00:00.000Z\"," : "")}}"statusTiming":{}{{more}}}
        """;
}
