using Halo.Api.Ledger.Records;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Ledger;

public class SessionSettlementsTests(SharedPostgres postgres)
{
    static HeldClaim Held(ClaimedQuery claim) => new(claim.QueryId, claim.ClaimId, claim.Number, ClaimPhase.Executing);

    static async Task AssertEndedAsync(Practice practice, Guid queryId, QueryStatus status, Executed executed, string code)
    {
        var found = await practice.FindAsync(queryId);
        Assert.Equal((status, executed, code), (found.Status, found.Executed, found.FailureCode));
    }

    [Theory, OnBothStores]
    public async Task Claims_that_the_Link_holds_go_on_also_in_a_new_run(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var settledBefore = await practice.AcceptAndClaimAsync();
        await store.Ledger.SettleClaimAsync(settledBefore.QueryId, settledBefore.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No });

        var hello = await store.Ledger.SettleHelloAsync(new(practice.LinkId, store.NewId(), store.NewId()), [Held(claim), Held(settledBefore)], 2, []);

        Assert.Equal([new(claim.ClaimId, Verdict.Continue), new(settledBefore.ClaimId, Verdict.Drop)], hello.Verdicts);
        Assert.Empty(hello.Settled);
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(claim.QueryId));
    }

    [Theory, OnBothStores]
    public async Task A_claim_that_the_journal_does_not_have_never_ran_and_its_query_waits_again(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var lost = await practice.AcceptAndClaimAsync();
        var session = practice.Session with { SessionId = store.NewId() };

        var hello = await store.Ledger.SettleHelloAsync(session, [], 0, []);

        var found = await practice.FindAsync(lost.QueryId);
        Assert.Equal((QueryStatus.Queued, null), (found.Status, found.ExecutingAt));
        Assert.Equal([new(lost.QueryId, found.DeadlineAt!.Value)], hello.Requeued);
        Assert.Empty(hello.Settled);
        // What comes late of the claim that was lost moves nothing.
        Assert.False((await store.Ledger.HandBackAsync(lost.QueryId, lost.ClaimId, session)).Accepted);
        var again = Assert.Single(await store.Ledger.ClaimAsync(session, 10));
        Assert.Equal((lost.QueryId, lost.Command.Text, false), (again.QueryId, again.Command.Text, again.ClaimId == lost.ClaimId));
    }

    [Theory, OnBothStores]
    public async Task A_query_whose_claim_is_lost_for_the_third_time_ends(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var lost = await practice.AcceptAndClaimAsync();
        var session = practice.Session;
        for (var i = 0; i < 2; i++)
        {
            session = session with { SessionId = store.NewId() };
            Assert.Empty((await store.Ledger.SettleHelloAsync(session, [], 0, [])).Settled);
            Assert.Single(await store.Ledger.ClaimAsync(session, 10));
        }

        var hello = await store.Ledger.SettleHelloAsync(session with { SessionId = store.NewId() }, [], 0, []);

        Assert.Equal([new SettledQuery(lost.QueryId, lost.IntegratorId, QueryMode.Async, QueryStatus.ExecutionFailed)], hello.Settled);
        Assert.Empty(hello.Requeued);
        await AssertEndedAsync(practice, lost.QueryId, QueryStatus.ExecutionFailed, Executed.No, FailureCodes.ClaimLost);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM query_commands"));
    }

    [Theory, OnBothStores]
    public async Task A_lost_claim_that_was_to_be_cancelled_is_cancelled(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var lost = await practice.AcceptAndClaimAsync();
        await store.Ledger.AskCancelAsync(lost.IntegratorId, lost.SiteId, lost.QueryId);

        var hello = await store.Ledger.SettleHelloAsync(practice.Session with { SessionId = store.NewId() }, [], 0, []);

        Assert.Equal([new SettledQuery(lost.QueryId, lost.IntegratorId, QueryMode.Async, QueryStatus.Cancelled)], hello.Settled);
        await AssertEndedAsync(practice, lost.QueryId, QueryStatus.Cancelled, Executed.No, FailureCodes.CancelledByIntegrator);
    }

    [Theory, OnBothStores]
    public async Task A_lost_claim_whose_database_had_begun_to_answer_may_have_taken_effect(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var lost = await practice.AcceptAndClaimAsync();
        await store.Ledger.ReadingAsync(lost.QueryId, lost.ClaimId, []);

        await store.Ledger.SettleHelloAsync(practice.Session with { SessionId = store.NewId() }, [], 0, []);

        await AssertEndedAsync(practice, lost.QueryId, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.ClaimLost);
    }

    [Theory, OnBothStores]
    public async Task A_query_that_waits_again_expires_when_its_time_in_the_queue_is_over(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var lost = await practice.AcceptAndClaimAsync();

        var hello = await store.Ledger.SettleHelloAsync(practice.Session with { SessionId = store.NewId() }, [], 0, []);

        Assert.Empty(await store.Ledger.DueAsync(hello.Requeued[0].Deadline.AddMilliseconds(-1)));
        Assert.Equal([lost.QueryId], (await store.Ledger.DueAsync(hello.Requeued[0].Deadline)).Select(s => s.QueryId));
        await AssertEndedAsync(practice, lost.QueryId, QueryStatus.ExpiredInQueue, Executed.No, FailureCodes.QueueTimeout);
    }

    [Theory, OnBothStores]
    public async Task After_a_restored_disk_the_claims_after_the_journals_end_may_have_run(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var first = await practice.AcceptAndClaimAsync();
        var second = await practice.AcceptAndClaimAsync();

        await store.Ledger.SettleHelloAsync(new(practice.LinkId, store.NewId(), store.NewId()), [], first.Number, []);

        await AssertEndedAsync(practice, first.QueryId, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.ClaimLost);
        await AssertEndedAsync(practice, second.QueryId, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.ClaimLost);
        Assert.Equal(2, await store.CountAsync("SELECT last_claim_number FROM links"));
    }

    [Theory, OnBothStores]
    public async Task A_claim_that_the_Link_has_seen_and_forgotten_may_have_taken_effect(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (forgotten, lost) = (await practice.AcceptAndClaimAsync(), await practice.AcceptAndClaimAsync());
        await store.Ledger.SettleHelloAsync(practice.Session with { SessionId = store.NewId() }, [], forgotten.Number, []);
        await AssertEndedAsync(practice, forgotten.QueryId, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.ClaimLost);
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(lost.QueryId));
    }

    public static TheoryData<StoreKind, string, string> TakenRights()
    {
        var data = new TheoryData<StoreKind, string, string>();
        foreach (var kind in Enum.GetValues<StoreKind>())
        {
            data.Add(kind, "UPDATE integrators SET enabled = FALSE", FailureCodes.CancelledByOperator);
            data.Add(kind, "DELETE FROM pairings", FailureCodes.CancelledByOperator);
            data.Add(kind, "UPDATE sites SET authoritative = FALSE", FailureCodes.CancelledByOperator);
            data.Add(kind, "UPDATE sites SET status = 'uninstalled'", FailureCodes.SiteUninstalled);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(TakenRights))]
    public async Task What_is_to_wait_again_is_cancelled_where_the_right_to_it_was_taken_away(StoreKind kind, string taken, string code)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (lost, back) = (await practice.AcceptAndClaimAsync(), await practice.AcceptAndClaimAsync());
        await store.RunAsync(taken);

        Assert.Equal(QueryStatus.Cancelled, (await store.Ledger.HandBackAsync(back.QueryId, back.ClaimId, practice.Session)).Status);
        var hello = await store.Ledger.SettleHelloAsync(practice.Session with { SessionId = store.NewId() }, [], 0, []);

        Assert.Equal([new SettledQuery(lost.QueryId, lost.IntegratorId, QueryMode.Async, QueryStatus.Cancelled)], hello.Settled);
        await AssertEndedAsync(practice, lost.QueryId, QueryStatus.Cancelled, Executed.No, code);
        await AssertEndedAsync(practice, back.QueryId, QueryStatus.Cancelled, Executed.No, code);
    }

    [Theory, OnBothStores]
    public async Task A_query_that_was_lost_before_takes_no_further_ones_with_it(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var first = await practice.AcceptAndClaimAsync();
        var others = new[] { await practice.AcceptAsync(), await practice.AcceptAsync() };
        var session = practice.Session with { SessionId = store.NewId() };
        await store.Ledger.SettleHelloAsync(session, [], 0, []);

        Assert.Equal([first.QueryId], (await store.Ledger.ClaimAsync(session, 10)).Select(c => c.QueryId));
        Assert.Equal(others.Select(o => o.Id), (await store.Ledger.ClaimAsync(session, 10)).Select(c => c.QueryId));
    }

    [Theory, OnBothStores]
    public async Task Numbers_never_fall_behind_what_the_Link_has_seen(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await store.Ledger.SettleHelloAsync(practice.Session, [], 41, []);
        Assert.Equal(42, (await practice.AcceptAndClaimAsync()).Number);
    }

    [Theory, OnBothStores]
    public async Task A_lost_upload_did_execute(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        await store.Ledger.UploadingAsync(claim.QueryId, claim.ClaimId, new(claim.ClaimId, ReportKind.Uploading) { PageCount = 2, Rows = 2 });
        await store.Ledger.AddPageAsync(claim.ClaimId, new(claim.QueryId, 1, 0, 1, 10, 10, Convert.ToBase64String(new byte[32])));

        var hello = await store.Ledger.SettleHelloAsync(new(practice.LinkId, store.NewId(), store.NewId()), [], claim.Number, []);

        Assert.Equal([new SettledQuery(claim.QueryId, claim.IntegratorId, QueryMode.Async, QueryStatus.UploadFailed)], hello.Settled);
        await AssertEndedAsync(practice, claim.QueryId, QueryStatus.UploadFailed, Executed.Yes, FailureCodes.PageLost);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM pages"));
    }

    [Theory, OnBothStores]
    public async Task Immediate_queries_of_a_run_that_is_gone_may_have_taken_effect(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.SendAsync();
        await store.Ledger.SettleHelloAsync(new(practice.LinkId, store.NewId(), store.NewId()), [], 0, [query.Id]);
        await AssertEndedAsync(practice, query.Id, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.LinkLost);
    }

    [Theory, OnBothStores]
    public async Task Immediate_queries_that_the_same_run_never_got_did_not_run_and_one_sent_over_this_session_is_left_alone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var known = await practice.SendAsync();
        var unknown = await practice.SendAsync();
        var session = practice.Session with { SessionId = store.NewId() };
        var justSent = practice.New(QueryMode.Immediate);
        await store.Ledger.RecordSentAsync(new(justSent, session, store.Now, store.Now.AddMinutes(1)));

        var hello = await store.Ledger.SettleHelloAsync(session, [], 0, [known.Id]);

        Assert.Equal([unknown.Id], hello.Settled.Select(s => s.QueryId));
        await AssertEndedAsync(practice, unknown.Id, QueryStatus.ExecutionFailed, Executed.No, FailureCodes.NeverSent);
        Assert.Equal((QueryStatus.Executing, QueryStatus.Executing), (await practice.StatusAsync(known.Id), await practice.StatusAsync(justSent.Id)));
    }

    [Theory, OnBothStores]
    public async Task Another_Links_queries_are_left_alone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (claim, sent) = (await practice.AcceptAndClaimAsync(), await practice.SendAsync());
        var other = await practice.AddLinkAsync();
        Assert.Empty((await store.Ledger.SettleHelloAsync(new(other, store.NewId(), store.NewId()), [], 0, [])).Settled);
        var named = await store.Ledger.SettleHelloAsync(new(other, store.NewId(), store.NewId()), [Held(claim)], claim.Number, [sent.Id]);
        Assert.Equal([new(claim.ClaimId, Verdict.Drop)], named.Verdicts);
        Assert.Empty(named.Settled);
        Assert.Equal((QueryStatus.Executing, QueryStatus.Executing), (await practice.StatusAsync(claim.QueryId), await practice.StatusAsync(sent.Id)));
    }
}
