using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Queries.Registered;

/// <summary>What the site's database says of a command before it is registered; the Link is simulated.</summary>
public sealed class RegistrationCheckTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("SELECT nothing", ErrorTypes.Sqlite, 1, null, null)]
    [InlineData("SELECT nothing ; ", ErrorTypes.Sqlite, 1, null, null)]
    [InlineData("SELECT nothing", ErrorTypes.Postgres, 0, "42703", "ERROR")]
    [InlineData("SELECT nothing; SELECT 1", ErrorTypes.SqlServer, 207, null, "16")]
    [InlineData("SELECT (", ErrorTypes.SqlServer, 102, null, "15")]
    public async Task What_the_database_refuses_is_not_registered(string text, string type, int code, string? state, string? severity)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsRegisteredQueries, Hello.DescribesCommands);
        var error = await RefusedAsync(site, Body(text), new Outcome(Ending.Failed, Executed.No) { Error = new(type, code, "its own words") { SqlState = state, Severity = severity } });
        Assert.Equal("registerCommand.command.text", error.Field);
        Assert.EndsWith("its own words", error.Message, StringComparison.Ordinal);
        Assert.Empty((await site.ListForLinkAsync()).Items);
    }

    [Fact]
    public async Task What_the_practice_refuses_is_not_registered()
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsRegisteredQueries, Hello.DescribesCommands);
        var refused = new Outcome(Ending.Failed, Executed.No) { Error = new(ErrorTypes.HaloLink, 403, "The policy allows no such table.") { Code = FailureCodes.PolicyRefused } };
        Assert.Equal("registerCommand.command", (await RefusedAsync(site, Body("SELECT 1 AS id"), refused)).Field);
    }

    [Theory]
    // It may be made by the statement before.
    [InlineData("CREATE TEMP TABLE a (id); SELECT id FROM a", ErrorTypes.Sqlite, 1, null, null)]
    // Busy.
    [InlineData("SELECT 1", ErrorTypes.Sqlite, 5, null, null)]
    [InlineData("SELECT 1", ErrorTypes.Postgres, 0, "57014", "ERROR")]
    [InlineData("SELECT 1", ErrorTypes.Postgres, 0, null, null)]
    // It uses a temporary table, which cannot be analysed; and the ends of that range.
    [InlineData("SELECT 1", ErrorTypes.SqlServer, 11526, null, "16")]
    [InlineData("SELECT 1", ErrorTypes.SqlServer, 11500, null, "16")]
    [InlineData("SELECT 1", ErrorTypes.SqlServer, 11599, null, "16")]
    [InlineData("SELECT 1", ErrorTypes.SqlServer, 1205, null, "13")]
    [InlineData("SELECT 1", ErrorTypes.HaloLink, 503, null, null)]
    public async Task What_need_not_fail_a_run_is_registered(string text, string type, int code, string? state, string? severity)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsRegisteredQueries, Hello.DescribesCommands);
        var asked = site.Site.SendAsync(HttpMethod.Post, "/registered", Body(text));
        var (id, _) = await site.Site.Link.ExpectExecuteAsync();
        await site.Site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new(type, code, "its own words") { SqlState = state, Severity = severity } });
        using var response = await asked;
        Assert.Equal(202, (int)response.StatusCode);
        Assert.Single((await site.ListForLinkAsync()).Items);
    }

    [Theory]
    [InlineData("id", "id", 202)]
    [InlineData("id,no", "id", 400)]
    [InlineData("ID", "id", 400)]
    // A procedure whose columns cannot be told.
    [InlineData("id", "", 202)]
    public async Task The_key_names_columns_of_the_result(string key, string columns, int status)
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsRegisteredQueries, Hello.DescribesCommands);
        var names = string.Join(", ", key.Split(',').Select(k => $"\"{k}\""));
        var asked = site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body($$""", "changes": { "key": [{{names}}] }"""));
        var (id, execute) = await site.Site.Link.ExpectExecuteAsync();
        Assert.Equal((null, "SELECT 1 AS id", 5000), (execute.Command, execute.Describe!.Text, execute.LimitMs));
        await DescribeAsync(site, id, columns);
        using var response = await asked;
        Assert.Equal(status, (int)response.StatusCode);
        if (status == 400)
        {
            var fault = Assert.Single(JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), HaloJson.Default.ErrorResponse)!.Error.Errors!);
            Assert.Equal("changes.key", fault.Field);
            Assert.Contains(key.Split(',')[^1], fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_site_that_does_not_answer_within_five_seconds_is_not_waited_for()
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres, time);
        await using var site = await RegisteredSite.CreateAsync(host, Hello.RunsRegisteredQueries, Hello.DescribesCommands);
        var asked = site.Site.SendAsync(HttpMethod.Post, "/registered", RegisteredSite.Body());
        var (id, _) = await site.Site.Link.ExpectExecuteAsync();
        Assert.False(asked.IsCompleted);
        using var response = await Eventually.BecomesAsync(async () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(asked, Task.Delay(50));
            return asked.IsCompleted ? await asked : null;
        }, r => r is not null);
        Assert.Equal(202, (int)response!.StatusCode);
        // What was begun is stopped.
        Assert.Equal(id, (await site.Site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
    }

    static string Body(string text) => RegisteredSite.Body().Replace("SELECT 1 AS id", text, StringComparison.Ordinal);

    static async Task<FieldError> RefusedAsync(RegisteredSite site, string body, Outcome outcome)
    {
        var asked = site.Site.SendAsync(HttpMethod.Post, "/registered", body);
        var (id, _) = await site.Site.Link.ExpectExecuteAsync();
        await site.Site.Link.TellAsync(id, outcome);
        using var response = await asked;
        var error = JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), HaloJson.Default.ErrorResponse)!.Error;
        Assert.Equal((400, ErrorCodes.InvalidRequest), ((int)response.StatusCode, error.Code));
        return Assert.Single(error.Errors!);
    }

    static async Task DescribeAsync(RegisteredSite site, Guid id, string columns)
    {
        var link = site.Site.Link;
        if (columns.Length > 0)
            await link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([.. columns.Split(',').Select(c => new ResultColumn(c, SqlType.Int, "integer"))]), ProtocolJson.Default.ResultHead);
        await link.Line.SendAsync(FrameKind.Rows, id, "[]"u8.ToArray());
        await link.TellAsync(id, new Outcome(Ending.Successful, Executed.No) { Rows = 0, Size = 2, Parameters = [] });
    }
}
