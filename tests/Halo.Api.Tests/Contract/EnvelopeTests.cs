using System.Text;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Contract;

/// <summary>What the contract says of a query's envelope, whichever way it goes.</summary>
public class EnvelopeTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task Sizes_are_those_of_body_command_and_text_in_UTF_8()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        const string command = """{ "text": "SELECT 'Zürich'" }""";
        const string body = $$"""{ "maxTimeInQueue": 1000, "command": {{command}} }""";
        var query = await site.QueueAsync(body);
        Assert.Equal((Encoding.UTF8.GetByteCount(body), Encoding.UTF8.GetByteCount(command), Encoding.UTF8.GetByteCount("SELECT 'Zürich'"), 1000),
            (query.RequestSize, query.CommandSize, query.SqlQuerySize, query.MaxTimeInQueue));
    }

    [Fact]
    public async Task The_old_form_is_async_unless_it_says_immediate()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var queued = await site.SendAsync(HttpMethod.Post, "", """{ "sqlQuery": "SELECT 1" }""");
        Assert.Equal((201, QueryMode.Async), ((int)queued.StatusCode, (await queued.QueryAsync()).Mode));
        var asked = site.SendAsync(HttpMethod.Post, "", """{ "mode": "immediate", "sqlQuery": "SELECT 2" }""");
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        Assert.Equal("SELECT 2", execute.Command!.Text);
        await site.Link.AnswerAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal((200, QueryMode.Immediate), ((int)answered.StatusCode, (await answered.QueryAsync()).Mode));
    }

    [Fact]
    public async Task The_wanted_result_set_goes_to_the_link_and_a_wrong_one_is_refused()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate?resultSet=3", PairedSite.SelectOne);
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        Assert.Equal(3, execute.ResultSet);
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 0, Size = 0, ResultSets = 4 });
        using var answered = await asked;
        Assert.Equal(4, (await answered.QueryAsync()).Result!.ResultSets);
        foreach (var wrong in (string[])["0", "-1", "x", "1.5"])
        {
            using var refused = await site.SendAsync(HttpMethod.Post, $"/immediate?resultSet={wrong}", PairedSite.SelectOne);
            Assert.Equal("resultSet", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
        }
    }

    [Fact]
    public async Task A_tag_is_kept_shown_and_handed_on_and_a_longer_one_is_refused()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var tag = new string('t', 64);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne, tag: tag);
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        Assert.Equal(tag, execute.Tag);
        await site.Link.AnswerAsync(id, "[]", 0);
        using var answered = await asked;
        Assert.Equal((tag, tag), ((await answered.QueryAsync()).Tag, (await site.GetAsync(id)).Tag));
        using var refused = await site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne, tag: tag + "t");
        Assert.Equal("Halo-Tag", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
    }

    [Fact]
    public async Task Each_state_has_its_times_and_the_present_one_no_end()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (queued, claim) = await site.QueueAndClaimAsync();
        Assert.Null(queued.StatusTiming.Queued!.EndTime);
        var executing = (await site.GetAsync(queued.Id)).StatusTiming;
        Assert.NotNull(executing.Initialising!.EndTime);
        Assert.Equal(executing.Queued!.EndTime, executing.Executing!.StartTime);
        Assert.Null(executing.Executing.EndTime);
        await site.Link.ReportAsync(queued.Id, new Report(claim.ClaimId, ReportKind.Uploading) { Rows = 0, Size = 0, PageCount = 0 });
        var uploading = (await site.GetAsync(queued.Id)).StatusTiming;
        Assert.Equal(uploading.Executing!.EndTime, uploading.Uploading!.StartTime);
        Assert.Null(uploading.Uploading.EndTime);
    }

    [Fact]
    public async Task Server_Timing_has_the_phases_of_metrics_and_they_are_no_longer_than_the_query()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 0, Size = 0, ResultSets = 1, Timings = new(4.25, 31.9, 0.125) });
        using var answered = await asked;
        // Durations of the contract are whole milliseconds: a program that reads them as integers must not fail.
        using var body = JsonDocument.Parse(await answered.Content.ReadAsStringAsync());
        using var later = await site.SendAsync(HttpMethod.Get, $"/{id}");
        using var found = JsonDocument.Parse(await later.Content.ReadAsStringAsync());
        foreach (var metrics in (JsonElement[])[body.RootElement.GetProperty("metrics"), found.RootElement.GetProperty("metrics")])
        {
            Assert.Equal((4, 31, 0), (metrics.GetProperty("linkDuration").GetInt32(), metrics.GetProperty("sqlExecutionDuration").GetInt32(), metrics.GetProperty("encodeDuration").GetInt32()));
            Assert.True(metrics.GetProperty("queueDuration").GetInt32() >= 0);
        }
        Assert.Matches(@"^queue;dur=[\d.]+, link;dur=4\.25, sql;dur=31\.9, encode;dur=0\.125$", answered.Headers.GetValues("Server-Timing").Single());
    }

    [Fact]
    public async Task An_immediate_query_is_found_later_with_rows_and_size_and_without_data()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var answer = await asked;
        var (answered, found) = (await answer.QueryAsync(), await site.GetAsync(id));
        Assert.Equal((QueryStatus.Successful, 1L, 9L), (found.Status, found.Result!.Rows!.Value, found.Result.Size));
        Assert.Null(found.Result.Data);
        Assert.Null(found.Result.Pages);
        Assert.Equal((answered.CreatedAt, answered.UpdatedAt, answered.CompletedAt, answered.StatusTiming, answered.Metrics),
            (found.CreatedAt, found.UpdatedAt, found.CompletedAt, found.StatusTiming, found.Metrics));
    }

    [Fact]
    public async Task An_async_failure_shows_its_error_twice_for_programs_of_the_original()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (queued, claim) = await site.QueueAndClaimAsync();
        var error = new ErrorDetails(ErrorTypes.Postgres, 0, "relation \"t\" does not exist") { SqlState = "42P01" };
        Assert.True((await site.Link.ReportAsync(queued.Id, new Report(claim.ClaimId, ReportKind.Failed) { Executed = Executed.No, Error = error })).Accepted);
        var failed = await site.GetAsync(queued.Id);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, error), (failed.Status, failed.Executed, failed.ErrorDetails));
        Assert.Equal((0, error.ErrorMessage), (failed.ErrorCode!.Value, failed.ErrorMessage));
    }

    /// <summary>The table of the section Immediate, each line by what a Link tells.</summary>
    [Theory]
    [InlineData(400, ErrorTypes.Sqlite, 19, null, Executed.No)]
    [InlineData(400, ErrorTypes.HaloLink, 400, FailureCodes.InvalidParameter, Executed.No)]
    [InlineData(403, ErrorTypes.HaloLink, 403, FailureCodes.PolicyRefused, Executed.No)]
    [InlineData(413, ErrorTypes.Http, 413, FailureCodes.ResultTooLarge, Executed.Yes)]
    [InlineData(504, ErrorTypes.HaloLink, 504, FailureCodes.ExecutionTimeout, Executed.Unknown)]
    public async Task A_failure_has_its_status_and_keeps_the_envelope(int status, string type, int code, string? word, Executed executed)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Failed, executed) { Error = new ErrorDetails(type, code, "words") { Code = word } });
        using var answered = await asked;
        var shown = await answered.QueryAsync();
        Assert.Equal((status, id, QueryStatus.ExecutionFailed, executed), ((int)answered.StatusCode, shown.Id, shown.Status, shown.Executed));
        Assert.Equal((type, code, "words", word), (shown.ErrorDetails!.ErrorType, shown.ErrorDetails.ErrorCode, shown.ErrorDetails.ErrorMessage, shown.ErrorDetails.Code));
        Assert.Equal((code, "words"), (shown.ErrorCode!.Value, shown.ErrorMessage));
        using var json = JsonDocument.Parse(await answered.Content.ReadAsStringAsync());
        Assert.Equal(status is 503 or 504, json.RootElement.TryGetProperty("error", out _));
        Assert.Equal((QueryStatus.ExecutionFailed, executed), ((await site.GetAsync(id)).Status, (await site.GetAsync(id)).Executed));
    }
}
