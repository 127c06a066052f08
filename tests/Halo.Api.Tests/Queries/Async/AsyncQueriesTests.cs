using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries.Async;

public class AsyncQueriesTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    async Task<(SimulatedLink Link, string Key, string Path)> PairedAsync()
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        return (link, await _host.CreatePairedAsync(link.SiteId), $"/integrator/sites/{link.SiteId}/queries");
    }

    async Task<Query> AskAsync(string path, string key, string body = """{ "command": { "text": "SELECT n FROM t" } }""")
    {
        using var response = await _host.SendAsync(HttpMethod.Post, $"{path}/async", body, key);
        Assert.Equal(201, (int)response.StatusCode);
        var query = await response.QueryAsync();
        Assert.Equal($"{path}/{query.Id}", response.Headers.Location!.ToString());
        return query;
    }

    async Task<Query> GetAsync(string path, string key, Guid id)
    {
        using var response = await _host.SendAsync(HttpMethod.Get, $"{path}/{id}", key: key);
        return await response.QueryAsync();
    }

    async Task<HttpResponseMessage> PutPageAsync(SimulatedLink link, Claim claim, int number, TestPage page, long start = 0) =>
        await (page with { Start = start }).PutAsync(_host, link, claim, number);

    static string DigestOf(params byte[][] pages) => Convert.ToBase64String(SHA256.HashData([.. pages.SelectMany(SHA256.HashData)]));

    [Fact]
    public async Task A_query_goes_from_the_queue_to_its_pages()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        Assert.Equal(QueryStatus.Queued, query.Status);
        await link.ExpectAsync(FrameKind.WorkAvailable);
        var claim = Assert.Single(await link.ClaimAsync());
        Assert.Equal((query.Id, "SELECT n FROM t", 1L), (claim.QueryId, claim.Command!.Text, claim.Number));
        Assert.Equal(QueryStatus.Executing, (await GetAsync(path, key, query.Id)).Status);

        TestPage first = TestPage.Of("[{\"n\":1}]", 1), second = TestPage.Of("[{\"n\":2}]", 1);
        await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Reading) { Columns = [new ResultColumn("n", SqlType.Int, "INTEGER")] });
        using var put = await PutPageAsync(link, claim, 1, first);
        Assert.Equal(HttpStatusCode.OK, put.StatusCode);
        var underWay = await GetAsync(path, key, query.Id);
        Assert.Equal(PageStatus.Cached, Assert.Single(underWay.Result!.Pages!).Status);
        using var early = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/1/stream", key: key);
        Assert.Equal("[{\"n\":1}]", await early.Content.ReadAsStringAsync());
        using var notYet = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/2", key: key);
        await notYet.ErrorAsync(404);

        await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Uploading) { Rows = 2, Size = 18, PageCount = 2 });
        Assert.Equal(QueryStatus.Uploading, (await GetAsync(path, key, query.Id)).Status);
        var complete = new Report(claim.ClaimId, ReportKind.Complete) { Rows = 2, Size = 18, PageCount = 2, Digest = DigestOf(first.Bytes, second.Bytes), ResultSets = 1 };
        var tooEarly = await link.ReportAsync(query.Id, complete);
        Assert.False(tooEarly.Accepted);
        Assert.Equal([2], tooEarly.MissingPages!);
        using var putAgain = await PutPageAsync(link, claim, 2, second, 1);
        Assert.True((await link.ReportAsync(query.Id, complete)).Accepted);
        Assert.True((await link.ReportAsync(query.Id, complete)).Accepted);

        var done = await GetAsync(path, key, query.Id);
        Assert.Equal((QueryStatus.Successful, 2L, 18L), (done.Status, done.Result!.Rows!.Value, done.ResultSize!.Value));
        Assert.Equal([(1, 0L, 0L), (2, 1L, 1L)], done.Result.Pages!.Select(p => (p.PageNumber, p.Rows.RangeStart!.Value, p.Rows.RangeEnd!.Value)));
        using var page = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/2", key: key);
        var content = (await System.Net.Http.Json.HttpContentJsonExtensions.ReadFromJsonAsync(page.Content, Halo.Contracts.Json.HaloJson.Default.PageContent))!;
        Assert.Equal("[{\"n\":2}]", Encoding.UTF8.GetString(Convert.FromBase64String(content.Data)));
        Assert.Equal("1", page.Headers.GetValues("Rows-Range-Start").Single());
        using var past = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/3", key: key);
        await past.ErrorAsync(404);
        using var below = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/0", key: key);
        await below.ErrorAsync(400);
    }

    [Fact]
    public async Task A_page_is_served_as_the_link_made_it_to_whoever_takes_brotli()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var claim = Assert.Single(await link.ClaimAsync());
        var page = TestPage.Of("[{\"n\":\"" + new string('x', 200_000) + "\"}]", 1);
        var stored = page.Bytes;
        using var put = await PutPageAsync(link, claim, 1, page);
        var stream = $"{path}/{query.Id}/results/1/stream";
        using var br = await GetStreamAsync(stream, key, r => r.Headers.AcceptEncoding.ParseAdd("br"));
        Assert.Equal(stored, await br.Content.ReadAsByteArrayAsync());
        Assert.Equal($"sha-256=:{Convert.ToBase64String(SHA256.HashData(stored))}:", br.Headers.GetValues("Content-Digest").Single());
        using var part = await GetStreamAsync(stream, key, r =>
        {
            r.Headers.AcceptEncoding.ParseAdd("br");
            r.Headers.Range = new RangeHeaderValue(2, 10);
        });
        Assert.Equal(HttpStatusCode.PartialContent, part.StatusCode);
        Assert.Equal(stored[2..11], await part.Content.ReadAsByteArrayAsync());
        using var same = await GetStreamAsync(stream, key, r =>
        {
            r.Headers.AcceptEncoding.ParseAdd("br");
            r.Headers.IfNoneMatch.Add(br.Headers.ETag!);
        });
        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        using var gzip = await GetStreamAsync(stream, key, r => r.Headers.AcceptEncoding.ParseAdd("gzip"));
        await using var plain = new GZipStream(await gzip.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        using var reader = new StreamReader(plain);
        Assert.Equal(200_000 + 10, (await reader.ReadToEndAsync()).Length);
        Assert.NotEqual(br.Headers.ETag, gzip.Headers.ETag);
    }

    [Fact]
    public async Task A_page_is_taken_once_whole_and_from_its_claim_alone()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var claim = Assert.Single(await link.ClaimAsync());
        using var damaged = await PutPageAsync(link, claim, 1, TestPage.Of("[]", 0) with { Digest = SHA256.HashData("other"u8) });
        Assert.Equal(ErrorCodes.PageDamaged, (await damaged.ErrorAsync(422)).Code);
        using var first = await PutPageAsync(link, claim, 1, TestPage.Of("[]", 0));
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using var repeat = await PutPageAsync(link, claim, 1, TestPage.Of("[]", 0));
        Assert.Equal(HttpStatusCode.OK, repeat.StatusCode);
        using var different = await PutPageAsync(link, claim, 1, TestPage.Of("[{}]", 1));
        Assert.Equal(ErrorCodes.Conflict, (await different.ErrorAsync(409)).Code);
        using var stranger = await PutPageAsync(link, claim with { ClaimId = Guid.NewGuid() }, 2, TestPage.Of("[]", 0));
        Assert.Equal(ErrorCodes.Gone, (await stranger.ErrorAsync(409)).Code);
        await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Failed) { Executed = Executed.No, Error = new(ErrorTypes.Sqlite, 1, "no such table: t") });
        using var late = await PutPageAsync(link, claim, 2, TestPage.Of("[]", 0));
        Assert.Equal(ErrorCodes.Gone, (await late.ErrorAsync(409)).Code);
        using var gone = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}/results/1", key: key);
        await gone.ErrorAsync(410);
        Assert.Equal("no such table: t", (await GetAsync(path, key, query.Id)).ErrorDetails!.ErrorMessage);
    }

    [Fact]
    public async Task A_report_of_a_kind_that_only_a_newer_service_knows_moves_nothing_and_leaves_the_claim()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var claim = Assert.Single(await link.ClaimAsync());
        await link.Line.SendAsync(FrameKind.Report, query.Id, Encoding.UTF8.GetBytes($$"""{ "claimId": "{{claim.ClaimId}}", "kind": "halfway", "executed": "perhaps" }"""));
        var (_, _, ack) = await link.ExpectAsync(FrameKind.ReportAck);
        Assert.True(JsonSerializer.Deserialize(ack, ProtocolJson.Default.ReportAck) is { Accepted: true, Kind: ReportKind.Unknown });
        Assert.Equal(QueryStatus.Executing, (await GetAsync(path, key, query.Id)).Status);
        Assert.True((await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.HandBack))).Accepted);
    }

    [Fact]
    public async Task A_claim_whose_reply_was_lost_waits_again_and_is_claimed_in_the_next_session()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var lost = Assert.Single(await link.ClaimAsync());
        await link.BreakAsync();
        await link.ConnectAsync();
        Assert.Equal(QueryStatus.Queued, (await GetAsync(path, key, query.Id)).Status);
        var again = Assert.Single(await link.ClaimAsync());
        Assert.Equal((query.Id, false), (again.QueryId, again.ClaimId == lost.ClaimId));
        Assert.True((await link.ReportAsync(query.Id, new Report(again.ClaimId, ReportKind.Complete) { RowsAffected = 1, ResultSets = 0 })).Accepted);
    }

    [Fact]
    public async Task A_held_claim_goes_on_in_the_next_session()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var claim = Assert.Single(await link.ClaimAsync());
        await link.BreakAsync();
        var welcome = await link.ConnectAsync(link.Hello() with
        {
            Claims = [new HeldClaim(query.Id, claim.ClaimId, claim.Number, ClaimPhase.Executing), new HeldClaim(Guid.NewGuid(), Guid.NewGuid(), 99, ClaimPhase.Executing)],
            LastClaimNumber = 99,
        });
        Assert.Equal([Verdict.Continue, Verdict.Drop], welcome.Claims.Select(c => c.Verdict));
        Assert.True((await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 4 })).Accepted);
        Assert.Equal(4, (await GetAsync(path, key, query.Id)).Result!.RowsAffected);
    }

    [Fact]
    public async Task A_query_that_is_handed_back_is_claimed_again()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key);
        var claim = Assert.Single(await link.ClaimAsync());
        Assert.True((await link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.HandBack))).Accepted);
        Assert.Equal(QueryStatus.Queued, (await GetAsync(path, key, query.Id)).Status);
        Assert.NotEqual(claim.ClaimId, Assert.Single(await link.ClaimAsync()).ClaimId);
    }

    [Fact]
    public async Task Integrators_take_turns()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var other = await _host.CreatePairedAsync(link.SiteId);
        var mine = new[] { await AskAsync(path, key), await AskAsync(path, key), await AskAsync(path, key) };
        var theirs = await AskAsync(path, other);
        var order = (await link.ClaimAsync(4)).Select(c => c.QueryId).ToList();
        Assert.Equal(4, order.Count);
        Assert.True(order.IndexOf(theirs.Id) <= 1);
        Assert.Equal(mine.Select(q => q.Id), order.Where(id => id != theirs.Id));
    }

    [Fact]
    public async Task Another_integrators_query_is_not_found()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var other = await _host.CreatePairedAsync(link.SiteId);
        var query = await AskAsync(path, key);
        using var get = await _host.SendAsync(HttpMethod.Get, $"{path}/{query.Id}", key: other);
        await get.ErrorAsync(404);
        using var many = await _host.SendAsync(HttpMethod.Post, $"{path}/status", $$"""{ "queryIds": ["{{Guid.Empty}}", "{{query.Id}}"] }""", key);
        var found = (await System.Net.Http.Json.HttpContentJsonExtensions.ReadFromJsonAsync(many.Content, Halo.Contracts.Json.HaloJson.Default.QueryStatusResponse))!;
        Assert.Equal([LookupStatus.NotFound, LookupStatus.Found], found.Results.Select(r => r.Status));
        using var none = await _host.SendAsync(HttpMethod.Post, $"{path}/status", """{ "queryIds": [] }""", key);
        await none.ErrorAsync(400);
    }

    [Fact]
    public async Task A_query_that_waits_longer_than_it_may_expires()
    {
        var (link, key, path) = await PairedAsync();
        await using var _ = link;
        var query = await AskAsync(path, key, """{ "maxTimeInQueue": 1, "command": { "text": "SELECT 1" } }""");
        await Until.TrueAsync(async () => (await GetAsync(path, key, query.Id)).Status == QueryStatus.ExpiredInQueue);
        Assert.Empty(await link.ClaimAsync());
    }

    [Fact]
    public async Task With_no_time_to_wait_an_absent_site_ends_it_at_once()
    {
        var (link, key, path) = await PairedAsync();
        await link.DisposeAsync();
        await Until.TrueAsync(async () => (await AskAsync(path, key, """{ "maxTimeInQueue": 0, "sqlQuery": "SELECT 1" }""")).Status
            == QueryStatus.InitialisationFailedSiteOffline);
    }

    async Task<HttpResponseMessage> GetStreamAsync(string path, string key, Action<HttpRequestMessage> change)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        change(request);
        return await _host.Client.SendAsync(request);
    }
}
