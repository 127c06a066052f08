using System.Globalization;
using System.Text;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate;

public class ImmediateQueriesTests(OneHost one) : IClassFixture<OneHost>
{
    const string SelectOne = """{ "command": { "text": "SELECT 1 AS n" } }""";
    readonly ApiHost _host = one.Host;

    async Task<(SimulatedLink Link, string Key, string Path)> PairedAsync()
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        return (link, await _host.CreatePairedAsync(link.SiteId), $"/integrator/sites/{link.SiteId}/queries");
    }

    Task<HttpResponseMessage> AskAsync(string path, string key, string body = SelectOne, CancellationToken stop = default) =>
        _host.SendAsync(HttpMethod.Post, $"{path}/immediate", body, key, stop: stop);

    [Fact]
    public async Task Rows_come_back_in_base64_with_their_columns()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal("SELECT 1 AS n", execute.Command!.Text);
        Assert.Equal(link.SiteId, execute.SiteId);
        await link.AnswerAsync(id, """[{"n":1},{"n":22}]""", 2);
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal(QueryStatus.Successful, query.Status);
        Assert.Equal("""[{"n":1},{"n":22}]""", Encoding.UTF8.GetString(Convert.FromBase64String(query.Result!.Data!)));
        Assert.Equal((2, 18), (query.Result.Rows!.Value, query.ResultSize!.Value));
        Assert.Equal("n", Assert.Single(query.Result.Columns!).Name);
        Assert.Null(query.Executed);
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(1000)]
    public async Task Base64_is_whole_whatever_the_pieces(int rows)
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        var json = "[" + string.Join(',', Enumerable.Range(0, rows).Select(i => i.ToString(CultureInfo.InvariantCulture))) + "]";
        await link.AnswerAsync(id, json, rows);
        using var response = await asked;
        Assert.Equal(json, Encoding.UTF8.GetString(Convert.FromBase64String((await response.QueryAsync()).Result!.Data!)));
    }

    [Fact]
    public async Task A_small_result_comes_in_one_frame()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.AnswerWholeAsync(id, """[{"n":1}]""", 1);
        using var response = await asked;
        var result = (await response.QueryAsync()).Result!;
        Assert.Equal("""[{"n":1}]""", Encoding.UTF8.GetString(Convert.FromBase64String(result.Data!)));
        Assert.Equal("n", Assert.Single(result.Columns!).Name);
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
    }

    [Fact]
    public async Task A_databases_refusal_is_a_400_in_its_own_words()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.Sqlite, 1, "no such table: nowhere") });
        using var response = await asked;
        Assert.Equal(400, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal(QueryStatus.ExecutionFailed, query.Status);
        Assert.Equal(("sqlite", 1, "no such table: nowhere"), (query.ErrorDetails!.ErrorType, query.ErrorDetails.ErrorCode, query.ErrorDetails.ErrorMessage));
        Assert.Equal((1, "no such table: nowhere"), (query.ErrorCode!.Value, query.ErrorMessage));
        Assert.Equal(Executed.No, query.Executed);
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}", key: key);
        Assert.Equal("no such table: nowhere", (await later.QueryAsync()).ErrorDetails!.ErrorMessage);
    }

    [Fact]
    public async Task A_site_that_was_closed_in_order_is_a_503_at_once()
    {
        var (link, key, path) = await PairedAsync();
        await link.DisposeAsync();
        await Until.TrueAsync(async () => (await AvailabilityAsync(link.SiteId, key)) == "offline");
        using var response = await AskAsync(path, key);
        Assert.Equal(503, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal(QueryStatus.InitialisationFailedSiteOffline, query.Status);
        Assert.Equal(Executed.No, query.Executed);
        Assert.Equal(503, query.Error!.Status);
    }

    /// <param name="toldMs">What the Link knows of its database; null: it is of a version that says nothing.</param>
    [Theory]
    [InlineData(null, 5)]
    [InlineData(30_000, 30)]
    [InlineData(28_001, 29)]
    [InlineData(300_000, 300)]
    [InlineData(0, 1)]
    [InlineData(-7, 1)]
    [InlineData(int.MaxValue, 600)]
    public async Task A_database_that_is_away_is_a_503_with_the_time_that_its_Link_waits(int? toldMs, int seconds)
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new(Ending.Failed, Executed.No)
        {
            Error = new(ErrorTypes.Postgres, 0, "password authentication failed") { Code = FailureCodes.DatabaseUnavailable, SqlState = "28P01" },
            RetryAfterMs = toldMs,
        });
        using var response = await asked;
        Assert.Equal((503, TimeSpan.FromSeconds(seconds)), ((int)response.StatusCode, response.Headers.RetryAfter?.Delta));
        Assert.Equal(Executed.No, (await response.QueryAsync()).Executed);
    }

    [Fact]
    public async Task A_site_without_a_session_that_counts_as_online_is_waited_for()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        await link.BreakAsync();
        await Until.TrueAsync(() => Task.FromResult(_host.Services.GetRequiredService<Api.Links.Sessions.LinkSessions>().Find(link.LinkId) is null));
        var asked = AskAsync(path, key);
        await link.ConnectAsync();
        var (id, _) = await link.ExpectExecuteAsync();
        await link.AnswerAsync(id, "[]", 0);
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
    }

    [Fact]
    public async Task Waiting_for_a_session_ends_with_the_time_in_the_queue()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        await link.BreakAsync();
        await Until.TrueAsync(() => Task.FromResult(_host.Services.GetService(typeof(Api.Links.Sessions.LinkSessions)) is Api.Links.Sessions.LinkSessions s && s.Find(link.LinkId) is null));
        using var response = await AskAsync(path, key, """{ "maxTimeInQueue": 50, "command": { "text": "SELECT 1" } }""");
        Assert.Equal(503, (int)response.StatusCode);
        Assert.Equal(QueryStatus.ExpiredInQueue, (await response.QueryAsync()).Status);
    }

    [Fact]
    public async Task An_outcome_that_is_told_in_the_next_session_of_the_run_still_counts()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { Immediates = [id] });
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 3 });
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
        Assert.Equal(3, (await response.QueryAsync()).Result!.RowsAffected);
    }

    [Fact]
    public async Task Rows_that_were_lost_with_the_line_are_never_a_short_answer()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.Line.SendAsync(FrameKind.Rows, id, "[{"u8.ToArray());
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { Immediates = [id] });
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 5, Size = 100 });
        using var response = await asked;
        Assert.Equal(504, (int)response.StatusCode);
        Assert.Equal(Executed.Yes, (await response.QueryAsync()).Executed);
    }

    [Fact]
    public async Task A_command_that_the_link_does_not_know_after_the_line_broke_never_ran()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        await link.ExpectExecuteAsync();
        await link.BreakAsync();
        await link.ConnectAsync();
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, FailureCodes.NeverSent), (query.Status, query.Executed!.Value, query.ErrorDetails!.Code));
    }

    [Fact]
    public async Task What_was_executing_when_the_links_process_died_is_of_unknown_fate()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key);
        await link.ExpectExecuteAsync();
        await link.BreakAsync();
        link.RunId = Guid.NewGuid();
        await link.ConnectAsync();
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.LinkLost), (query.Status, query.Executed!.Value, query.ErrorDetails!.Code));
    }

    [Fact]
    public async Task An_accept_that_the_store_did_not_take_is_made_again_before_its_outcome()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var database = _host.Services.GetRequiredService<Database>();
        await database.WriteAsync(t => t.RunAsync(
            "CREATE TRIGGER full BEFORE INSERT ON queries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"));
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var response = await asked;
        Assert.Equal(504, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal((id, Executed.Yes), (query.Id, query.Executed!.Value));
        Assert.Contains("Do not repeat", query.Error!.Message, StringComparison.Ordinal);

        // The store is well again; the Link was not acknowledged and tells the outcome in its next session.
        await database.WriteAsync(t => t.RunAsync("DROP TRIGGER full"));
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { Immediates = [id] });
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        Assert.Equal((QueryStatus.Successful, 1L), ((await later.QueryAsync()) is var q ? (q.Status, q.Result!.RowsAffected!.Value) : default));
    }

    [Fact]
    public async Task An_outcome_that_the_store_refused_is_acknowledged_when_it_was_written_later()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var database = _host.Services.GetRequiredService<Database>();
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await database.WriteAsync(t => t.RunAsync("ALTER TABLE queries RENAME TO taken_away"));
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using (var response = await asked)
            Assert.Equal(504, (int)response.StatusCode);
        await database.WriteAsync(t => t.RunAsync("ALTER TABLE taken_away RENAME TO queries"));
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        Assert.Equal(QueryStatus.Successful, (await later.QueryAsync()).Status);
    }

    [Theory]
    [InlineData("""{ "command": { "text": "UPDATE notes SET note = 1", "executionMode": "nonQuery" } }""")]
    [InlineData("""{ "command": { "text": "DELETE FROM notes RETURNING id" } }""")]
    [InlineData("""{ "command": { "text": "SELECT 1; UPDATE notes SET note = 1", "executionMode": "scalar" } }""")]
    [InlineData("""{ "command": { "text": "save", "type": "storedProcedure" } }""")]
    public async Task What_may_write_is_in_the_record_before_its_Link_has_it(string body)
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var asked = AskAsync(path, key, body);
        var (id, _) = await link.ExpectExecuteAsync();
        Assert.Equal(["executing"], await _host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetString(0), "SELECT status FROM queries WHERE id = @id", ("id", id)));
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
    }

    [Fact]
    public async Task What_a_caller_was_told_while_the_store_was_away_no_later_run_of_the_Link_changes()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var database = _host.Services.GetRequiredService<Database>();
        var asked = AskAsync(path, key);
        var (id, _) = await link.ExpectExecuteAsync();
        await database.WriteAsync(t => t.RunAsync(
            "ALTER TABLE queries RENAME TO taken_away"));
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var response = await asked;
        Assert.Equal((504, Executed.Yes), ((int)response.StatusCode, (await response.QueryAsync()).Executed));

        // Another run of the Link, which knows nothing of it.
        await database.WriteAsync(t => t.RunAsync("ALTER TABLE taken_away RENAME TO queries"));
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { RunId = Guid.NewGuid(), Immediates = [] });
        Query? later = null;
        await Until.TrueAsync(async () =>
        {
            using var shown = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
            return (later = await shown.QueryAsync()).CompletedAt is not null;
        });
        Assert.Equal((QueryStatus.Successful, null, 1L), (later!.Status, later.ErrorDetails?.Code, later.Result?.RowsAffected));
    }

    [Fact]
    public async Task A_504_is_no_end_GET_shows_executing_and_then_what_became_of_it()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        // The service waits no longer, as when it stops; the Link has the query still.
        await host.Services.GetRequiredService<Api.Queries.Immediate.ImmediateQueries>().DrainAsync(TimeSpan.Zero);
        using var answer = await asked;
        var told = await answer.QueryAsync();
        Assert.Equal((504, id, QueryStatus.Executing, Executed.Unknown, null), ((int)answer.StatusCode, told.Id, told.Status, told.Executed!.Value, told.CompletedAt));
        await site.IsThereAsync(id);
        Assert.Equal(QueryStatus.Executing, (await site.GetAsync(id)).Status);
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        await Until.TrueAsync(async () => (await site.GetAsync(id)).Status == QueryStatus.Successful);
        var fate = (await site.GetAsync(id)).Result!;
        Assert.Equal((1L, 9L, null), (fate.Rows, fate.Size, fate.Data));
    }

    [Fact]
    public async Task A_caller_that_goes_away_stops_the_statement()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        using var caller = new CancellationTokenSource();
        var asked = AskAsync(path, key, stop: caller.Token);
        var (id, _) = await link.ExpectExecuteAsync();
        await caller.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        Assert.Equal(id, (await link.ExpectAsync(FrameKind.Cancel)).QueryId);
        await link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));
        await link.ExpectAsync(FrameKind.OutcomeAck);
        using var later = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        Assert.Equal(QueryStatus.Cancelled, (await later.QueryAsync()).Status);
    }

    [Fact]
    public async Task An_integrator_that_is_not_paired_gets_a_403_that_says_how()
    {
        var (link, _, path) = await PairedAsync();
        await using var _ = link;
        var (_, stranger, _) = await _host.CreateIntegratorAsync();
        using var response = await AskAsync(path, stranger);
        var error = await response.ErrorAsync(403);
        Assert.Equal(ErrorCodes.NotPaired, error.Code);
        Assert.Contains("pair-site", error.Message, StringComparison.Ordinal);
    }

    async Task<string> AvailabilityAsync(Guid siteId, string key)
    {
        using var response = await _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{siteId}", key: key);
        using var json = System.Text.Json.JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return json.RootElement.GetProperty("availability").GetString()!;
    }
}
