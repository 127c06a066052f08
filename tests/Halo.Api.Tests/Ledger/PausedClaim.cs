using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Testing;

namespace Halo.Api.Tests.Ledger;

/// <summary>A claim that has taken its query and is not committed yet.</summary>
sealed class PausedClaim : IAsyncDisposable
{
    readonly TestStore _store;
    readonly StoreKind _kind;
    readonly TaskCompletionSource _release = Signal();
    Task<IReadOnlyList<ClaimedQuery>> _claim = null!;
    Task _pause = null!;

    PausedClaim(StoreKind kind, TestStore store) => (_kind, _store) = (kind, store);

    public static async Task<PausedClaim> BeginAsync(StoreKind kind, TestStore store, Practice practice)
    {
        var paused = new PausedClaim(kind, store);
        await (kind == StoreKind.Postgres ? paused.WaitForTurnAsync(practice) : paused.ShareGroupAsync(practice));
        return paused;
    }

    /// <summary>Until both wait for the claim, or have answered without.</summary>
    public Task ReadersWaitAsync(params Task[] readers) => _kind == StoreKind.Sqlite
        ? Task.CompletedTask
        : Eventually.BecomesAsync(async () => readers.Count(r => r.IsCompleted) + await WaitingAsync() - 1, waiting => waiting >= readers.Length);

    public async Task<IReadOnlyList<ClaimedQuery>> EndAsync()
    {
        _release.TrySetResult();
        await _pause;
        return await _claim;
    }

    public async ValueTask DisposeAsync() => await EndAsync();

    /// <summary>PostgreSQL: somebody holds the row of the integrator's turn, which a claim writes after it has taken its query.</summary>
    async Task WaitForTurnAsync(Practice practice)
    {
        var holds = Signal();
        _pause = _store.Database.WriteAsync(async t =>
        {
            await t.ReadAsync(r => r.GetInt64(0), "SELECT served_number FROM site_turns FOR UPDATE");
            holds.SetResult();
            await _release.Task;
            return 0;
        });
        await holds.Task;
        _claim = _store.Ledger.ClaimAsync(practice.Session, 1);
        await Eventually.BecomesAsync(WaitingAsync, waiting => waiting > 0);
    }

    /// <summary>SQLite: the claim is in one group with a unit that takes its time.</summary>
    async Task ShareGroupAsync(Practice practice)
    {
        var (begun, gathered, holds) = (Signal(), Signal(), Signal());
        var before = HoldAsync(begun, gathered.Task);
        await begun.Task;
        _claim = _store.Ledger.ClaimAsync(practice.Session, 1);
        _pause = HoldAsync(holds, _release.Task);
        gathered.SetResult();
        await before;
        await holds.Task;
    }

    Task<int> HoldAsync(TaskCompletionSource holds, Task until) => _store.Database.WriteAsync(t =>
    {
        holds.SetResult();
        until.Wait();
        return Task.FromResult(0);
    });

    /// <summary>Its waiters go on elsewhere, and not on the writer's thread.</summary>
    static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    Task<long> WaitingAsync() => _store.CountAsync("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
}
