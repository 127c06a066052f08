using System.Collections.Concurrent;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Ledger;

/// <summary>A queue whose time ends while nobody is there to see it, and after.</summary>
public class ExpiryTests(SharedPostgres postgres)
{
    const int Overdue = 100_000, Later = 50;

    [Theory, OnBothStores]
    public async Task A_hundred_thousand_that_expired_during_a_downtime_end_in_steps_and_those_after_it_at_their_moment(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await QueueAsync(store, practice);
        store.Time.Advance(TimeSpan.FromMinutes(30));
        var later = new List<NewQuery>();
        for (var i = 0; i < Later; i++)
            later.Add(await practice.AcceptAsync(maxTimeInQueue: 60_000 + i * 1000));
        var sample = (await store.Database.ReadAsync(r => r.GetGuid(0), "SELECT id FROM queries WHERE max_time_in_queue = 1000 ORDER BY id DESC LIMIT 1"))[0];
        var ended = new ConcurrentDictionary<Guid, DateTimeOffset>();
        var (steps, doubles) = (0, 0);
        store.Ledger.Settled += id =>
        {
            if (!ended.TryAdd(id, store.Now))
                Interlocked.Increment(ref doubles);
        };
        // Whoever reads sees it as it is, before anybody has looked at the others.
        Assert.Equal(QueryStatus.ExpiredInQueue, await practice.StatusAsync(sample));
        Assert.Equal(sample, Assert.Single(ended).Key);

        await store.Ledger.Deadlines.AfterDowntimeAsync();
        await using var watch = new DeadlineWatch(store.Ledger.Deadlines, settled =>
        {
            Interlocked.Increment(ref steps);
            return store.Ledger.Effects.ApplyAsync(settled);
        }, store.Time, NullLogger<DeadlineWatch>.Instance);
        await watch.StartAsync(TestContext.Current.CancellationToken);
        // Other writes go between: each of these is a commit of its own, and many fit in while the steps run.
        var between = 0;
        for (; ended.Count < Overdue; between++)
            await store.RunAsync("UPDATE sites SET updated_at = @n", ("n", (long)between));
        Assert.True(between > 20, $"Only {between} other writes came through.");
        Assert.Equal((Overdue, 0), (ended.Count, doubles));
        Assert.True(steps >= Overdue / 500, $"{steps} steps");
        Assert.Equal(Overdue, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE status = 'expiredInQueue' AND executed = 'no'"));
        Assert.Equal(Later, await store.CountAsync("SELECT COUNT(*) FROM query_commands"));

        // Now each at its own moment: not before it, and without waiting for the others; half of them are looked at, the others by nobody.
        foreach (var (query, isRead) in later.Select((q, i) => (q, i % 2 == 0)))
        {
            var moment = query.CreatedAt.AddMilliseconds(query.MaxTimeInQueue);
            store.Time.Advance(moment - store.Now - TimeSpan.FromMilliseconds(1));
            Assert.Equal(QueryStatus.Queued, await practice.StatusAsync(query.Id));
            Assert.False(ended.ContainsKey(query.Id));
            store.Time.Advance(TimeSpan.FromMilliseconds(1));
            if (isRead)
                Assert.Equal(QueryStatus.ExpiredInQueue, await practice.StatusAsync(query.Id));
            // The watch sets its timer on a thread of its own.
            await Until.TrueAsync(() =>
            {
                if (!ended.ContainsKey(query.Id))
                    store.Time.Advance(TimeSpan.FromMilliseconds(1));
                return Task.FromResult(ended.ContainsKey(query.Id));
            });
            Assert.InRange(ended[query.Id] - moment, TimeSpan.Zero, TimeSpan.FromMilliseconds(999));
        }
        Assert.Equal(0, doubles);
    }

    /// <summary>As accepting them one after another would have left them.</summary>
    static async Task QueueAsync(TestStore store, Practice practice)
    {
        var first = await practice.AcceptAsync(maxTimeInQueue: 1000);
        var columns = string.Join(", ", (await store.Database.ReadAsync(r => r.GetString(0), ColumnsSql(store))).Where(c => c != "id"));
        var id = store.Database is PostgresDatabase
            ? "CAST('019a0000-0000-7000-8000-' || lpad(to_hex(n.i), 12, '0') AS uuid)"
            : "printf('019a0000-0000-7000-8000-%012x', n.i)";
        await store.RunAsync(
            $"""
            WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {Overdue})
            INSERT INTO queries (id, {columns}) SELECT {id}, {string.Join(", ", columns.Split(", ").Select(c => "q." + c))} FROM queries q, n WHERE q.id = @id
            """,
            ("id", first.Id));
        Assert.Equal(Overdue, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE status = 'queued'"));
    }

    static string ColumnsSql(TestStore store) => store.Database is PostgresDatabase
        ? "SELECT column_name FROM information_schema.columns WHERE table_name = 'queries'"
        : "SELECT name FROM pragma_table_info('queries')";
}
