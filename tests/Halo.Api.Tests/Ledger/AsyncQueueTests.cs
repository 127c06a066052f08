using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Ledger;

public class AsyncQueueTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_claim_brings_the_command_as_it_was_accepted(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = practice.New() with { Catalogue = "Patients", ResultSet = 2 };
        await store.Ledger.AcceptAsync(query, new("SELECT 'ünïcode'") { ExecutionMode = ExecutionMode.Scalar, Timeout = 5 });
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(query.Id));

        var claim = Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 5));
        Assert.Equal(new QueryCommand("SELECT 'ünïcode'") { ExecutionMode = ExecutionMode.Scalar, Timeout = 5 }, claim.Command);
        Assert.Equal((query.Id, practice.SiteId, practice.IntegratorId, 1L), (claim.QueryId, claim.SiteId, claim.IntegratorId, claim.Number));
        Assert.Equal(("Patients", 2, "nightly", 60_000), (claim.Catalogue, claim.ResultSet, claim.Tag, claim.ExecutionLimit));
        Assert.Equal(store.Now.AddMilliseconds(60_000 + 10_000), claim.Deadline);
        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 5));
        Assert.Equal(1, await store.CountAsync("SELECT last_claim_number FROM links"));
    }

    [Theory, OnBothStores]
    public async Task Concurrent_claims_never_give_a_query_twice_and_number_without_gaps(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var queries = new List<Guid>();
        for (var i = 0; i < 60; i++)
            queries.Add((await practice.AcceptAsync()).Id);

        var claims = (await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => Task.Run(async () =>
        {
            var mine = new List<ClaimedQuery>();
            while (await store.Ledger.ClaimAsync(practice.Session, 3) is { Count: > 0 } some)
                mine.AddRange(some);
            return mine;
        })))).SelectMany(c => c).ToList();

        Assert.Equal(queries.Order(), claims.Select(c => c.QueryId).Order());
        Assert.Equal(Enumerable.Range(1, 60).Select(i => (long)i), claims.Select(c => c.Number).Order());
    }

    [Theory, OnBothStores]
    public async Task The_integrator_served_least_recently_goes_first_and_of_its_queries_the_oldest(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (a, b) = (practice.IntegratorId, await practice.AddIntegratorAsync(practice.SiteId));
        var a1 = await practice.AcceptAsync(a);
        var a2 = await practice.AcceptAsync(a);
        var a3 = await practice.AcceptAsync(a);
        var b1 = await practice.AcceptAsync(b);
        var b2 = await practice.AcceptAsync(b);

        var order = (await store.Ledger.ClaimAsync(practice.Session, 3)).Concat(await store.Ledger.ClaimAsync(practice.Session, 9)).Select(c => c.QueryId);
        Assert.Equal([a1.Id, b1.Id, a2.Id, b2.Id, a3.Id], order);
    }

    [Theory, OnBothStores]
    public async Task A_site_that_the_Link_excepts_keeps_its_queries_and_the_others_are_served(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var here = await practice.AcceptAsync();
        var away = practice.SiteId;
        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 5, [away]));
        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 5, [Guid.NewGuid(), away, Guid.NewGuid()]));
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(here.Id));
        Assert.Equal(here.Id, Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 5, [Guid.NewGuid()])).QueryId);
        Assert.Equal(1, await store.CountAsync("SELECT last_claim_number FROM links"));
    }

    [Theory, OnBothStores]
    public async Task Nothing_is_claimed_that_may_not_run(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await practice.AcceptAsync();
        (string Spoil, string Mend)[] conditions =
        [
            ("UPDATE sites SET authoritative = FALSE", "UPDATE sites SET authoritative = TRUE"),
            ("UPDATE sites SET confirmed = FALSE", "UPDATE sites SET confirmed = TRUE"),
            ("UPDATE sites SET status = 'removed'", "UPDATE sites SET status = 'active'"),
            ("UPDATE integrators SET enabled = FALSE", "UPDATE integrators SET enabled = TRUE"),
        ];
        foreach (var (spoil, mend) in conditions)
        {
            await store.RunAsync(spoil);
            Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 1));
            await store.RunAsync(mend);
        }
        await store.RunAsync("DELETE FROM pairings");
        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 1));
        await store.RunAsync("INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@i, @s, 'operator', 0)", ("i", practice.IntegratorId), ("s", practice.SiteId));
        Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
    }

    [Theory, OnBothStores]
    public async Task A_query_whose_time_is_over_is_not_claimed_and_is_shown_as_expired_from_that_moment(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.AcceptAsync(maxTimeInQueue: 5000);
        store.Time.Advance(TimeSpan.FromSeconds(5));

        Assert.Empty(await store.Ledger.ClaimAsync(practice.Session, 1));
        var view = QueryView.Of(await practice.FindAsync(query.Id));
        Assert.Equal((QueryStatus.ExpiredInQueue, Executed.No, FailureCodes.QueueTimeout), (view.Status, view.Executed, view.ErrorDetails!.Code));
        Assert.Equal(query.CreatedAt.AddSeconds(5), view.CompletedAt);
        Assert.Equal(view.CompletedAt, view.StatusTiming.Queued!.EndTime);
    }

    [Theory, OnBothStores]
    public async Task A_query_that_is_claimed_at_the_last_moment_is_never_shown_as_expired(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await practice.AcceptAndClaimAsync();
        var query = await practice.AcceptAsync(maxTimeInQueue: 5000);
        await using var pause = await PausedClaim.BeginAsync(kind, store, practice);
        store.Time.Advance(TimeSpan.FromSeconds(6));
        var seen = practice.FindAsync(query.Id);
        var listed = store.Ledger.ListAsync(new(practice.IntegratorId, practice.SiteId, 10) { Status = QueryStatus.ExpiredInQueue });
        await pause.ReadersWaitAsync(seen, listed);

        Assert.Equal(query.Id, Assert.Single(await pause.EndAsync()).QueryId);
        Assert.Equal(QueryStatus.Executing, (await seen).Status);
        Assert.Empty(await listed);
        Assert.Empty(await store.Ledger.DueAsync(store.Now));
    }

    [Theory, OnBothStores]
    public async Task A_session_that_another_has_replaced_claims_nothing(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var old = practice.Session;
        await practice.AcceptAsync();
        await practice.ConnectAsync();
        Assert.Empty(await store.Ledger.ClaimAsync(old, 1));
        Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
    }

    [Theory, OnBothStores]
    public async Task A_command_that_can_no_longer_be_read_ends_its_own_query_alone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var broken = await practice.AcceptAsync();
        var good = await practice.AcceptAsync();
        await store.RunAsync("UPDATE query_commands SET command = @junk WHERE query_id = @id", ("id", broken.Id), ("junk", new byte[80]));

        Assert.Equal(good.Id, Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 5)).QueryId);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No), ((await practice.FindAsync(broken.Id)).Status, (await practice.FindAsync(broken.Id)).Executed!.Value));
    }

    [Theory, OnBothStores]
    public async Task A_query_that_will_not_wait_can_still_be_claimed_at_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await practice.AcceptAsync(maxTimeInQueue: 0);
        Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
    }
}
