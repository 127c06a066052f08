using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Routing;

/// <summary>Fields and parameters that the service does not know: misspelt ones are refused, others told.</summary>
public class UnknownNamesTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Theory]
    [InlineData("""{ "command": { "text": "SELECT 1", "catalogue": "nope" } }""", "command.catalogue", "catalogue")]
    [InlineData("""{ "command": { "text": "SELECT 1", "maxTimeInQueue": 0 } }""", "command.maxTimeInQueue", "maxTimeInQueue")]
    [InlineData("""{ "timeout": 5, "command": { "text": "SELECT 1" } }""", "timeout", "command.timeout")]
    [InlineData("""{ "sqlQuery": "SELECT 1", "parameters": [] }""", "parameters", "command.parameters")]
    [InlineData("""{ "text": "SELECT 1" }""", "text", "command.text")]
    [InlineData("""{ "catalog": "Images", "command": { "text": "SELECT 1" } }""", "catalog", "catalogue")]
    [InlineData("""{ "maxTimeinQueue": 0, "command": { "text": "SELECT 1" } }""", "maxTimeinQueue", "maxTimeInQueue")]
    [InlineData("""{ "maxTimeInQeue": 0, "command": { "text": "SELECT 1" } }""", "maxTimeInQeue", "maxTimeInQueue")]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeuot": 5 } }""", "command.timeuot", "timeout")]
    [InlineData("""{ "command": { "text": "SELECT 1", "exectionMode": "scalar" } }""", "command.exectionMode", "executionMode")]
    [InlineData("""{ "command": { "text": "SELECT 1", "Parameters": [] } }""", "command.Parameters", "parameters")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [ { "name": "a", "directoin": "output" } ] } }""", "command.parameters[0].directoin", "direction")]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "resultSet": 2 }""", "resultSet", "the query parameter resultSet")]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "idempotencyKey": "x" }""", "idempotencyKey", "the header Idempotency-Key")]
    public async Task A_field_of_ours_that_is_misspelt_or_in_the_wrong_place_is_refused_with_what_was_meant(string body, string field, string meant)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        foreach (var path in (string[])["/immediate", "/async", ""])
        {
            using var response = await site.SendAsync(HttpMethod.Post, path, body);
            var error = await response.ErrorAsync(400);
            var fault = Assert.Single(error.Errors!, e => e.Field == field);
            Assert.Contains("did you mean", fault.Message, StringComparison.Ordinal);
            Assert.Contains(meant, fault.Message, StringComparison.Ordinal);
        }
    }

    const string Newer =
        """{ "priority": "high", "command": { "text": "SELECT 1", "hint": { "catalogue": 1 }, "parameters": [ { "name": "a", "collation": "x" } ] } }""";

    [Fact]
    public async Task A_newer_programs_fields_are_accepted_and_named_in_notices_at_once_and_later()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asking = site.AskAsync(Newer);
        await site.Link.AnswerWholeAsync((await site.Link.ExpectExecuteAsync()).QueryId, """[{"n":1}]""", 1);
        using var response = await asking;
        var query = await response.QueryAsync();

        Named(query, "priority", "command.hint", "command.parameters[0].collation");
        Assert.Equal(query.Notices, (await site.GetAsync(query.Id)).Notices);
    }

    [Fact]
    public async Task So_it_is_with_async_queries_from_the_201_to_the_end_and_the_databases_messages_follow()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync(Newer);
        Named(query, "priority", "command.hint", "command.parameters[0].collation");
        Named(await site.GetAsync(query.Id), "priority", "command.hint", "command.parameters[0].collation");

        var claim = Assert.Single(await site.Link.ClaimAsync());
        await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1, Notices = [new(NoticeCodes.DatabaseNotice, "table created")] });
        var ended = await site.GetAsync(query.Id);

        Assert.Equal(QueryStatus.Successful, ended.Status);
        Assert.Equal([NoticeCodes.UnknownField, NoticeCodes.UnknownField, NoticeCodes.UnknownField, NoticeCodes.DatabaseNotice], ended.Notices!.Select(n => n.Code));
    }

    [Fact]
    public async Task What_the_database_says_of_an_immediate_query_follows_what_is_said_of_its_request()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asking = site.AskAsync("""{ "priority": 1, "command": { "text": "VACUUM", "executionMode": "nonQuery" } }""");
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Postgres, 0, "no"), Notices = [new(NoticeCodes.DatabaseNotice, "hm")] });
        using var response = await asking;
        var query = await response.QueryAsync();

        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal([NoticeCodes.UnknownField, NoticeCodes.DatabaseNotice], query.Notices!.Select(n => n.Code));
        Assert.Equal(query.Notices, (await site.GetAsync(id)).Notices);
    }

    [Fact]
    public async Task Notices_are_bounded_in_number_and_length()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var fields = string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"x{new string('y', 500)}{i}\": 1"));
        var query = await site.QueueAsync($$"""{ {{fields}}, "command": { "text": "SELECT 1" } }""");

        Assert.Equal(Notice.Most, query.Notices!.Count);
        Assert.All(query.Notices, n => Assert.True(n.Message.Length < 200, n.Message));
        Assert.Equal(NoticeCodes.NoticesOmitted, query.Notices[^1].Code);
        Assert.Contains("981", query.Notices[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_without_unknown_fields_has_no_notices()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        Assert.Null((await site.QueueAsync()).Notices);
    }

    [Theory]
    [InlineData("/immediate?resulSet=2", "resultSet")]
    [InlineData("/immediate?timeout=5", "timeout")]
    [InlineData("/async?catalogue=Images", "catalogue")]
    [InlineData("/async?wait=5000", "another call")]
    public async Task A_query_parameter_of_ours_that_is_misspelt_or_in_the_wrong_place_is_refused(string path, string expected)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await site.SendAsync(HttpMethod.Post, path, PairedSite.SelectOne);

        Assert.Contains(expected, Assert.Single((await response.ErrorAsync(400)).Errors!).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("?stats=queued")]
    [InlineData("?limt=5")]
    [InlineData("?practiceManagementName=x")]
    public async Task So_it_is_with_reading_calls(string parameters)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await site.SendAsync(HttpMethod.Get, parameters);

        await response.ErrorAsync(400);
    }

    [Fact]
    public async Task Another_query_parameter_is_accepted_and_named()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var queued = await site.SendAsync(HttpMethod.Post, "/async?api-version=2", PairedSite.SelectOne);
        using var list = await site.SendAsync(HttpMethod.Get, "?api-version=2");

        var notice = Assert.Single((await queued.QueryAsync()).Notices!);
        Assert.Equal(NoticeCodes.UnknownParameter, notice.Code);
        Assert.Contains("api-version", notice.Message, StringComparison.Ordinal);
        Assert.Equal((201, 200), ((int)queued.StatusCode, (int)list.StatusCode));
    }

    [Theory]
    [InlineData("PUT", "/admin/v1/sites/{site}/authority", """{ "copyPairing": true }""", "copyPairing", "copyPairings")]
    [InlineData("PATCH", "/admin/v1/integrators/{integrator}", """{ "ratelmt": 5 }""", "ratelmt", "rateLimit")]
    [InlineData("PATCH", "/admin/v1/integrators/{integrator}", """{ "ratelimt": 5 }""", "ratelimt", "rateLimit")]
    [InlineData("POST", "/admin/v1/integrators", """{ "name": "x", "title": "y" }""", "title", "name")]
    [InlineData("POST", "/admin/v1/enrolment-tokens", """{ "expiresInMinute": 5 }""", "expiresInMinute", "expiresInMinutes")]
    [InlineData("PUT", "/admin/v1/configuration", """{ "heartbeatSecond": 5 }""", "heartbeatSecond", "heartbeatSeconds")]
    [InlineData("GET", "/admin/v1/sites?q=clinic", null, "q", "practiceManagementSiteId")]
    [InlineData("GET", "/admin/v1/audit?order=desc", null, "order", "from")]
    [InlineData("GET", "/admin/v1/queries?state=queued", null, "state", "status")]
    [InlineData("GET", "/admin/v1/usage?form=2026-01-01", null, "form", "from")]
    [InlineData("PUT", "/admin/v1/sites/{site}/authority?copyPairings=true", null, "copyPairings", "of the body")]
    [InlineData("POST", "/admin/v1/links/{site}/approve?force=true", null, "force", "takes none")]
    public async Task Operators_are_told_of_every_unknown_field_and_parameter(string method, string path, string? body, string field, string expected)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (integrator, _, _) = await _host.CreateIntegratorAsync();
        using var response = await _host.SendAsync(new(method),
            path.Replace("{site}", site.Link.SiteId.ToString(), StringComparison.Ordinal).Replace("{integrator}", integrator.ToString(), StringComparison.Ordinal),
            body, adminKey: ApiHost.AdminKey);

        var fault = Assert.Single((await response.ErrorAsync(400)).Errors!);
        Assert.Equal(field, fault.Field);
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task All_unknown_fields_of_an_operators_body_are_told_at_once_and_nothing_is_changed()
    {
        var (integrator, _, _) = await _host.CreateIntegratorAsync();
        using var response = await _host.SendAsync(HttpMethod.Patch, $"/admin/v1/integrators/{integrator}",
            """{ "enabled": false, "qouta": 5, "ratelimt": 5 }""", adminKey: ApiHost.AdminKey);

        Assert.Equal(["qouta", "ratelimt"], (await response.ErrorAsync(400)).Errors!.Select(e => e.Field));
        Assert.True((await _host.AdminAsync(HttpMethod.Get, $"/admin/v1/integrators/{integrator}")).GetProperty("enabled").GetBoolean());
    }

    [Theory]
    [InlineData("it's \"quoted\" <&> é 日本")]
    [InlineData("a+b")]
    public async Task Answers_escape_no_more_than_JSON_asks(string words)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asking = site.AskAsync();
        await site.Link.TellAsync((await site.Link.ExpectExecuteAsync()).QueryId, new Outcome(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Postgres, 0, words) });
        using var response = await asking;
        var text = await response.Content.ReadAsStringAsync();

        Assert.Contains(words.Replace("\"", "\\\"", StringComparison.Ordinal), text, StringComparison.Ordinal);
        Assert.Equal(words, JsonDocument.Parse(text).RootElement.GetProperty("errorDetails").GetProperty("errorMessage").GetString());
    }

    [Theory]
    [InlineData(FailureCodes.ExecutionTimeout, 504)]
    [InlineData(FailureCodes.DatabaseConnectionLost, 504)]
    [InlineData(FailureCodes.LinkStopping, 503)]
    [InlineData(FailureCodes.DatabaseUnavailable, 503)]
    [InlineData(FailureCodes.QueueTimeout, 503)]
    public async Task Where_an_answer_holds_two_codes_they_are_one(string code, int status)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asking = site.AskAsync();
        await site.Link.TellAsync((await site.Link.ExpectExecuteAsync()).QueryId,
            new Outcome(Ending.Failed, Executed.Unknown) { Error = new(ErrorTypes.HaloLink, status, "so it was") { Code = code } });
        using var response = await asking;
        var query = await response.QueryAsync();

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal((code, code), (query.ErrorDetails!.Code, query.Error!.Code));
        Assert.Equal(query.ErrorDetails.ErrorMessage, query.Error.Message);
    }

    [Theory]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeout": 9999999 } }""", "command.timeout")]
    [InlineData("""{ "maxTimeInQueue": -1, "command": { "text": "SELECT 1" } }""", "maxTimeInQueue")]
    public async Task A_duration_out_of_range_is_told_with_its_unit(string body, string field)
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await site.AskAsync(body);

        Assert.Contains("milliseconds", Assert.Single((await response.ErrorAsync(400)).Errors!, e => e.Field == field).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_nonQuery_has_no_result_set_to_choose()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        using var response = await site.SendAsync(HttpMethod.Post, "/immediate?resultSet=2", """{ "command": { "text": "DELETE FROM t", "executionMode": "nonQuery" } }""");

        Assert.Equal("resultSet", Assert.Single((await response.ErrorAsync(400)).Errors!).Field);
    }

    static void Named(Query query, params string[] fields)
    {
        Assert.Equal(fields.Length, query.Notices!.Count);
        Assert.All(query.Notices, n => Assert.Equal(NoticeCodes.UnknownField, n.Code));
        foreach (var (field, notice) in fields.Zip(query.Notices))
            Assert.Contains(field, notice.Message, StringComparison.Ordinal);
    }
}
