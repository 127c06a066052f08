using System.Net.Http.Headers;
using System.Text;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Settling;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Integrators;

/// <summary>When an operator's call that takes a right away has been answered, nothing of the integrator reaches the site, and nothing of the site reaches the integrator.</summary>
public class RightsTakenAwayTests(OneHost one) : IClassFixture<OneHost>
{
    const string Rows = """[{"n":1},{"n":2}]""";
    readonly ApiHost _host = one.Host;

    public static TheoryData<string, string> BodiesThatCome => new()
    {
        { "unpaired", "/immediate" }, { "disabled", "/immediate" }, { "key rotated", "/immediate" }, { "address refused", "/immediate" }, { "deleted", "/immediate" },
        { "unpaired", "/async" }, { "disabled", "/async" }, { "key rotated", "/async" }, { "address refused", "/async" },
        { "unpaired", "" }, { "key rotated", "" }, { "unpaired", "/status" }, { "key rotated", "/status" },
    };

    [Theory, MemberData(nameof(BodiesThatCome))]
    public Task A_request_whose_body_ends_later_is_refused(string taken, string path) => RefusedAsync(taken, path, "");

    [Theory, InlineData("unpaired", "/immediate"), InlineData("key rotated", "/immediate"), InlineData("unpaired", "/async"), InlineData("disabled", "/async")]
    public Task The_same_with_an_idempotency_key(string taken, string path) => RefusedAsync(taken, path, $"Idempotency-Key: {Guid.NewGuid()}\r\n");

    [Theory, InlineData("unpaired"), InlineData("disabled")]
    public Task The_same_with_streamed_rows(string taken) => RefusedAsync(taken, "/immediate", "Accept: application/x-ndjson\r\n");

    async Task RefusedAsync(string taken, string path, string header)
    {
        await using var caller = await CallerAsync();
        using var raw = await RawCaller.ConnectAsync(_host);
        await raw.SendAsync($"POST {caller.Path}{path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nOcp-Apim-Subscription-Key: {caller.Key}\r\n{header}Expect: 100-continue\r\nContent-Length: {PairedSite.SelectOne.Length}\r\n\r\n");
        Assert.True(await raw.ReadsAsync("100 Continue"));
        await TakeAsync(caller, taken);
        await raw.SendAsync(PairedSite.SelectOne);
        var answer = await raw.ReadToEndAsync();
        Assert.StartsWith(taken is "key rotated" or "deleted" ? "HTTP/1.1 401 " : "HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        var ledger = await _host.AdminAsync(HttpMethod.Get, $"/admin/v1/queries?siteId={caller.Link.SiteId}");
        Assert.Empty(ledger.GetProperty("queries").EnumerateArray());
    }

    [Theory, InlineData("unpaired", null), InlineData("key rotated", null), InlineData("disabled", "key"), InlineData("site removed", null)]
    public async Task A_query_that_waits_for_a_session_is_not_sent(string taken, string? key)
    {
        await using var caller = await CallerAsync();
        await caller.Link.BreakAsync();
        // Else it goes into a session that is about to end.
        await Until.TrueAsync(() => Task.FromResult(_host.Services.GetRequiredService<LinkSessions>().Find(caller.Link.LinkId) is null));
        var asked = caller.AskAsync("""{ "maxTimeInQueue": 60000, "command": { "text": "DELETE FROM t", "executionMode": "nonQuery" } }""", key is null ? null : Guid.NewGuid().ToString());
        var admission = _host.Services.GetRequiredService<QueryAdmission>();
        await Until.TrueAsync(() => Task.FromResult(admission.UnderWay > 0));
        await TakeAsync(caller, taken);
        await caller.Link.ConnectAsync();
        using var response = await asked;
        Assert.Equal(taken == "key rotated" ? 401 : 403, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.Cancelled, Executed.No), (query.Status, query.Executed));
    }

