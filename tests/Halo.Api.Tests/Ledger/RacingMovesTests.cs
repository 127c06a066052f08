using System.Collections.Concurrent;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Ledger;

/// <summary>Everybody who may move a query does so at once, with the same queries, while others look.</summary>
public class RacingMovesTests(SharedPostgres postgres, ITestOutputHelper output)
{
    const int Queries = 12, Movers = 10, MovesEach = 60;
    static readonly string Digest = Convert.ToBase64String(new byte[32]);

    [Theory, OnBothStores]
    public async Task Of_many_moves_at_once_one_wins_each_query_ends_once_and_nobody_sees_it_come_back(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        for (var round = 0; round < 4; round++)
        {
            var seed = Random.Shared.Next();
            output.WriteLine($"{kind}, round {round}: seed {seed}");
            await new Race(store, practice, seed).RunAsync();
        }
    }

    sealed class Race(TestStore store, Practice practice, int seed)
    {
        readonly List<Guid> _queries = [];
        readonly ConcurrentDictionary<Guid, ConcurrentQueue<Guid>> _claims = new();
        readonly ConcurrentQueue<long> _numbers = [];
        readonly ConcurrentQueue<(Guid Query, QueryStatus Status)> _ended = [];
        readonly ConcurrentQueue<Guid> _told = [];
        readonly ConcurrentQueue<Guid> _requeued = [];
        readonly ConcurrentQueue<string> _backwards = [];

        public async Task RunAsync()
        {
            for (var i = 0; i < Queries; i++)
            {
                var query = await practice.AcceptAsync();
                _queries.Add(query.Id);
                _claims[query.Id] = [];
            }
            store.Ledger.Settled += _told.Enqueue;
            using var over = new CancellationTokenSource();
            var watching = Task.Run(() => WatchAsync(over.Token));
            await Task.WhenAll(Enumerable.Range(0, Movers).Select(n => Task.Run(() => MoveAsync(new Random(seed + n)))));
            store.Time.Advance(TimeSpan.FromHours(3));
            await SettleDueAsync();
            await over.CancelAsync();
            await watching;
            store.Ledger.Settled -= _told.Enqueue;
            Assert.True(_backwards.IsEmpty, $"Seed {seed}: {string.Join("; ", _backwards)}");
            Assert.Equal(_numbers.Count, _numbers.Distinct().Count());
            foreach (var id in _queries)
            {
                // Everybody who waits is told once; who moved it knows to what, unless a reader found that its time was over.
                Assert.True(_told.Count(t => t == id) == 1, $"Seed {seed}: the end of {id} was told {_told.Count(t => t == id)} times.");
                var ends = _ended.Where(e => e.Query == id).Select(e => e.Status).ToList();
                var found = await practice.FindAsync(id);
                Assert.True(ends.Count == 0 ? found.Status == QueryStatus.ExpiredInQueue : ends.Count == 1 && ends[0] == found.Status,
                    $"Seed {seed}: {id} is {found.Status}, and ended as {string.Join(", ", ends)}");
                Assert.Equal(found.Status == QueryStatus.Successful, found.Executed is null);
                Assert.True(found.Status == QueryStatus.Successful || found.Pages.Count == 0, $"Seed {seed}: pages outlived {id}.");
                // It is given out again only after it was handed back, or its claim was lost.
                Assert.InRange(_claims[id].Count, 0, 1 + _requeued.Count(h => h == id));
            }
            var ids = string.Join(", ", _queries.Select(q => $"'{q.ToString().ToUpperInvariant()}'"));
            Assert.Equal(0, await store.CountAsync($"SELECT COUNT(*) FROM query_commands WHERE query_id IN ({ids})"));
        }

        async Task MoveAsync(Random random)
        {
            for (var i = 0; i < MovesEach; i++)
                await ActAsync(random, _queries[random.Next(Queries)]);
        }

