using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints.ForIntegrators;

public class CancelApiTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task A_queued_query_is_cancelled_at_once()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        var (asked, cancelled) = await site.CancelAsync(query.Id);
        Assert.Equal((202, QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator),
            (asked, cancelled.Status, cancelled.Executed!.Value, cancelled.ErrorDetails!.Code));
        Assert.NotNull(cancelled.CompletedAt);
        var (again, _) = await site.CancelAsync(query.Id);
        Assert.Equal(200, again);
        Assert.Empty(await site.Link.ClaimAsync());
    }

    [Fact]
    public async Task A_queued_query_whose_time_is_over_has_expired_and_is_not_cancelled()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync("""{ "maxTimeInQueue": 1, "command": { "text": "SELECT 1" } }""");
        await Until.TrueAsync(async () => (await site.GetAsync(query.Id)).Status == QueryStatus.ExpiredInQueue);
        var (status, shown) = await site.CancelAsync(query.Id);
        Assert.Equal((200, QueryStatus.ExpiredInQueue), (status, shown.Status));
    }

    [Fact]
    public async Task An_executing_query_ends_as_its_link_says()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var (status, shown) = await site.CancelAsync(query.Id);
        Assert.Equal((202, QueryStatus.Executing), (status, shown.Status));
        Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Cancelled) { Executed = Executed.No })).Accepted);
        var ended = await site.GetAsync(query.Id);
        Assert.Equal((QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator, 409),
            (ended.Status, ended.Executed!.Value, ended.ErrorDetails!.Code, ended.ErrorCode!.Value));
        Assert.Equal(200, (await site.CancelAsync(query.Id)).Status);
    }

    [Fact]
    public async Task Rows_that_were_uploading_are_cancelled_and_executed()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Uploading) { Rows = 2, Size = 18, PageCount = 2 });
        var (status, shown) = await site.CancelAsync(query.Id);
        Assert.Equal((202, QueryStatus.Uploading), (status, shown.Status));
        await site.Link.ExpectAsync(FrameKind.Cancel);
        await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Cancelled) { Executed = Executed.Yes });
        var ended = await site.GetAsync(query.Id);
        Assert.Equal((QueryStatus.Cancelled, Executed.Yes), (ended.Status, ended.Executed!.Value));
    }

    [Fact]
    public async Task A_write_that_the_database_had_finished_is_successful()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        await site.CancelAsync(query.Id);
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 3 })).Accepted);
        Assert.Equal(QueryStatus.Successful, (await site.GetAsync(query.Id)).Status);
    }

    [Fact]
    public async Task An_immediate_querys_caller_gets_a_409_with_the_envelope()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.IsThereAsync(id);
        Assert.Equal(202, (await site.CancelAsync(id)).Status);
        Assert.Equal(id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        await site.Link.TellAsync(id, new Outcome(Ending.Cancelled, Executed.No));
        using var response = await asked;
        var query = await response.QueryAsync();
        Assert.Equal((409, id, QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator),
            ((int)response.StatusCode, query.Id, query.Status, query.Executed!.Value, query.ErrorDetails!.Code));
    }

    [Fact]
    public async Task A_link_that_was_away_is_told_in_its_next_session()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        await site.Link.BreakAsync();
        Assert.Equal(202, (await site.CancelAsync(query.Id)).Status);
        await site.Link.ConnectAsync(site.Link.Hello() with
        {
            Claims = [new HeldClaim(query.Id, claim.ClaimId, claim.Number, ClaimPhase.Executing)],
            LastClaimNumber = claim.Number,
        });
        Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        await site.Link.BreakAsync();
        await site.Link.ConnectAsync(site.Link.Hello() with
        {
            Claims = [new HeldClaim(query.Id, claim.ClaimId, claim.Number, ClaimPhase.Executing)],
            LastClaimNumber = claim.Number,
        });
        Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
    }

    [Fact]
    public async Task With_the_link_away_it_is_cancelled_of_unknown_fate_when_its_limit_and_the_grace_are_over()
    {
        await using var host = await ApiHost.StartAsync("Halo:Limits:GraceMs=0");
        await using var site = await PairedSite.CreateAsync(host);
        var query = await site.QueueAsync("""{ "command": { "text": "SELECT 1", "timeout": 1000 } }""");
        Assert.Single(await site.Link.ClaimAsync());
        await site.Link.BreakAsync();
        var (status, _) = await site.CancelAsync(query.Id);
        Assert.SkipWhen(status == 200, "The machine was so slow that the query's second was over before the test could cancel it; run it again.");
        await Until.TrueAsync(async () => (await site.GetAsync(query.Id)).Status == QueryStatus.Cancelled);
        Assert.Equal(Executed.Unknown, (await site.GetAsync(query.Id)).Executed);
    }

    [Fact]
    public async Task A_query_that_is_handed_back_after_the_wish_is_not_claimed_again()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (query, claim) = await site.QueueAndClaimAsync();
        await site.CancelAsync(query.Id);
        Assert.True((await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.HandBack))).Accepted);
        var ended = await site.GetAsync(query.Id);
        Assert.Equal((QueryStatus.Cancelled, Executed.No), (ended.Status, ended.Executed!.Value));
        Assert.Empty(await site.Link.ClaimAsync());
    }

    [Fact]
    public async Task Nobody_cancels_anothers_query_or_one_that_is_not_there()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var query = await site.QueueAsync();
        var other = await _host.CreatePairedAsync(site.Link.SiteId);
        using var theirs = await _host.SendAsync(HttpMethod.Delete, $"{site.Path}/{query.Id}", key: other);
        await theirs.ErrorAsync(404);
        using var none = await site.SendAsync(HttpMethod.Delete, $"/{Guid.NewGuid()}");
        await none.ErrorAsync(404);
        using var nonsense = await site.SendAsync(HttpMethod.Delete, "/nonsense");
        await nonsense.ErrorAsync(404);
        Assert.Equal(QueryStatus.Queued, (await site.GetAsync(query.Id)).Status);
    }

    [Fact]
    public async Task Of_a_claim_and_a_cancel_at_once_one_wins_and_a_link_that_got_the_claim_hears_of_the_cancel_after_it()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        for (var round = 0; round < 60; round++)
        {
            var query = await site.QueueAsync();
            var cancelling = site.CancelAsync(query.Id);
            var claims = await site.Link.ClaimAsync();
            var (_, seen) = await cancelling;
            if (claims is [])
            {
                Assert.Equal(QueryStatus.Cancelled, seen.Status);
                continue;
            }
            // ExpectAsync passes over frames: a Cancel that had come before the claims would not be found now.
            Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
            Assert.True((await site.Link.ReportAsync(query.Id, new Report(claims[0].ClaimId, ReportKind.Cancelled) { Executed = Executed.No })).Accepted);
            Assert.Equal(QueryStatus.Cancelled, (await site.GetAsync(query.Id)).Status);
        }
    }

    [Fact]
    public async Task Of_an_end_and_a_cancel_at_once_the_links_word_counts_on_both_sides()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        for (var round = 0; round < 60; round++)
        {
            var (query, claim) = await site.QueueAndClaimAsync();
            var cancelling = site.CancelAsync(query.Id);
            var ack = await site.Link.ReportAsync(query.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 });
            var (status, seen) = await cancelling;
            Assert.True(ack.Accepted);
            Assert.Equal(QueryStatus.Successful, (await site.GetAsync(query.Id)).Status);
            Assert.True(status == 202 || seen.Status == QueryStatus.Successful);
        }
    }

    [Fact]
    public async Task Where_what_is_to_be_cancelled_cannot_be_read_the_session_ends_and_the_next_one_is_told()
    {
        await using var host = await ApiHost.StartAsync();
        await using var site = await PairedSite.CreateAsync(host);
        var (query, claim) = await site.QueueAndClaimAsync();
        await site.Link.BreakAsync();
        await site.CancelAsync(query.Id);
        await site.Link.ConnectAsync(site.Link.Hello() with { Claims = [new(query.Id, claim.ClaimId, claim.Number, ClaimPhase.Executing)] });
        Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);
        // The same as when it opened, with a store that has just gone.
        await RunAsync("ALTER TABLE queries RENAME TO taken_away");
        host.Services.GetRequiredService<QueryCancelling>().Repeat(host.Services.GetRequiredService<LinkSessions>().Find(site.Link.LinkId)!);
        Assert.Equal(LineCloseReason.LedgerFailed, await site.Link.EndAsync());
        await RunAsync("ALTER TABLE taken_away RENAME TO queries");
        await site.Link.ConnectAsync(site.Link.Hello() with { Claims = [new(query.Id, claim.ClaimId, claim.Number, ClaimPhase.Executing)] });
        Assert.Equal(query.Id, (await site.Link.ExpectAsync(FrameKind.Cancel)).QueryId);

        Task RunAsync(string sql) => host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync(sql));
    }
}
