using System.Collections.Concurrent;
using FsCheck;
using FsCheck.Fluent;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Ledger;

public class RandomMovesTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Whatever_happens_at_once_each_query_becomes_final_once_and_stays_so(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        // Each run: some queries, and four callers that do a random list of things to random ones of them.
        Prop.ForAll(Gen.ListOf(Gen.Zip(Gen.Choose(0, 4), Gen.Choose(0, 9)), 60).ToArbitrary(), steps =>
        {
            RunAsync(store, practice, [.. steps]).GetAwaiter().GetResult();
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(12));
    }

    static async Task RunAsync(TestStore store, Practice practice, (int Query, int Act)[] steps)
    {
        var queries = new List<Guid>();
        for (var i = 0; i < 5; i++)
            queries.Add((await practice.AcceptAsync()).Id);
        var claims = new ConcurrentDictionary<Guid, Guid>();
        var ended = new ConcurrentQueue<(Guid Query, QueryStatus Status)>();

        await Parallel.ForEachAsync(steps, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (step, _) =>
            await ActAsync(store, practice, claims, ended, queries[step.Query], step.Act));

        // What is left ends at its deadline, wherever it stands.
        store.Time.Advance(TimeSpan.FromHours(3));
        while (await store.Ledger.DueAsync(store.Now) is { Count: > 0 } due)
        {
            foreach (var one in due)
                ended.Enqueue((one.QueryId, one.Status));
        }
        foreach (var id in queries)
        {
            var end = Assert.Single(ended, e => e.Query == id);
            var found = await practice.FindAsync(id);
            Assert.Equal(end.Status, found.Status);
            Assert.Equal(end.Status == QueryStatus.Successful, found.Executed is null);
            Assert.True(found.Status == QueryStatus.Successful || found.Pages.Count == 0, "Pages outlived their query.");
        }
    }

    static async Task ActAsync(
        TestStore store, Practice practice, ConcurrentDictionary<Guid, Guid> claims, ConcurrentQueue<(Guid, QueryStatus)> ended, Guid id, int act)
    {
        var ledger = store.Ledger;
        var claim = claims.GetValueOrDefault(id);
        var digest = Convert.ToBase64String(new byte[32]);
        var complete = new Report(claim, ReportKind.Complete) { PageCount = 1, Rows = 1, Digest = Manifest.DigestOf([digest]) };
        switch (act)
        {
            case 0 or 1:
                foreach (var claimed in await ledger.ClaimAsync(practice.Session, 2))
                    claims[claimed.QueryId] = claimed.ClaimId;
                break;
            case 2:
                await ledger.UploadingAsync(id, claim, complete with { Kind = ReportKind.Uploading });
                break;
            case 3:
                await ledger.AddPageAsync(claim, new(id, 1, 0, 1, 2, 2, digest));
                break;
            case 4:
                await EndAsync(ledger.CompleteAsync(id, claim, complete));
                break;
            case 5:
                await EndAsync(ledger.SettleClaimAsync(id, claim, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No }));
                break;
            case 6:
                await EndAsync(ledger.SettleClaimAsync(id, claim, new(QueryStatus.Cancelled, Mover.Link) { Executed = Executed.Yes }));
                break;
            case 7:
                await ledger.HandBackAsync(id, claim);
                break;
            case 8:
                foreach (var one in (await ledger.SettleHelloAsync(practice.Session,
                    [.. claims.Select(c => new HeldClaim(c.Key, c.Value, 0, ClaimPhase.Executing))], 0, [])).Settled)
                    ended.Enqueue((one.QueryId, one.Status));
                break;
            default:
                foreach (var one in await store.Database.WriteAsync(t => ledger.Cancellations.CancelQueuedAsync(t, practice.SiteId, practice.IntegratorId)))
                    ended.Enqueue((one.QueryId, one.Status));
                break;
        }

        async Task EndAsync(Task<MoveResult> move)
        {
            var result = await move;
            if (result is { Moved: true, Status: { } status })
                ended.Enqueue((id, status));
        }
    }
}
