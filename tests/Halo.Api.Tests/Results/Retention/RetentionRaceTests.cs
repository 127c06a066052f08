using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Results.Retention;

public class RetentionRaceTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task What_ends_while_a_round_has_already_looked_goes_at_its_time_all_the_same(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var claim = await practice.AcceptAndClaimAsync();
        var time = new HookedTime(store.Time);
        var results = new ResultOptions { RetentionHours = 2 };
        var orphans = new OrphanedPages(store.Ledger.Manifest, store.Pages, NullLogger<OrphanedPages>.Instance);
        await using var watch = new RetentionWatch(store.Ledger.Retention, new(store.Database), new(store.Database), new(store.Database), new(store.Database), new(), store.Pages, new IdempotencyStore(store.Database, store.Keys, new(), store.Time),
            new AuditLog(store.Database, store.Time), orphans, results, new(), time, NullLogger<RetentionWatch>.Instance);
        // The last thing that a round does is to ask for the time, after it has looked at all there is: it finds nothing that is kept.
        time.OnCall(3, () => store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link)
        {
            Executed = Executed.No,
            Error = new ErrorDetails(ErrorTypes.SqlServer, 2627, "a detail"),
        }).GetAwaiter().GetResult());
        await watch.StartAsync(TestContext.Current.CancellationToken);
        await Until.TrueAsync(() => Task.FromResult(time.Hooked.IsCompleted));
        Assert.True((await practice.FindAsync(claim.QueryId)).IsKept);
        store.Time.Advance(TimeSpan.FromHours(2));
        await Until.TrueAsync(async () =>
        {
            // The watch sets its timer on a thread of its own; at most a minute is put together.
            if (store.Time.GetElapsedTime(0) < TimeSpan.FromHours(2.1))
                store.Time.Advance(TimeSpan.FromSeconds(1));
            return !(await practice.FindAsync(claim.QueryId)).IsKept;
        });
    }

    /// <summary>A clock that does something the n-th time that it is asked.</summary>
    sealed class HookedTime(ManualTime time) : TimeProvider
    {
        readonly TaskCompletionSource _hooked = new();
        Action? _hook;
        int _left;

        public Task Hooked => _hooked.Task;

        public override long TimestampFrequency => time.TimestampFrequency;

        public void OnCall(int number, Action hook) => (_left, _hook) = (number, hook);

        public override DateTimeOffset GetUtcNow()
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _hook!();
                _hooked.SetResult();
            }
            return time.GetUtcNow();
        }

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            time.CreateTimer(callback, state, dueTime, period);
    }
}