    [Theory, InlineData("unpaired"), InlineData("key rotated")]
    public async Task A_query_that_waits_for_room_for_its_rows_is_not_sent(string taken)
    {
        await using var caller = await CallerAsync();
        var memory = _host.Services.GetRequiredService<ResultMemoryBudget>();
        using var all = await memory.EnterWholeAsync(long.MaxValue / 4, TestContext.Current.CancellationToken);
        var asked = caller.AskAsync("""{ "maxTimeInQueue": 60000, "command": { "text": "SELECT 1 AS n" } }""");
        await Until.TrueAsync(() => Task.FromResult(memory.Waiting > 0));
        await TakeAsync(caller, taken);
        all!.Dispose();
        using var response = await asked;
        Assert.Equal(taken == "key rotated" ? 401 : 403, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.Cancelled, Executed.No), (query.Status, query.Executed));
    }

    public static TheoryData<string, bool> Ends => new() { { "unpaired", false }, { "disabled", false }, { "key rotated", false }, { "address refused", false }, { "unpaired", true }, { "disabled", true } };

    [Theory, MemberData(nameof(Ends))]
    public async Task A_running_query_is_told_as_executed_without_its_rows(string taken, bool keyed)
    {
        await using var caller = await CallerAsync();
        var asked = caller.AskAsync(idempotencyKey: keyed ? Guid.NewGuid().ToString() : null);
        var (id, _) = await caller.Link.ExpectExecuteAsync();
        await TakeAsync(caller, taken);
        await caller.Link.AnswerAsync(id, Rows, 2);
        using var response = await asked;
        Assert.Equal(taken == "key rotated" ? 401 : 403, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.Successful, Executed.Yes, null), (query.Status, query.Executed, query.Result));
        Assert.NotNull(query.Error);
    }

    [Fact]
    public async Task What_the_database_said_is_withheld_too()
    {
        await using var caller = await CallerAsync();
        var asked = caller.AskAsync();
        var (id, _) = await caller.Link.ExpectExecuteAsync();
        await TakeAsync(caller, "unpaired");
        await caller.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Error = new("pgsql", 0, "Key (name)=(MARK) already exists.") });
        using var response = await asked;
        Assert.Equal(403, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No), (query.Status, query.Executed));
        Assert.DoesNotContain("MARK", $"{query.ErrorMessage} {query.ErrorDetails!.ErrorMessage} {query.Error!.Message}", StringComparison.Ordinal);
    }

    [Theory, InlineData("unpaired", 403), InlineData("disabled", 403), InlineData("key rotated", 401)]
    public async Task Who_waits_for_a_query_is_refused_when_it_ends(string taken, int status)
    {
        await using var caller = await CallerAsync();
        var (query, claim) = await caller.QueueAndClaimAsync();
        var asked = caller.SendAsync(HttpMethod.Get, $"/{query.Id}?wait=60000");
        var waiters = _host.Services.GetRequiredService<QueryWaiters>();
        await Until.TrueAsync(() => Task.FromResult(waiters.Count > 0));
        await TakeAsync(caller, taken);
        await caller.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Failed) { Executed = Executed.No, Error = new("pgsql", 0, "MARK") });
        using var response = await asked;
        await response.ErrorAsync(status);
    }

    [Theory, InlineData("unpaired"), InlineData("key rotated")]
    public async Task A_stream_of_rows_is_broken_off(string taken)
    {
        await using var caller = await CallerAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, caller.Path + "/immediate") { Content = new StringContent(PairedSite.SelectOne, Encoding.UTF8, "application/json") };
        request.Headers.Add("Ocp-Apim-Subscription-Key", caller.Key);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/x-ndjson"));
        var asked = _host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var (id, _) = await caller.Link.ExpectExecuteAsync();
        await caller.Link.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("n", SqlType.Int, "INTEGER")]), ProtocolJson.Default.ResultHead);
        await caller.Link.Line.SendAsync(FrameKind.Rows, id, """[{"n":1},"""u8.ToArray());
        using var response = await asked;
        using var body = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("""{"n":1}""", await body.ReadLineAsync());
        await TakeAsync(caller, taken);
        await caller.Link.Line.SendAsync(FrameKind.Rows, id, """{"n":2}]"""u8.ToArray());
        await caller.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { Rows = 2, Size = 17, ResultSets = 1 });
        await Assert.ThrowsAnyAsync<Exception>(() => body.ReadToEndAsync());
    }

    async Task<PairedSite> CallerAsync() => await PairedSite.CreateAsync(_host);

    async Task TakeAsync(PairedSite caller, string what)
    {
        var site = caller.Link.SiteId;
        var all = await _host.AdminAsync(HttpMethod.Get, "/admin/v1/integrators?limit=1000");
        var id = all.GetProperty("integrators").EnumerateArray().Single(i => i.GetProperty("pairings").EnumerateArray().Any(p => p.GetGuid() == site)).GetProperty("id").GetGuid();
        var integrator = $"/admin/v1/integrators/{id}";
        var (method, path, body) = what switch
        {
            "unpaired" => (HttpMethod.Delete, $"{integrator}/pairings/{site}", null),
            "disabled" => (HttpMethod.Patch, integrator, """{ "enabled": false }"""),
            "key rotated" => (HttpMethod.Post, $"{integrator}/keys/primary/rotate", null),
            "address refused" => (HttpMethod.Patch, integrator, """{ "allowedAddresses": ["203.0.113.7"] }"""),
            "deleted" => (HttpMethod.Delete, integrator, null),
            _ => (HttpMethod.Delete, $"/admin/v1/sites/{site}", null as string),
        };
        using var response = await _host.SendAsync(method, path, body, adminKey: ApiHost.AdminKey);
        Assert.True(response.IsSuccessStatusCode);
    }
}
