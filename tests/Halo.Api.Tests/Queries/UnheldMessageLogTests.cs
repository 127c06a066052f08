using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries;

/// <summary>Every message about a query counts only if it comes from the Link and the run that hold it. The intruder is an enrolled Link of another practice.</summary>
public class UnheldMessageLogTests(SharedPostgres postgres)
{
    static readonly Outcome Lie = new(Ending.Failed, Executed.No) { Error = new ErrorDetails(ErrorTypes.HaloLink, 500, "a lie") };

    [Theory, OnBothStores]
    public async Task Another_practices_Link_ends_no_immediate_query(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await intruder.TellAsync(id, Lie);
        await IsHandledAsync(intruder);
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var answer = await asked;
        Assert.Equal(200, (int)answer.StatusCode);
        await intruder.TellAsync(id, Lie);
        await IsHandledAsync(intruder);
        Assert.Equal(QueryStatus.Successful, (await site.GetAsync(id)).Status);
    }

    [Theory, OnBothStores]
    public async Task Another_practices_Link_ends_no_immediate_query_whose_caller_has_left(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        using var leaving = new CancellationTokenSource();
        var asked = site.AskAsync(stop: leaving.Token);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
        await site.Link.ExpectAsync(FrameKind.Cancel);
        await site.IsThereAsync(id);
        await intruder.TellAsync(id, Lie);
        await IsHandledAsync(intruder);
        Assert.Equal(QueryStatus.Executing, (await site.GetAsync(id)).Status);
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        await site.Link.ExpectAsync(FrameKind.OutcomeAck);
        Assert.Equal(QueryStatus.Successful, (await site.GetAsync(id)).Status);
    }

