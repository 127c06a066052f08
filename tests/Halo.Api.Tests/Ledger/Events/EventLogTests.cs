using Halo.Api.Ledger.Events;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Ledger.Events;

/// <summary>Events and deliveries are written with what happened, numbered without gaps, and each is taken by one sender at a time.</summary>
public sealed class EventLogTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task An_async_query_that_ends_leaves_an_event_and_what_is_rolled_back_leaves_none(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryFailed);
        var query = await practice.AcceptAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Database.WriteAsync<int>(async t =>
        {
            await store.Ledger.Cancellations.CancelQueuedAsync(t, practice.SiteId, null);
            throw new InvalidOperationException();
        }));
        Assert.Empty(await ReadAsync(store, practice.IntegratorId));

        await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, query.Id);

        var told = Assert.Single(await ReadAsync(store, practice.IntegratorId));
        Assert.Equal((1, EventTypes.QueryFailed, practice.SiteId), (told.Number, told.Type, told.SiteId));
        Assert.Equal(new EventData { QueryId = query.Id, Source = "async", Status = QueryStatus.Cancelled, Executed = Executed.No, Code = FailureCodes.CancelledByIntegrator, Tag = "nightly" }, told.Show().Data);
        var delivery = Assert.Single(await new DeliveryStore(store.Database, store.Time).TakeAsync(webhook, 10));
        Assert.Equal((1, told.Id, WebhookDeliveryStatus.Pending), (delivery.Sequence, delivery.Event.Id, delivery.Status));
    }

    [Theory, OnBothStores]
    public async Task Immediate_queries_are_told_by_their_answers_alone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await practice.SendAsync();
        store.Time.Advance(TimeSpan.FromMinutes(3));
        Assert.Single(await store.Ledger.DueAsync(store.Now));
        Assert.Empty(await ReadAsync(store, practice.IntegratorId));
    }

    [Theory, OnBothStores]
    public async Task Numbers_have_no_gaps_however_many_write_at_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var (other, site) = (await practice.AddIntegratorAsync(practice.SiteId), Guid.NewGuid());
        var (all, some) = (await AddWebhookAsync(store, practice.IntegratorId, [.. EventTypes.All]), await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryFailed));

        await Parallel.ForAsync(0, 60, async (i, stop) =>
        {
            try
            {
                await store.Database.WriteAsync(async t =>
                {
                    await EventLog.AppendAsync(t,
                    [
                        new(practice.IntegratorId, EventTypes.QueryCompleted, i % 2 == 0 ? practice.SiteId : site, new()),
                        new(other, EventTypes.QueryCompleted, site, new()),
                        new(practice.IntegratorId, EventTypes.QueryFailed, site, new()),
                    ], store.Now.Ms());
                    return i % 5 == 0 ? throw new InvalidOperationException() : 0;
                }, stop);
            }
            catch (InvalidOperationException)
            {
                // Rolled back: its numbers are others' now.
            }
        });

        Assert.Equal(Enumerable.Range(1, 96).Select(n => (long)n), (await ReadAsync(store, practice.IntegratorId)).Select(e => e.Number));
        Assert.Equal(Enumerable.Range(1, 48).Select(n => (long)n), (await ReadAsync(store, other)).Select(e => e.Number));
        var deliveries = new DeliveryStore(store.Database, store.Time);
        var taken = await deliveries.TakeAsync(all, 1000);
        Assert.Equal(96, taken.Count);
        Assert.Equal(taken.OrderBy(d => d.Event.Number), taken);
        foreach (var ofSite in taken.GroupBy(d => d.Event.SiteId))
            Assert.Equal(Enumerable.Range(1, ofSite.Count()).Select(n => (long)n), ofSite.Select(d => d.Sequence));
        Assert.Equal(Enumerable.Range(1, 48).Select(n => (long)n), (await deliveries.TakeAsync(some, 1000)).Select(d => d.Sequence));
    }

    [Theory, OnBothStores]
    public async Task What_is_due_is_taken_by_one_sender_and_by_another_once_that_one_is_gone(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
        await AppendAsync(store, practice.IntegratorId, 40);
        var deliveries = new DeliveryStore(store.Database, store.Time);

        var taken = new System.Collections.Concurrent.ConcurrentBag<DeliveryRecord>();
        await Parallel.ForAsync(0, 20, async (_, _) =>
        {
            foreach (var delivery in await deliveries.TakeAsync(webhook, 2))
                taken.Add(delivery);
        });
        while (await deliveries.TakeAsync(webhook, 7) is { Count: > 0 } more)
            more.ToList().ForEach(taken.Add);
        Assert.Equal(40, taken.Select(d => d.Id).Distinct().Count());
        Assert.Equal(40, taken.Count);

        store.Time.Advance(DeliveryStore.TakenFor);
        Assert.Equal(40, (await deliveries.TakeAsync(webhook, 100)).Count);
    }

    [Theory, OnBothStores]
    public async Task An_end_that_comes_late_does_not_undo_anothers(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
        await AppendAsync(store, practice.IntegratorId, 1);
        var deliveries = new DeliveryStore(store.Database, store.Time);
        var slow = Assert.Single(await deliveries.TakeAsync(webhook, 1));
        store.Time.Advance(DeliveryStore.TakenFor);
        var second = Assert.Single(await deliveries.TakeAsync(webhook, 1));
        await deliveries.EndAttemptAsync(second, new(new(store.Now, 5) { HttpStatus = 200 }, WebhookDeliveryStatus.Delivered, null, TimeSpan.Zero));
        await deliveries.EndAttemptAsync(slow, new(new(store.Now, 5) { Error = "late" }, WebhookDeliveryStatus.Pending, store.Now, TimeSpan.FromSeconds(5)));
        var found = await deliveries.FindAsync(practice.IntegratorId, second.Id);
        Assert.Equal((WebhookDeliveryStatus.Delivered, 1), (found!.Status, found.Tries));
        Assert.Null(Assert.Single(found.Attempts).Error);
    }

    [Theory, OnBothStores]
    public async Task A_webhook_that_goes_while_events_are_written_harms_no_settlement(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhooks = new WebhookStore(store.Database, store.Keys, store.Time);
        await Parallel.ForAsync(0, 30, async (i, _) =>
        {
            if (i % 2 == 0)
            {
                var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
                Assert.Equal(1, await webhooks.RemoveAsync(practice.IntegratorId, webhook));
            }
            else
            {
                await AppendAsync(store, practice.IntegratorId, 5);
            }
        });
        Assert.Equal(75, (await ReadAsync(store, practice.IntegratorId)).Count);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM webhook_deliveries"));
    }

    [Theory, OnBothStores]
    public async Task What_was_kept_as_long_as_it_should_goes_but_nothing_that_still_waits(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
        await AppendAsync(store, practice.IntegratorId, 2);
        var (deliveries, retention) = (new DeliveryStore(store.Database, store.Time), new EventRetention(store.Database));
        var done = (await deliveries.TakeAsync(webhook, 2))[0];
        await deliveries.EndAttemptAsync(done, new(new(store.Now, 5) { HttpStatus = 200 }, WebhookDeliveryStatus.Delivered, null, TimeSpan.Zero));
        Assert.Equal(store.Now, await retention.OldestAsync());
        Assert.Equal(0, await retention.ForgetAsync(store.Now.AddMilliseconds(-1)));
        Assert.Equal(3, await retention.ForgetAsync(store.Now));
        Assert.Null(await retention.OldestAsync());
        Assert.Single(await deliveries.ListAsync(practice.IntegratorId, webhook, WebhookDeliveryStatus.Pending, null, 10));
        // Numbers go on.
        Assert.Equal((3L, 2L), await new EventReader(store.Database).RangeAsync(practice.IntegratorId));
    }

    [Theory, OnBothStores]
    public async Task After_a_restore_whoever_follows_gets_all_that_comes_although_its_number_is_ahead(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await AppendAsync(store, practice.IntegratorId, 3);
        var open = await practice.AcceptAsync();
        // Of events that were told after the backup, and are gone.
        const long ahead = 5;
        Assert.Equal(1, await Halo.Api.Ledger.RestoredLedger.SettleAsync(store.Database, store.Time));
        await AppendAsync(store, practice.IntegratorId, 1);
        var told = await new EventReader(store.Database).AfterAsync(practice.IntegratorId, ahead);
        Assert.Equal([EventTypes.QueryFailed, EventTypes.QueryCompleted], told.Select(e => e.Type));
        Assert.Equal(open.Id, told[0].Show().Data.QueryId);
    }

    [Theory, OnBothStores]
    public async Task What_was_ended_late_is_kept_from_its_end(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
        await AppendAsync(store, practice.IntegratorId, 1);
        var (deliveries, retention) = (new DeliveryStore(store.Database, store.Time), new EventRetention(store.Database));
        var happened = store.Now;
        store.Time.Advance(TimeSpan.FromHours(2));
        await deliveries.EndAttemptAsync((await deliveries.TakeAsync(webhook, 1))[0], new(new(store.Now, 5) { HttpStatus = 200 }, WebhookDeliveryStatus.Delivered, null, TimeSpan.Zero));
        Assert.Equal(1, await retention.ForgetAsync(happened));
        Assert.Single(await deliveries.ListAsync(practice.IntegratorId, null, null, null, 10));
        Assert.Equal(1, await retention.ForgetAsync(store.Now));
    }

    [Theory, OnBothStores]
    public async Task Nothing_is_left_waiting_for_a_webhook_that_is_disabled_while_events_are_written(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhooks = new WebhookStore(store.Database, store.Keys, store.Time);
        var webhook = (await webhooks.FindAsync(practice.IntegratorId, await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted)))!;
        await Parallel.ForAsync(0, 40, async (i, _) =>
        {
            if (i % 4 == 0)
                await webhooks.ReplaceAsync(webhook with { Enabled = i % 8 == 0 });
            else
                await AppendAsync(store, practice.IntegratorId, 2);
        });
        await webhooks.ReplaceAsync(webhook with { Enabled = false });
        await AppendAsync(store, practice.IntegratorId, 2);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM webhook_deliveries WHERE status = 'pending'"));
        Assert.Empty(await new DeliveryStore(store.Database, store.Time).PendingAsync(null));
        Assert.Null(await webhooks.FindListeningAsync(webhook.Id));
    }

    [Theory, OnBothStores]
    public async Task An_integrator_that_is_disabled_is_told_nothing_and_one_that_is_removed_leaves_no_delivery(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var webhook = await AddWebhookAsync(store, practice.IntegratorId, EventTypes.QueryCompleted);
        await AppendAsync(store, practice.IntegratorId, 1);
        await store.RunAsync("UPDATE integrators SET enabled = @no WHERE id = @id", ("no", false), ("id", practice.IntegratorId));
        await AppendAsync(store, practice.IntegratorId, 1);
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM webhook_deliveries"));
        Assert.Null(await new WebhookStore(store.Database, store.Keys, store.Time).FindListeningAsync(webhook));
        await store.RunAsync("DELETE FROM integrators WHERE id = @id", ("id", practice.IntegratorId));
        await AppendAsync(store, practice.IntegratorId, 1);
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM webhook_deliveries"));
    }

    static Task<List<StoredEvent>> ReadAsync(TestStore store, Guid integratorId) => new EventReader(store.Database).AfterAsync(integratorId, 0);

    static Task<int> AppendAsync(TestStore store, Guid integratorId, int count) => store.Database.WriteAsync(async t =>
    {
        await EventLog.AppendAsync(t, [.. Enumerable.Range(0, count).Select(_ => new NewEvent(integratorId, EventTypes.QueryCompleted, null, new()))], store.Now.Ms());
        return 0;
    });

    static async Task<Guid> AddWebhookAsync(TestStore store, Guid integratorId, params string[] types)
    {
        var made = await new WebhookStore(store.Database, store.Keys, store.Time).AddAsync(
            new() { Id = Guid.NewGuid(), IntegratorId = integratorId, Url = "https://example.com", Types = types, Style = WebhookStyle.Halo, Enabled = true }, 100);
        return made!.Id;
    }
}
