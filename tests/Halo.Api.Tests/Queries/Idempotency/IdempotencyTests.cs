using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Idempotency;

public class IdempotencyTests(OneHost one) : IClassFixture<OneHost>
{
    const string Write = """{ "command": { "text": "INSERT INTO t VALUES (1)", "executionMode": "nonQuery" } }""";

    static bool IsReplayed(HttpResponseMessage response) => response.Headers.TryGetValues("Halo-Replayed", out var values) && values.Single() == "true";

    /// <summary>Nothing was sent to the Link since: the next command it gets is this one.</summary>
    internal static async Task NothingElseWasSentAsync(PairedSite site)
    {
        const string Marker = """{ "command": { "text": "SELECT 'marker'" } }""";
        var asked = site.AskAsync(Marker);
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        Assert.Equal("SELECT 'marker'", execute.Command!.Text);
        await site.Link.AnswerAsync(id, "[]", 0);
        (await asked).Dispose();
    }

    [Fact]
    public async Task A_repeat_gets_the_same_bytes_and_nothing_runs()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync(idempotencyKey: "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1},{"n":22}]""", 2);
        using var first = await asked;
        Assert.False(IsReplayed(first));
        for (var i = 0; i < 3; i++)
        {
            using var repeat = await site.AskAsync(idempotencyKey: "a");
            Assert.True(IsReplayed(repeat));
            Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
            Assert.Equal(first.StatusCode, repeat.StatusCode);
        }
        await NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task An_error_of_the_database_is_repeated_too()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 19, "UNIQUE constraint failed: t.n") });
        using var first = await asked;
        using var repeat = await site.AskAsync(Write, "a");
        Assert.Equal((400, true), ((int)repeat.StatusCode, IsReplayed(repeat)));
        Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task The_same_key_with_another_request_is_a_422_and_another_integrators_key_is_its_own()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync(idempotencyKey: "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, "[]", 0);
        (await asked).Dispose();
        using var other = await site.AskAsync(Write, "a");
        Assert.Equal(ErrorCodes.IdempotencyKeyReused, (await other.ErrorAsync(422)).Code);
        using var async = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne, "a");
        await async.ErrorAsync(422);
        await using var stranger = new PairedSite(one.Host, site.Link, await one.Host.CreatePairedAsync(site.Link.SiteId));
        var theirs = stranger.AskAsync(Write, "a");
        (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var answered = await theirs;
        Assert.Equal((200, false), ((int)answered.StatusCode, IsReplayed(answered)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("129")]
    public async Task A_key_that_is_empty_or_too_long_is_refused(string key)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var response = await site.AskAsync(idempotencyKey: key.Length == 0 ? key : new string('k', 129));
        Assert.Equal("Idempotency-Key", Assert.Single((await response.ErrorAsync(400)).Errors!).Field);
    }

    [Fact]
    public async Task A_malformed_request_and_an_absent_site_do_not_bind()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var malformed = await site.AskAsync("{}", "a");
        await malformed.ErrorAsync(400);
        await site.Link.Line.CloseAsync(LineCloseReason.LinkStopping);
        await Until.TrueAsync(() => Task.FromResult(one.Host.Services.GetRequiredService<Api.Links.Sessions.LinkSessions>().Find(site.Link.LinkId) is null));
        using var away = await site.AskAsync(Write, "a");
        Assert.Equal((503, false), ((int)away.StatusCode, IsReplayed(away)));
        await site.Link.ConnectAsync();
        var asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var answered = await asked;
        Assert.Equal((200, false), ((int)answered.StatusCode, IsReplayed(answered)));
    }

    [Fact]
    public async Task A_503_that_says_that_nothing_ran_leaves_the_key_free()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync(Write, "a");
        var (expired, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(expired, new Outcome(Ending.Expired, Executed.No));
        using var first = await asked;
        Assert.Equal(503, (int)first.StatusCode);
        asked = site.AskAsync(Write, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        Assert.NotEqual(expired, id);
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var second = await asked;
        Assert.Equal(200, (int)second.StatusCode);
        using var third = await site.AskAsync(Write, "a");
        Assert.True(IsReplayed(third));
    }

    [Fact]
    public async Task A_caller_that_goes_away_does_not_cancel_and_finds_the_answer_later()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var caller = new CancellationTokenSource();
        var asked = site.AskAsync(Write, "a", caller.Token);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        var repeat = site.AskAsync(Write, "a");
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 7 });
        using var answered = await repeat;
        Assert.True(IsReplayed(answered));
        var query = await answered.QueryAsync();
        Assert.Equal((id, 7L), (query.Id, query.Result!.RowsAffected!.Value));
        await NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task A_repeat_waits_up_to_its_own_limit_and_an_unknown_fate_stays_a_504_of_the_same_id()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:GraceMs=0");
        await using var site = await PairedSite.CreateAsync(host);
        const string Short = """{ "maxTimeInQueue": 0, "command": { "text": "DELETE FROM t", "executionMode": "nonQuery", "timeout": 300 } }""";
        var asked = site.AskAsync(Short, "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        using var during = await site.AskAsync(Short, "a");
        Assert.Equal((504, id), ((int)during.StatusCode, (await during.QueryAsync()).Id));
        using var first = await asked;
        Assert.Equal((504, id), ((int)first.StatusCode, (await first.QueryAsync()).Id));
        await Until.TrueAsync(async () => (await site.GetAsync(id)).Status == QueryStatus.ExecutionFailed);
        using var later = await site.AskAsync(Short, "a");
        var shown = await later.QueryAsync();
        Assert.Equal((504, id, Executed.Unknown, true), ((int)later.StatusCode, shown.Id, shown.Executed!.Value, IsReplayed(later)));
        await NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task An_async_query_is_queued_once()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        using var first = await site.SendAsync(HttpMethod.Post, "/async", Write, "a");
        var claim = Assert.Single(await site.Link.ClaimAsync(5));
        using var repeat = await site.SendAsync(HttpMethod.Post, "/async", Write, "a");
        Assert.Equal((201, true, first.Headers.Location), ((int)repeat.StatusCode, IsReplayed(repeat), repeat.Headers.Location));
        Assert.Equal(await first.Content.ReadAsStringAsync(), await repeat.Content.ReadAsStringAsync());
        Assert.Equal(claim.QueryId, (await repeat.QueryAsync()).Id);
        Assert.Empty(await site.Link.ClaimAsync(5));
    }

    [Fact]
    public async Task Beyond_the_bound_of_all_answers_a_repeat_gets_the_state_without_the_rows()
    {
        await using var host = await ApiHost.StartAsync("Halo:Results:ReplayBytes=0");
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync(idempotencyKey: "a");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var first = await asked;
        using var repeat = await site.AskAsync(idempotencyKey: "a");
        var state = await repeat.QueryAsync();
        Assert.Equal((200, true, id, QueryStatus.Successful, 1L), ((int)repeat.StatusCode, IsReplayed(repeat), state.Id, state.Status, state.Result!.Rows!.Value));
        Assert.Null(state.Result.Data);
        await NothingElseWasSentAsync(site);
    }

    [Fact]
    public async Task What_is_kept_cannot_be_read_from_the_store()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var asked = site.AskAsync(idempotencyKey: "secret-rows");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":"a patient's name"}]""", 1);
        (await asked).Dispose();
        var database = (Api.Storage.Database)one.Host.Services.GetService(typeof(Api.Storage.Database))!;
        await using var connection = await database.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT answer FROM idempotency_keys WHERE idempotency_key = 'secret-rows'";
        var kept = Encoding.Latin1.GetString((byte[])(await command.ExecuteScalarAsync())!);
        Assert.StartsWith("HALO", kept, StringComparison.Ordinal);
        Assert.DoesNotContain("patient", kept, StringComparison.Ordinal);
    }
}
