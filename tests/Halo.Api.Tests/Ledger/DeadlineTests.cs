using System.Collections.Concurrent;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Ledger;

public class DeadlineTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Each_state_ends_at_its_deadline_with_the_truth_in_it(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var executing = await practice.AcceptAndClaimAsync();
        var uploading = await practice.AcceptAndClaimAsync();
        await store.Ledger.UploadingAsync(uploading.QueryId, uploading.ClaimId, new(uploading.ClaimId, ReportKind.Uploading) { PageCount = 1, Rows = 1 });
        var cancelled = await practice.AcceptAndClaimAsync();
        Assert.Equal(new(QueryStatus.Executing, practice.LinkId), await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, cancelled.QueryId));
        var immediate = await practice.SendAsync();
        var queued = await practice.AcceptAsync(maxTimeInQueue: 1000);
        var later = await practice.AcceptAsync(maxTimeInQueue: 7_200_000);

        Assert.Empty(await store.Ledger.DueAsync(store.Now));
        Assert.Equal(queued.CreatedAt.AddSeconds(1), await store.Ledger.Deadlines.NextAsync());
        store.Time.Advance(TimeSpan.FromMinutes(61));
        Assert.Equal(5, (await store.Ledger.DueAsync(store.Now)).Count);
        Assert.Empty(await store.Ledger.DueAsync(store.Now));

        async Task Is(Guid id, QueryStatus status, Executed executed, string code)
        {
            var q = await practice.FindAsync(id);
            Assert.Equal((status, executed, code), (q.Status, q.Executed, q.FailureCode));
            Assert.Equal(code, QueryView.Of(q).ErrorDetails!.Code);
        }
        await Is(executing.QueryId, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.NoAnswer);
        await Is(uploading.QueryId, QueryStatus.UploadFailed, Executed.Yes, FailureCodes.UploadTimeout);
        await Is(cancelled.QueryId, QueryStatus.Cancelled, Executed.Unknown, FailureCodes.CancelledByIntegrator);
        await Is(immediate.Id, QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.NoAnswer);
        await Is(queued.Id, QueryStatus.ExpiredInQueue, Executed.No, FailureCodes.QueueTimeout);
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(later.Id));
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM query_commands"));
    }

    [Theory, OnBothStores]
    public async Task Two_nodes_settle_what_is_due_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        for (var i = 0; i < 250; i++)
            await practice.SendAsync(store.Now.AddSeconds(1));
        store.Time.Advance(TimeSpan.FromSeconds(10));
        var settled = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var mine = new List<SettledQuery>();
            while (await store.Ledger.Deadlines.NextAsync() is not null)
                mine.AddRange(await store.Ledger.DueAsync(store.Now));
            return mine;
        })));
        Assert.Equal(250, settled.Sum(s => s.Count));
        Assert.Equal(250, settled.SelectMany(s => s).Select(s => s.QueryId).Distinct().Count());
    }

    [Theory, OnBothStores]
    public async Task The_watch_settles_what_is_overdue_at_start_and_then_each_at_its_moment(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var overdue = await practice.AcceptAsync(maxTimeInQueue: 1000);
        store.Time.Advance(TimeSpan.FromSeconds(2));
        var far = await practice.AcceptAsync(maxTimeInQueue: 60_000);
        using var settled = new BlockingCollection<Guid>();
        await using var watch = new DeadlineWatch(store.Ledger.Deadlines, ended =>
        {
            foreach (var query in ended)
                settled.Add(query.QueryId);
            return Task.CompletedTask;
        }, store.Time, NullLogger<DeadlineWatch>.Instance);
        store.Ledger.DeadlineGiven += watch.Hint;
        await watch.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(overdue.Id, Take(settled));

        var near = await practice.AcceptAsync(maxTimeInQueue: 5000);
        await AdvanceUntilAsync(store, settled, TimeSpan.FromSeconds(6));
        Assert.Equal(near.Id, Take(settled));
        Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(far.Id));
        await AdvanceUntilAsync(store, settled, TimeSpan.FromSeconds(60));
        Assert.Equal(far.Id, Take(settled));
    }

    [Theory, OnBothStores]
    public async Task A_wall_clock_that_jumps_by_hours_while_queries_are_queued_loses_none_and_ends_each_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        using var settled = new BlockingCollection<Guid>();
        await using var watch = StartWatch(store, settled);
        var first = await practice.AcceptAsync(maxTimeInQueue: 60_000);
        var second = await practice.AcceptAsync(maxTimeInQueue: 60_000);

        // Two hours back: what was queued keeps its moment by the clock, so it lives longer; what comes now ends before it, and it can be claimed.
        store.Time.JumpWallClock(TimeSpan.FromHours(-2));
        var after = await practice.AcceptAsync(maxTimeInQueue: 30_000);
        await AdvanceUntilAsync(store, settled, TimeSpan.FromSeconds(31));
        Assert.Equal(after.Id, Take(settled));
        var claimed = Assert.Single(await store.Ledger.ClaimAsync(practice.Session, 1));
        Assert.True(claimed.QueryId == first.Id || claimed.QueryId == second.Id);
        Assert.True((await store.Ledger.CompleteAsync(claimed.QueryId, claimed.ClaimId, new(claimed.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);
        Assert.Equal(claimed.QueryId, Take(settled));

        // And forward again: what is left is overdue at once for whoever reads, and where nobody does within a minute.
        store.Time.JumpWallClock(TimeSpan.FromHours(2));
        var left = claimed.QueryId == first.Id ? second.Id : first.Id;
        await AdvanceUntilAsync(store, settled, TimeSpan.FromMinutes(1));
        Assert.Equal(left, Take(settled));
        Assert.Equal(QueryStatus.ExpiredInQueue, await practice.StatusAsync(left));
        Assert.Empty(settled);
    }

    [Theory, OnBothStores]
    public async Task What_a_link_has_keeps_the_time_it_was_given_when_the_services_clock_is_set(StoreKind kind)
    {
        foreach (var jump in new[] { TimeSpan.FromHours(3), TimeSpan.FromHours(-3), TimeSpan.FromSeconds(10) })
        {
            await using var store = await TestStore.CreateAsync(kind, postgres);
            var practice = await Practice.CreateAsync(store);
            using var settled = new BlockingCollection<Guid>();
            await using var watch = StartWatch(store, settled);
            var sent = await practice.SendAsync(store.Now.AddHours(1));
            var moment = (await store.Ledger.Deadlines.NextAsync())!.Value + jump;
            store.Time.JumpWallClock(jump);

            // The next look, within a minute, finds the jump.
            await Eventually.BecomesAsync(() =>
            {
                // A timer that is set again while the clock stands fires with its next step.
                store.Time.Advance(TimeSpan.FromSeconds(10));
                return store.Ledger.Deadlines.NextAsync();
            }, deadline => deadline == moment);
            store.Time.Advance(moment - store.Now - TimeSpan.FromSeconds(1));
            Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(sent.Id));
            Assert.Empty(settled);
            await AdvanceUntilAsync(store, settled, TimeSpan.FromSeconds(2));
            Assert.Equal(sent.Id, Take(settled));
            Assert.Equal(QueryStatus.ExecutionFailed, await practice.StatusAsync(sent.Id));
        }
    }

    [Theory, OnBothStores]
    public async Task The_watch_goes_on_after_the_store_has_failed(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.AcceptAsync(maxTimeInQueue: 1000);
        var failed = new TaskCompletionSource();
        using var settled = new BlockingCollection<Guid>();
        await using var watch = new DeadlineWatch(store.Ledger.Deadlines, ended =>
        {
            if (failed.TrySetResult())
                throw new InvalidOperationException("the first time");
            foreach (var one in ended)
                settled.Add(one.QueryId);
            return Task.CompletedTask;
        }, store.Time, NullLogger<DeadlineWatch>.Instance);
        store.Ledger.DeadlineGiven += watch.Hint;
        await watch.StartAsync(TestContext.Current.CancellationToken);
        store.Time.Advance(TimeSpan.FromSeconds(2));
        await failed.Task;
        Assert.Equal(QueryStatus.ExpiredInQueue, await practice.StatusAsync(query.Id));
        var next = await practice.AcceptAsync(maxTimeInQueue: 1000);
        await AdvanceUntilAsync(store, settled, TimeSpan.FromSeconds(10));
        Assert.Equal(next.Id, Take(settled));
    }

    [Theory, OnBothStores]
    public async Task What_fell_due_while_the_service_was_away_waits_for_its_link_and_what_is_queued_does_not(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var finished = await practice.AcceptAndClaimAsync();
        var silent = await practice.AcceptAndClaimAsync();
        var immediate = await practice.SendAsync();
        var queued = await practice.AcceptAsync(maxTimeInQueue: 1000);
        store.Time.Advance(TimeSpan.FromHours(1));
        var uploading = await practice.AcceptAndClaimAsync();
        await store.Ledger.UploadingAsync(uploading.QueryId, uploading.ClaimId, new(uploading.ClaimId, ReportKind.Uploading) { PageCount = 1, Rows = 1 });
        var far = await store.CountAsync("SELECT MAX(deadline_at) FROM queries");

        await store.Ledger.Deadlines.AfterDowntimeAsync();
        Assert.Equal(queued.Id, Assert.Single(await store.Ledger.DueAsync(store.Now)).QueryId);
        Assert.Equal(store.Now + new LedgerOptions().LinksReturnWithin, await store.Ledger.Deadlines.NextAsync());
        Assert.Equal(far, await store.CountAsync("SELECT MAX(deadline_at) FROM queries"));
        Assert.True((await store.Ledger.CompleteAsync(finished.QueryId, finished.ClaimId,
            new(finished.ClaimId, ReportKind.Complete) { Rows = 0, RowsAffected = 1, ResultSets = 0, PageCount = 0 })).Accepted);

        store.Time.Advance(new LedgerOptions().LinksReturnWithin);
        Assert.Equal([.. new[] { silent.QueryId, immediate.Id }.Order()], (await store.Ledger.DueAsync(store.Now)).Select(s => s.QueryId).Order());
        Assert.Equal(QueryStatus.Successful, await practice.StatusAsync(finished.QueryId));
        Assert.Equal(QueryStatus.Uploading, await practice.StatusAsync(uploading.QueryId));
    }

    /// <summary>What the ledger says is settled goes to the collection.</summary>
    static DeadlineWatch StartWatch(TestStore store, BlockingCollection<Guid> settled)
    {
        store.Ledger.Settled += settled.Add;
        var watch = new DeadlineWatch(store.Ledger.Deadlines, store.Ledger.Effects.ApplyAsync, store.Time, NullLogger<DeadlineWatch>.Instance);
        store.Ledger.DeadlineGiven += watch.Hint;
        _ = watch.StartAsync(CancellationToken.None);
        return watch;
    }

    static Guid Take(BlockingCollection<Guid> settled)
    {
        Assert.True(settled.TryTake(out var id, TimeSpan.FromSeconds(30)), "Nothing was settled.");
        return id;
    }

    /// <summary>Moves the clock; the watch sets its timer on another thread, so a little more until it has fired.</summary>
    static async Task AdvanceUntilAsync(TestStore store, BlockingCollection<Guid> settled, TimeSpan by)
    {
        store.Time.Advance(by);
        while (settled.Count == 0)
        {
            // The store's clock goes no faster than the machine's: a slow store would else come to later deadlines too.
            store.Time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Delay(1);
        }
    }
}
