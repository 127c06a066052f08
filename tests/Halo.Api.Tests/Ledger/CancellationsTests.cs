using Halo.Api.Ledger.Records;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;

namespace Halo.Api.Tests.Ledger;

public class CancellationsTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_queued_query_is_cancelled_at_once_and_never_claimed(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.AcceptAsync();
        var cancelled = await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, query.Id);
        Assert.Equal((QueryStatus.Cancelled, null, false), (cancelled.Status, cancelled.AskLink, cancelled.WasFinal));
        Assert.Equal(new SettledQuery(query.Id, query.IntegratorId, QueryMode.Async, QueryStatus.Cancelled), Assert.Single(cancelled.Settled));
        Assert.Equal(new(QueryStatus.Cancelled, null) { WasFinal = true },
            await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, query.Id));
        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 1));
        var found = await practice.FindAsync(query.Id);
        Assert.Equal((Executed.No, FailureCodes.CancelledByIntegrator), (found.Executed, found.FailureCode));
    }

    [Theory, OnBothStores]
    public async Task Nobody_cancels_anothers_query(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.AcceptAsync();
        var other = await practice.AddIntegratorAsync(practice.SiteId);
        Assert.Equal(new(null, null), await store.Ledger.AskCancelAsync(other, practice.SiteId, query.Id));
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(query.Id));
    }

    [Theory, OnBothStores]
    public async Task A_running_query_is_marked_and_ends_as_its_Link_says(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        Assert.Equal(new(QueryStatus.Executing, practice.LinkId), await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, claim.QueryId));
        Assert.NotNull((await practice.FindAsync(claim.QueryId)).CancelAskedAt);
        await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId,
            new(QueryStatus.Cancelled, Mover.Link) { Executed = Executed.No, Error = Failure.Of(FailureCodes.CancelledByIntegrator) });
        Assert.Equal(QueryStatus.Cancelled, await practice.StatusAsync(claim.QueryId));
    }

    [Theory, OnBothStores]
    public async Task When_an_operator_takes_a_site_away_what_waits_is_cancelled_and_what_runs_goes_on(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var running = await practice.AcceptAndClaimAsync();
        var waiting = await practice.AcceptAsync();
        var other = await practice.AcceptAsync(await practice.AddIntegratorAsync(practice.SiteId));

        var settled = await store.Database.WriteAsync(t => store.Ledger.Cancellations.CancelQueuedAsync(t, practice.SiteId, practice.IntegratorId));

        Assert.Equal([waiting.Id], settled.Select(s => s.QueryId));
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(running.QueryId));
        Assert.Equal(FailureCodes.CancelledByOperator, (await practice.FindAsync(waiting.Id)).FailureCode);
        Assert.Single(await store.Database.WriteAsync(t => store.Ledger.Cancellations.CancelQueuedAsync(t, practice.SiteId, null)), s => s.QueryId == other.Id);
    }
}
