using System.Net.Http.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Queries.Immediate;

/// <summary>A command that is described: what the Link is sent, and what is made of its answer.</summary>
public sealed class DescribeTests(OneHost one) : IClassFixture<OneHost>
{
    const string Body = """{ "command": { "text": "DELETE FROM t WHERE id = @id", "executionMode": "nonQuery", "timeout": 1234 }, "new": 1 }""";

    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task It_goes_to_the_Link_apart_from_what_runs_and_its_answer_has_columns_and_parameters()
    {
        await using var link = await NewLinkAsync(Hello.DescribesCommands);
        var key = await _host.CreatePairedAsync(link.SiteId);
        var asked = AskAsync(link, Body, key);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal((null, null, 1234, null), (execute.Command, execute.Batch, execute.LimitMs, execute.KeyHash));
        Assert.Equal(("DELETE FROM t WHERE id = @id", ExecutionMode.NonQuery), (execute.Describe!.Text, execute.Describe.ExecutionMode));

        await link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new("n", SqlType.Int, "integer")]), ProtocolJson.Default.ResultHead);
        await link.Line.SendAsync(FrameKind.Rows, id, "[]"u8.ToArray());
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.No)
        {
            Rows = 0,
            Size = 2,
            Parameters = [new("@id", ParameterDirection.Input, SqlType.Int, null, null) { DatabaseType = "integer" }],
        });
        using var response = await asked;
        Assert.Equal(200, (int)response.StatusCode);
        var description = await response.Content.ReadFromJsonAsync(HaloJson.Default.CommandDescription, TestContext.Current.CancellationToken);
        Assert.Equal((id, new DescribedParameter("@id", ParameterDirection.Input, SqlType.Int, "integer")), (description!.Id, Assert.Single(description.Parameters)));
        Assert.Equal(new("n", SqlType.Int, "integer"), Assert.Single(description.Columns));
        Assert.Equal(NoticeCodes.UnknownField, Assert.Single(description.Notices!).Code);
        // It is a query as any other.
        using var later = await _host.SendAsync(HttpMethod.Get, $"/integrator/sites/{link.SiteId}/queries/{id}", null, key);
        Assert.Equal(QueryStatus.Successful, (await later.QueryAsync()).Status);
    }

    [Fact]
    public async Task What_the_database_refuses_is_answered_as_of_any_query()
    {
        await using var link = await NewLinkAsync(Hello.DescribesCommands);
        var asked = AskAsync(link, Body, await _host.CreatePairedAsync(link.SiteId));
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Sqlite, 1, "no such table: t") });
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((400, Executed.No, "no such table: t"), ((int)response.StatusCode, query.Executed, query.ErrorDetails?.ErrorMessage));
    }

    [Fact]
    public async Task A_Link_that_cannot_read_it_after_all_has_run_nothing()
    {
        await using var link = await NewLinkAsync(Hello.DescribesCommands);
        var asked = AskAsync(link, Body, await _host.CreatePairedAsync(link.SiteId));
        var (id, _) = await link.ExpectExecuteAsync();
        await link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = Failure.NotUnderstood });
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((400, Executed.No, FailureCodes.LinkError), ((int)response.StatusCode, query.Executed, query.ErrorDetails?.Code));
    }

    [Fact]
    public async Task A_Link_that_is_too_old_is_sent_none()
    {
        await using var link = await NewLinkAsync(Hello.RunsBatches);
        var key = await _host.CreatePairedAsync(link.SiteId);
        using var response = await AskAsync(link, Body, key);
        Assert.Equal(409, (int)response.StatusCode);
        Assert.Contains("too old", await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        // What is sent next is the first that the Link sees.
        var next = _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/immediate", """{ "command": { "text": "SELECT 1 AS n" } }""", key);
        var (id, execute) = await link.ExpectExecuteAsync();
        Assert.Equal(("SELECT 1 AS n", null), (execute.Command?.Text, execute.Describe));
        await link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var single = await next;
        Assert.Equal(200, (int)single.StatusCode);
    }

    [Theory]
    [InlineData("""{ }""", "command")]
    [InlineData("""{ "command": { "text": " ", "timeout": 0, "parameters": [ { "name": "", "type": "Nothing" } ] }, "catalogue": "no" }""", "command.text,command.timeout,command.parameters[0].name,command.parameters[0].type,catalogue")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1" } ] }""", "commands")]
    [InlineData("""{ "command": { "text": "SELECT @a", "parameterSets": [ [] ] } }""", "command.parameterSets")]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "maxTimeInQueue": -1, "retentionHours": 3 }""", "maxTimeInQueue,retentionHours")]
    public async Task Every_fault_is_told_and_nothing_is_sent(string body, string fields)
    {
        await using var link = await NewLinkAsync(Hello.DescribesCommands);
        using var response = await AskAsync(link, body, await _host.CreatePairedAsync(link.SiteId));
        var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse, TestContext.Current.CancellationToken))!.Error;
        Assert.Equal((400, ErrorCodes.InvalidRequest), ((int)response.StatusCode, error.Code));
        Assert.Equal(fields.Split(',').Order(), error.Errors!.Select(e => e.Field).Order());
    }

    [Fact]
    public async Task A_site_that_is_away_is_told_as_to_any_query()
    {
        await using var link = await NewLinkAsync(Hello.DescribesCommands);
        var key = await _host.CreatePairedAsync(link.SiteId);
        await link.LeaveAsync();
        using var response = await Eventually.BecomesAsync(() => AskAsync(link, """{ "maxTimeInQueue": 0, "command": { "text": "SELECT 1" } }""", key), r => (int)r.StatusCode == 503);
        Assert.Equal(Executed.No, (await response.QueryAsync()).Executed);
    }

    async Task<SimulatedLink> NewLinkAsync(params string[] capabilities)
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString(), Capabilities = capabilities };
        await link.StartAsync();
        return link;
    }

    Task<HttpResponseMessage> AskAsync(SimulatedLink link, string body, string key) =>
        _host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/describe", body, key);
}
