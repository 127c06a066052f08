using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>Refusals and failures of the contract, each from its real cause, immediate and async alike.</summary>
public abstract class CausesTests
{
    protected abstract Task<EndingsHouse> OpenAsync();

    [Fact]
    public async Task Parameters_that_cannot_be_converted_are_named_each_and_nothing_runs()
    {
        await using var house = await OpenAsync();
        var body = Body("INSERT INTO done VALUES (1)", "nonQuery", parameters:
        [
            new { name = "@whole", type = "Int", value = "66.5" },
            new { name = "fine", type = "Int", value = "66" },
            new { name = "@when", type = "Date", value = "5 March" },
            new { name = "blob", type = "VarBinary", value = "###" },
            new { name = "@rows", type = "Structured", value = new[] { new { id = 1 } } },
        ]);
        var answer = await house.AskAsync(body);
        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        var ended = await house.WhenFinalAsync(await house.QueueAsync(body));
        foreach (var query in (Query[])[answer.Query, ended])
        {
            Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, 400), (query.Status, query.Executed, query.ErrorDetails!.ErrorCode));
            Assert.Equal((ErrorTypes.HaloLink, FailureCodes.InvalidParameter), (query.ErrorDetails.ErrorType, query.ErrorDetails.Code));
            var errors = query.ErrorDetails.Errors!;
            Assert.Equal(["parameters.@blob", "parameters.@rows", "parameters.@when", "parameters.@whole"], errors.Select(e => e.Field).Order(StringComparer.Ordinal));
            foreach (var (name, words) in ((string, string)[])[("@whole", "Int"), ("@when", "Date"), ("@blob", "base64"), ("@rows", "Structured")])
                Assert.Contains(words, errors.Single(e => e.Field == $"parameters.{name}").Message, StringComparison.Ordinal);
            // What was sent is the caller's own secret.
            Assert.DoesNotContain(errors, e => e.Message.Contains("66.5", StringComparison.Ordinal) || e.Message.Contains("###", StringComparison.Ordinal));
        }
        Assert.Equal(0, await house.Practice.CountAsync(1));
        await house.RestsAsync();
    }

    [Fact]
    public async Task An_unknown_catalogue_is_400_and_the_known_ones_are_named()
    {
        await using var house = await OpenAsync();
        const string body = """{"catalogue":"Nowhere","command":{"text":"INSERT INTO done VALUES (1)","executionMode":"nonQuery"}}""";
        var known = Assert.Single(house.Site.Catalogue).Name;
        foreach (var way in (string[])["immediate", "async"])
        {
            var answer = await house.Integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/{way}", body);
            Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
            Assert.Equal((400, ErrorCodes.InvalidRequest), (answer.Error.Status, answer.Error.Code));
            var error = Assert.Single(answer.Error.Errors!);
            Assert.Equal("catalogue", error.Field);
            Assert.Contains(known, error.Message, StringComparison.Ordinal);
        }
        Assert.Equal(0, await house.Practice.CountAsync(1));
    }

    [Fact]
    public async Task A_transaction_that_is_left_open_is_rolled_back_and_told()
    {
        await using var house = await OpenAsync();
        var body = Body("BEGIN; INSERT INTO done VALUES (1)", "nonQuery");
        var answer = await house.AskAsync(body);
        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        var ended = await house.WhenFinalAsync(await house.QueueAsync(body));
        foreach (var query in (Query[])[answer.Query, ended])
            Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, ErrorTypes.HaloLink, FailureCodes.OpenTransaction),
                (query.Status, query.Executed, query.ErrorDetails!.ErrorType, query.ErrorDetails.Code));
        Assert.Equal(0, await house.Practice.CountAsync(1));
        await house.RestsAsync();
    }
}

public sealed class SqliteCausesTests : CausesTests
{
    protected override Task<EndingsHouse> OpenAsync() => Houses.SqliteAsync();

    [Fact]
    public async Task What_the_practices_policy_forbids_is_403_and_names_the_rule()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var policy = JsonNode.Parse("""{"default":{"modes":["reader"],"readOnly":true,"maxRows":2}}""")!.AsObject();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()) { Policy = policy });
        foreach (var (sql, mode, rule) in ((string, string, string)[])[
            ("SELECT 1", "scalar", "modes"),
            ("CREATE TABLE t (n int)", "reader", "readOnly"),
            ("SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3", "reader", "maxRows")])
        {
            var answer = await integrator.ImmediateAsync(site.Id, sql, mode);
            Assert.True(answer.Status == HttpStatusCode.Forbidden, answer.ToString());
            var ended = await integrator.WhenFinalAsync(site.Id, (await integrator.QueueAsync(site.Id, sql, mode)).Query.Id);
            foreach (var query in (Query[])[answer.Query, ended])
            {
                Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, ErrorTypes.HaloLink, 403, FailureCodes.PolicyRefused),
                    (query.Status, query.Executed!.Value, query.ErrorDetails!.ErrorType, query.ErrorDetails.ErrorCode, query.ErrorDetails.Code));
                Assert.Contains($"\"{rule}\"", query.ErrorDetails.ErrorMessage, StringComparison.Ordinal);
            }
        }
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1 AS n UNION ALL SELECT 2")).Status);
    }

    [Fact]
    public async Task A_Link_that_is_silent_makes_its_site_unreachable_and_nothing_is_sent()
    {
        await using var fixture = await HaloFixture.StartAsync(
            ("Halo__Links__PingAfterMs", "500"), ("Halo__Links__DeadAfterPingMs", "2000"), ("Halo__Links__UnreachableAfterMs", "3000"));
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "CREATE TABLE done (n int)", "nonQuery")).Status);
        link.Process.Pause();
        try
        {
            await Eventually.BecomesAsync(() => integrator.GetAsync($"integrator/sites/{site.Id}"), a => a.Body.Contains("\"availability\":\"unreachable\"", StringComparison.Ordinal));
            var answer = await integrator.ImmediateAsync(site.Id, "INSERT INTO done VALUES (1)", "nonQuery");
            Assert.True(answer.Status == HttpStatusCode.ServiceUnavailable, answer.ToString());
            Assert.Equal((503, ErrorCodes.SiteAway), (answer.Error.Status, answer.Error.Code));
            var now = await integrator.QueueAsync(site.Id, "INSERT INTO done VALUES (1)", "nonQuery", maxTimeInQueue: 0);
            var ended = await integrator.WhenFinalAsync(site.Id, now.Query.Id);
            Assert.Equal((QueryStatus.InitialisationFailedSiteUnreachable, Executed.No), (ended.Status, ended.Executed));
        }
        finally
        {
            link.Process.Continue();
        }
        Assert.Equal(SiteAvailability.Online, (await link.WhenOnlineAsync())[0].Availability);
        var count = await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT COUNT(*) AS n FROM done", "scalar"), a => a.Status == HttpStatusCode.OK);
        Assert.Equal("""[{"n":0}]""", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(count.Query.Result!.Data!)));
    }
}

public sealed class PostgresCausesTests(SharedPostgres postgres) : CausesTests
{
    protected override Task<EndingsHouse> OpenAsync() => Houses.PostgresAsync(postgres);
}