    [Fact]
    public async Task Another_practices_Link_puts_no_columns_rows_or_answer_into_a_query()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await intruder.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("evil", SqlType.Int, "x")]), ProtocolJson.Default.ResultHead);
        await intruder.Line.SendAsync(FrameKind.Rows, id, """[{"n":666}]"""u8);
        await intruder.AnswerWholeAsync(id, """[{"n":667}]""", 1);
        await IsHandledAsync(intruder);
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        await intruder.Line.SendAsync(FrameKind.Columns, id, new ResultHead([new ResultColumn("evil", SqlType.Int, "x")]), ProtocolJson.Default.ResultHead);
        using var answer = await asked;
        var query = await answer.QueryAsync();
        Assert.Equal("""[{"n":1}]""", Encoding.UTF8.GetString(Convert.FromBase64String(query.Result!.Data!)));
        Assert.Equal("n", Assert.Single(query.Result.Columns!).Name);
    }

    [Fact]
    public async Task The_next_session_of_the_run_tells_the_end_and_another_run_does_not()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.ConnectAsync(site.Link.Hello() with { Immediates = [id] });
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 3 });
        using var answer = await asked;
        Assert.Equal(3, (await answer.QueryAsync()).Result!.RowsAffected);

        var second = site.AskAsync();
        (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.BreakAsync();
        var before = site.Link.RunId;
        site.Link.RunId = Guid.NewGuid();
        await site.Link.ConnectAsync(site.Link.Hello() with { RunsBefore = [before], Immediates = [id] });
        await site.Link.TellAsync(id, Lie);
        using var lost = await second;
        Assert.Equal(FailureCodes.LinkLost, (await lost.QueryAsync()).ErrorDetails!.Code);
    }

    [Theory]
    [InlineData(ReportKind.Reading)]
    [InlineData(ReportKind.Uploading)]
    [InlineData(ReportKind.Complete)]
    [InlineData(ReportKind.Failed)]
    [InlineData(ReportKind.UploadFailed)]
    [InlineData(ReportKind.Cancelled)]
    [InlineData(ReportKind.HandBack)]
    public async Task Another_practices_Link_moves_no_claim_even_when_it_knows_its_id(ReportKind kind)
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var ack = await intruder.ReportAsync(query.Id, new Report(claim.ClaimId, kind)
        {
            Executed = Executed.No,
            Columns = [new ResultColumn("evil", null, "x")],
            RowsAffected = 1,
        });
        Assert.False(ack.Accepted);
        var after = await site.GetAsync(query.Id);
        Assert.Equal((QueryStatus.Executing, null), (after.Status, after.Result?.Columns));
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);
        Assert.False((await intruder.ReportAsync(query.Id, new Report(claim.ClaimId, kind))).Accepted);
        Assert.Equal(QueryStatus.Successful, (await site.GetAsync(query.Id)).Status);
    }

    [Theory, OnBothStores]
    public async Task Last_words_speak_for_the_session_that_says_them_alone(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        // Of what they do not name they say that it never ran, of what they name that it may have.
        foreach (var named in (Guid[][])[[], [id], [query.Id, claim.ClaimId]])
        {
            await SayFarewellAsync(intruder, named);
            await IsHandledAsync(intruder);
            await intruder.LeaveAsync();
            await intruder.ConnectAsync();
        }
        // Nor do those of a session that its own run has gone on from.
        await SayFarewellAsync(site.Link);
        await site.Link.ConnectAsync(site.Link.Hello() with { Immediates = [id], Claims = [Held(query.Id, claim)], LastClaimNumber = claim.Number });
        await intruder.LeaveAsync();
        Assert.Equal((QueryStatus.Executing, QueryStatus.Executing), ((await site.GetAsync(id)).Status, (await site.GetAsync(query.Id)).Status));
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 3 });
        using var answer = await asked;
        Assert.Equal(3, (await answer.QueryAsync()).Result!.RowsAffected);
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);

        static async Task SayFarewellAsync(SimulatedLink link, params Guid[] immediates) =>
            await link.Line.SendAsync(FrameKind.Farewell, Guid.Empty, new Farewell { Immediates = immediates }, ProtocolJson.Default.Farewell);
    }

    [Theory, OnBothStores]
    public async Task A_Hello_that_names_another_practices_queries_gets_nothing_of_them(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        foreach (var run in (Guid[])[intruder.RunId, Guid.NewGuid()])
        {
            await intruder.LeaveAsync();
            intruder.RunId = run;
            var welcome = await intruder.ConnectAsync(intruder.Hello() with { Immediates = [id], Claims = [Held(query.Id, claim)], LastClaimNumber = claim.Number + 1000 });
            Assert.Equal([new ClaimVerdict(claim.ClaimId, Verdict.Drop)], welcome.Claims);
            await intruder.TellAsync(id, Lie);
            Assert.False((await intruder.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 666 })).Accepted);
            await IsHandledAsync(intruder);
        }
        // Nor does one that leaves them out settle them.
        await intruder.LeaveAsync();
        await intruder.ConnectAsync();
        Assert.Equal((QueryStatus.Executing, QueryStatus.Executing), ((await site.GetAsync(id)).Status, (await site.GetAsync(query.Id)).Status));
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        using var answer = await asked;
        Assert.Equal(200, (int)answer.StatusCode);
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);
        // Its claims are numbered on from its own.
        Assert.Equal(claim.Number + 1, (await site.QueueAndClaimAsync()).Claim.Number);
    }

    [Fact]
    public async Task Another_practices_Link_delivers_no_page()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var (query, claim) = await site.QueueAndClaimAsync();
        using var refused = await TestPage.Of("""[{"n":1}]""", 1).PutAsync(host, intruder, claim, 1);
        Assert.Equal(ErrorCodes.Gone, (await refused.ErrorAsync(409)).Code);
        Assert.Empty((await site.GetAsync(query.Id)).Result?.Pages ?? []);
        using var taken = await TestPage.Of("""[{"n":1}]""", 1).PutAsync(host, site.Link, claim, 1);
        Assert.Equal(200, (int)taken.StatusCode);
    }

    [Fact]
    public async Task Another_practices_Link_claims_nothing_and_makes_no_pairing_code_there()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var query = await site.QueueAsync();
        Assert.Empty(await intruder.ClaimAsync(64));
        await intruder.Line.SendAsync(FrameKind.PairingCode, Guid.Empty, new PairingCode(Guid.NewGuid(), site.Link.SiteId, "ACDE3467"), ProtocolJson.Default.PairingCode);
        var ack = JsonSerializer.Deserialize((await intruder.ExpectAsync(FrameKind.PairingCodeAck)).Payload, ProtocolJson.Default.PairingCodeAck)!;
        Assert.False(ack.Accepted);
        Assert.Equal(query.Id, Assert.Single(await site.Link.ClaimAsync()).QueryId);
    }

    [Fact]
    public async Task A_Link_speaks_for_its_own_sites_alone()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        await using var intruder = await StartIntruderAsync(host);
        var stolen = site.Link.Site with { PracticeName = "stolen", DatabaseIdentity = "stolen" };
        var notices = await intruder.ChangeAsync(new SiteChanges(Guid.NewGuid(), [intruder.Site, stolen]) { ConfiguredSites = [intruder.SiteId] });
        Assert.Equal(intruder.SiteId, Assert.Single(notices.Sites).SiteId);
        await intruder.Line.SendAsync(FrameKind.Heartbeat, Guid.Empty,
            new Heartbeat(DateTimeOffset.UtcNow, "1.1.1", 1, new(0, 0, 0, 0),
                [new(site.Link.SiteId, new(Contracts.Sites.DatabaseStatus.Failing) { ErrorCode = "stolen" })], null, 0), ProtocolJson.Default.Heartbeat);
        await intruder.Line.SendAsync(FrameKind.ConfigurationAck, Guid.Empty,
            new ConfigurationAck(7, [new("x", "stolen") { SiteId = site.Link.SiteId }]), ProtocolJson.Default.ConfigurationAck);
        await IsHandledAsync(intruder);
        var seen = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{site.Link.SiteId}");
        Assert.DoesNotContain("stolen", seen.ToString(), StringComparison.Ordinal);
        var configuration = await host.AdminAsync(HttpMethod.Get, $"/admin/v1/sites/{site.Link.SiteId}/configuration");
        Assert.DoesNotContain("stolen", configuration.ToString(), StringComparison.Ordinal);
        using var answer = await AnswerAsync(site);
        Assert.Equal(200, (int)answer.StatusCode);
    }

    static HeldClaim Held(Guid queryId, Claim claim) => new(queryId, claim.ClaimId, claim.Number, ClaimPhase.Executing);

    static async Task<HttpResponseMessage> AnswerAsync(PairedSite site)
    {
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        return await asked;
    }

    static async Task<SimulatedLink> StartIntruderAsync(ApiHost host)
    {
        var intruder = new SimulatedLink(host) { PmsId = Guid.NewGuid().ToString() };
        await intruder.StartAsync();
        return intruder;
    }

    /// <summary>All that a Link has sent was looked at: frames are handled in order, and a claim's answer comes after those before it. Its session goes on.</summary>
    static async Task IsHandledAsync(SimulatedLink link)
    {
        Assert.Empty(await link.ClaimAsync());
        Assert.False(link.Line.Dead.IsCancellationRequested);
    }
}