        async Task ActAsync(Random random, Guid id)
        {
            var ledger = store.Ledger;
            var claim = _claims[id].LastOrDefault();
            var complete = new Report(claim, ReportKind.Complete) { PageCount = 1, Rows = 1, Digest = Manifest.DigestOf([Digest]) };
            switch (random.Next(24))
            {
                case < 6:
                    foreach (var claimed in await ledger.ClaimAsync(practice.Session, random.Next(1, 4)))
                    {
                        _claims[claimed.QueryId].Enqueue(claimed.ClaimId);
                        _numbers.Enqueue(claimed.Number);
                    }
                    break;
                case < 9:
                    await ledger.UploadingAsync(id, claim, complete with { Kind = ReportKind.Uploading });
                    break;
                case < 12:
                    await ledger.AddPageAsync(claim, new(id, 1, 0, 1, 2, 2, Digest));
                    break;
                case < 15:
                    await EndAsync(id, ledger.CompleteAsync(id, claim, complete));
                    break;
                case 15:
                    await EndAsync(id, ledger.SettleClaimAsync(id, claim, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No }));
                    break;
                case 16:
                    await EndAsync(id, ledger.SettleClaimAsync(id, claim, new(QueryStatus.Cancelled, Mover.Link) { Executed = Executed.Yes }));
                    break;
                case 17 or 18:
                    // Of one that somebody asked to cancel it is the end.
                    if (await ledger.HandBackAsync(id, claim) is { Moved: true } back)
                    {
                        if (back.Status == QueryStatus.Queued)
                            _requeued.Enqueue(id);
                        else
                            _ended.Enqueue((id, back.Status!.Value));
                    }
                    break;
                case 19:
                    if (await ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, id) is { Status: QueryStatus.Cancelled, WasFinal: false })
                        _ended.Enqueue((id, QueryStatus.Cancelled));
                    break;
                case 20:
                    var cancelled = await store.Database.WriteAsync(t => ledger.Cancellations.CancelQueuedAsync(t, practice.SiteId, practice.IntegratorId));
                    Ended(cancelled);
                    await ledger.Effects.ApplyAsync(cancelled);
                    break;
                case 21:
                    store.Time.Advance(TimeSpan.FromSeconds(random.Next(40)));
                    await SettleDueAsync();
                    break;
                case 22:
                    // The same run comes back with some of its claims.
                    var hello = await ledger.SettleHelloAsync(practice.Session,
                        [.. _claims.Where(c => !c.Value.IsEmpty && random.Next(4) > 0).Select(c => new HeldClaim(c.Key, c.Value.Last(), 0, ClaimPhase.Executing))], long.MaxValue / 2, []);
                    Ended(hello.Settled);
                    foreach (var query in hello.Requeued)
                        _requeued.Enqueue(query.QueryId);
                    break;
                default:
                    Assert.NotNull(await practice.FindAsync(id));
                    break;
            }
        }

        async Task EndAsync(Guid id, Task<MoveResult> move)
        {
            if (await move is { Moved: true, Status: { } status } && QueryLifecycle.IsFinal(status))
                _ended.Enqueue((id, status));
        }

        void Ended(IEnumerable<SettledQuery> settled)
        {
            foreach (var query in settled)
                _ended.Enqueue((query.QueryId, query.Status));
        }

        async Task SettleDueAsync()
        {
            while (await store.Ledger.DueAsync(store.Now) is { Count: > 0 } due)
                Ended(due);
        }

        /// <summary>What a reader sees never goes back from a final state, nor from uploading to anything before it.</summary>
        async Task WatchAsync(CancellationToken over)
        {
            var seen = _queries.ToDictionary(q => q, _ => QueryStatus.Queued);
            while (!over.IsCancellationRequested)
            {
                foreach (var record in await store.Ledger.Queries.FindManyAsync(practice.IntegratorId, practice.SiteId, _queries))
                {
                    var (id, before, now) = (record.Id, seen[record.Id], record.Status);
                    if (before != now && (QueryLifecycle.IsFinal(before) || before == QueryStatus.Uploading && !QueryLifecycle.IsFinal(now)))
                        _backwards.Enqueue($"{id} went from {before} to {now}");
                    seen[id] = now;
                }
            }
        }
    }
}
