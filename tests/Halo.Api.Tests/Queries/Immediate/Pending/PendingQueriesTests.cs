using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Ledger;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

public class PendingQueriesTests(SharedPostgres postgres)
{
    const string Executing = "status = 'executing'", Successful = "status = 'successful'";

    [Theory, OnBothStores]
    public async Task An_accept_waits_for_its_end_and_the_two_are_written_once(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var query = world.Accept();
        Assert.Equal(0, await world.CountAsync());
        Assert.True((await world.Pending.SettleAsync(query, world.Done()))!.Moved);
        Assert.Equal((1, 1), (await world.CountAsync(), await world.CountAsync(Successful)));
        Assert.NotNull((await query.Answer).End);
        world.Pending.Leave(query);
        Assert.Null(world.Pending.Find(query.QueryId));
    }

    [Theory, OnBothStores]
    public async Task What_is_still_open_after_some_milliseconds_is_written_by_one_sweep(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var queries = Enumerable.Range(0, 250).Select(_ => world.Send()).ToList();
        queries.ForEach(world.Pending.AcceptLater);
        world.Store.Time.Advance(PendingQueries.HeldFor - TimeSpan.FromMilliseconds(1));
        Assert.Equal(0, await world.CountAsync());
        world.Store.Time.Advance(TimeSpan.FromMilliseconds(1));
        await Eventually.BecomesAsync(() => world.CountAsync(Executing), rows => rows == 250);
        Assert.True((await world.Pending.SettleAsync(queries[7], world.Done()))!.Moved);
        Assert.Equal((250, 1), (await world.CountAsync(), await world.CountAsync(Successful)));
    }

    [Theory, OnBothStores]
    public async Task An_accept_outlives_its_caller_until_it_is_written(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var query = world.Accept();
        world.Pending.Leave(query);
        Assert.Same(query, world.Pending.Find(query.QueryId));
        world.Store.Time.Advance(PendingQueries.HeldFor);
        await Eventually.BecomesAsync(() => world.CountAsync(Executing), rows => rows == 1);
        await Eventually.BecomesAsync(() => Task.FromResult(world.Pending.Find(query.QueryId)), found => found is null);
    }

    [Theory, OnBothStores]
    public async Task What_the_store_refused_is_kept_and_written_when_it_is_back(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        await world.TakeStoreAwayAsync();
        var (sent, ended) = (world.Accept(), world.Accept());
        await Assert.ThrowsAnyAsync<Exception>(() => world.Pending.SettleAsync(ended, world.Done()));
        // What the service says later than the Link does not count, nor is it lost that the Link's word was first.
        await Assert.ThrowsAnyAsync<Exception>(() => world.Pending.SettleAsync(ended, ImmediateSettlements.LinkLost));
        await Assert.ThrowsAnyAsync<Exception>(() => world.Pending.FlushAsync(_ => true));
        world.Pending.Leave(sent);
        world.Pending.Leave(ended);
        Assert.Equal(2, world.Pending.Refused);

        await world.BringStoreBackAsync();
        await Eventually.BecomesAsync(() =>
        {
            world.Store.Time.Advance(TimeSpan.FromSeconds(1));
            return world.CountAsync();
        }, rows => rows == 2);
        Assert.Equal((1, 1), (await world.CountAsync(Executing), await world.CountAsync(Successful)));
        await Eventually.BecomesAsync(() => Task.FromResult((world.Pending.Refused, world.Pending.Find(sent.QueryId), world.Pending.Find(ended.QueryId))), left => left is (0, null, null));
    }

    [Theory, OnBothStores]
    public async Task An_accept_that_could_not_be_written_until_its_deadline_ends_as_of_unknown_fate(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        await world.TakeStoreAwayAsync();
        var query = world.Accept();
        await Assert.ThrowsAnyAsync<Exception>(() => world.Pending.FlushAsync(_ => true));
        world.Pending.Leave(query);
        world.Store.Time.Advance(TimeSpan.FromMinutes(3));
        await world.BringStoreBackAsync();
        await world.Pending.FlushAsync(_ => true);
        Assert.Single(await world.Store.Ledger.DueAsync(world.Store.Now));
        var found = await world.Practice.FindAsync(query.QueryId);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.NoAnswer), (found.Status, found.Executed, found.FailureCode));
    }

    [Theory, OnBothStores]
    public async Task A_flush_writes_what_is_open_and_leaves_alone_what_its_sender_writes_first(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var open = world.Accept();
        var writing = world.Send();
        await world.Pending.FlushAsync(_ => true);
        Assert.Equal([open.QueryId], await world.IdsAsync());
        Assert.True(await world.Pending.TryAcceptAsync(writing, null));
        Assert.Equal(2, await world.CountAsync(Executing));
        Assert.False(await world.Pending.TryAcceptAsync(world.Send(), (_, _) => Task.FromResult(false)));
        Assert.Equal(2, await world.CountAsync());
    }

    [Theory, OnBothStores]
    public async Task One_that_never_left_is_recorded_so_where_its_accept_was_stored_after_all(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        foreach (var isStored in (bool[])[false, true])
        {
            var query = world.Send();
            if (isStored)
                await world.Store.Ledger.RecordSentAsync(query.Sent);
            Assert.Equal(isStored, (await world.Pending.SettleAsync(query, ImmediateSettlements.NeverSent))!.Moved);
            Assert.Equal(isStored ? 1 : 0, await world.CountAsync("status = 'executionFailed' AND executed = 'no'"));
        }
    }

    [Fact]
    public async Task What_a_Link_says_and_no_store_can_hold_is_left_out_and_its_end_recorded()
    {
        // PostgreSQL has no place for a zero in a text.
        await using var world = await World.CreateAsync(StoreKind.Postgres, postgres);
        var query = world.Accept();
        var told = new Outcome(Ending.Failed, Executed.Yes) { Error = new("evil\0", 1, "no matter") };
        Assert.True((await world.Pending.SettleAsync(query, ImmediateSettlements.From(told, world.Store.Now)))!.Moved);
        // Its caller hears what the record says.
        Assert.Equal((Executed.Yes, FailureCodes.LinkError), (await query.Answer).End is { } answered ? (answered.Executed!.Value, answered.Error!.Code) : default);
        Assert.Equal(0, world.Pending.Refused);
        var found = await world.Practice.FindAsync(query.QueryId);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Yes, FailureCodes.LinkError), (found.Status, found.Executed, found.FailureCode));
    }

    [Theory, OnBothStores]
    public async Task What_is_open_is_written_when_the_service_stops_and_the_sweep_with_it(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        world.Accept();
        await world.Pending.DisposeAsync();
        Assert.Equal(1, await world.CountAsync(Executing));
        world.Accept();
        world.Store.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await world.CountAsync());
    }

    [Theory, OnBothStores]
    public async Task Ends_sweeps_and_flushes_at_once_leave_each_query_one_end(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var moved = 0;
        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => world.Accept()).ToList().Select((query, i) => Task.Run(async () =>
        {
            var ends = Enumerable.Range(0, 3).Select(n => world.Pending.SettleAsync(query, n == i % 3 ? world.Done() : ImmediateSettlements.LinkLost)).ToList();
            if (i % 5 == 0)
                world.Store.Time.Advance(PendingQueries.HeldFor);
            if (i % 7 == 0)
                await world.Pending.FlushAsync(q => ReferenceEquals(q, query));
            Interlocked.Add(ref moved, (await Task.WhenAll(ends)).Count(r => r is { Moved: true }));
        })));
        Assert.Equal((200, 200), (moved, await world.CountAsync("completed_at IS NOT NULL")));
    }

    [Theory, OnBothStores]
    public async Task The_deadline_of_a_query_is_watched_once_its_accept_is_written(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        await world.Deadlines.StartAsync(TestContext.Current.CancellationToken);
        world.Accept();
        Assert.True(await world.Pending.TryAcceptAsync(world.Send(), null));
        Assert.True(await world.Pending.TryAcceptAsync(world.Send(), (_, _) => Task.FromResult(true)));
        await world.Pending.FlushAsync(_ => true);
        Assert.Equal(3, await world.CountAsync(Executing));
        world.Store.Time.Advance(TimeSpan.FromMinutes(2));
        await Eventually.BecomesAsync(() =>
        {
            // Its timer may be set on another thread after the clock has moved.
            world.Store.Time.Advance(TimeSpan.FromMilliseconds(1));
            return world.CountAsync("status = 'executionFailed' AND executed = 'unknown'");
        }, rows => rows == 3);
    }

    [Theory, OnBothStores]
    public async Task A_deadline_does_not_end_a_query_whose_end_is_known_and_which_the_store_did_not_take(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        await world.Deadlines.StartAsync(TestContext.Current.CancellationToken);
        var (told, silent) = (world.Send(), world.Send());
        Assert.True(await world.Pending.TryAcceptAsync(told, null));
        Assert.True(await world.Pending.TryAcceptAsync(silent, null));
        // The group commit fails while units of work go through, as in the moment when a store comes back.
        world.Database.OnCommit = _ => Task.FromException<int>(new StorageException("away"));
        await Assert.ThrowsAnyAsync<StorageException>(() => world.Pending.SettleAsync(told, world.Done()));
        world.Store.Time.Advance(TimeSpan.FromMinutes(2));
        await BecomesAsync(silent, QueryStatus.ExecutionFailed);
        Assert.Equal(QueryStatus.Executing, await world.Practice.StatusAsync(told.QueryId));

        world.Database.OnCommit = null;
        await BecomesAsync(told, QueryStatus.Successful);
        Assert.NotNull((await told.Answer).End);

        Task BecomesAsync(PendingQuery query, QueryStatus status) => Eventually.BecomesAsync(() =>
        {
            // Timers may be set on another thread after the clock has moved.
            world.Store.Time.Advance(TimeSpan.FromMilliseconds(100));
            return world.Practice.StatusAsync(query.QueryId);
        }, now => now == status);
    }

    [Theory, OnBothStores]
    public async Task An_accept_that_fails_after_its_end_was_taken_does_not_count_as_refused(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var accept = new TaskCompletionSource<int>();
        world.Database.OnCommit = _ => accept.Task;
        var query = world.Send();
        var accepting = world.Pending.AcceptNowAsync(query);
        world.Database.OnCommit = null;
        Assert.True((await world.Pending.SettleAsync(query, world.Done()))!.Moved);
        accept.SetException(new StorageException("away"));
        await Assert.ThrowsAsync<StorageException>(() => accepting);
        Assert.Equal(0, world.Pending.Refused);
    }

    [Theory, OnBothStores]
    public async Task An_end_that_comes_as_its_caller_leaves_is_found_until_the_store_has_it(StoreKind kind)
    {
        await using var world = await World.CreateAsync(kind, postgres);
        var query = world.Send();
        Assert.True(await world.Pending.TryAcceptAsync(query, null));
        // Between the look for the query and its end.
        world.Pending.Leave(query);
        world.Database.OnCommit = _ => Task.FromException<int>(new StorageException("away"));
        await Assert.ThrowsAsync<StorageException>(() => world.Pending.SettleAsync(query, world.Done()));
        world.Database.OnCommit = null;
        await world.Pending.FlushAsync(_ => true);
        Assert.Equal(QueryStatus.Successful, await world.Practice.StatusAsync(query.QueryId));
        Assert.Null(world.Pending.Find(query.QueryId));
        // Told again, it is not kept again.
        await world.Pending.SettleAsync(query, world.Done());
        Assert.Null(world.Pending.Find(query.QueryId));
    }

    [Fact]
    public async Task Rows_that_come_after_the_end_was_told_change_nothing_of_the_answer()
    {
        await using var world = await World.CreateAsync(StoreKind.Sqlite, postgres);
        var query = world.Accept();
        query.Add("""[{"n":1}]"""u8, bound: 1000, window: 1000);
        await world.Pending.SettleAsync(query, world.Done());
        var (end, _) = await query.Answer;
        query.Add("""[{"n":2}]"""u8, bound: 1000, window: 1000);
        using var answer = ImmediateAnswer.Of(query.Sent.Query, query.Sent.At, end!, query);
        query.Add("""[{"n":3}]"""u8, bound: 1000, window: 1000);
        Assert.Equal(200, answer.Status);
        Assert.Equal("""[{"n":1}]"""u8, Assert.Single(answer.Rows!).AsSpan());
    }

    /// <summary>A Link's queries over a real store, by a clock of the test's own.</summary>
    sealed class World : IAsyncDisposable
    {
        readonly ResultMemoryBudget _memory = new(new QueryLimits());

        World(TestStore store, Practice practice)
        {
            (Store, Practice, Database) = (store, practice, new(store.Database));
            var ledger = new TestLedger(Database, store.Keys, store.Pages, new(), store.Time);
            Deadlines = new(ledger.Deadlines, ledger.Effects.ApplyAsync, store.Time, NullLogger<DeadlineWatch>.Instance, withhold: () => Pending!.FlushEndsAsync());
            Pending = new(ledger.Immediate, ledger.Effects, Deadlines, store.Time, NullLogger<PendingQueries>.Instance);
        }

        public TestStore Store { get; }

        public Practice Practice { get; }

        /// <summary>The store as the queries see it.</summary>
        public HookedDatabase Database { get; }

        /// <summary>Not started, but where a test does so.</summary>
        public DeadlineWatch Deadlines { get; }

        public PendingQueries Pending { get; }

        public static async Task<World> CreateAsync(StoreKind kind, SharedPostgres postgres)
        {
            var store = await TestStore.CreateAsync(kind, postgres);
            return new(store, await Practice.CreateAsync(store));
        }

        public PendingQuery Send()
        {
            var session = new LinkSession(Practice.Session.SessionId, Practice.LinkId, Practice.Session.RunId, null!, [Practice.SiteId]) { Intake = new SessionIntake(Store.Time) };
            var share = _memory.EnterAsync(grows: false, _ => { }, default).Result!;
            var query = new PendingQuery(Practice.Sent(Practice.New(QueryMode.Immediate)), session, share);
            Pending.Add(query);
            return query;
        }

        public PendingQuery Accept()
        {
            var query = Send();
            Pending.AcceptLater(query);
            return query;
        }

        public Settlement Done() => ImmediateSettlements.From(new(Ending.Successful, Executed.Yes) { Rows = 1, Size = 9 }, Store.Now);

        public Task<long> CountAsync(string which = "TRUE") => Store.CountAsync($"SELECT COUNT(*) FROM queries WHERE {which}");

        public async Task<List<Guid>> IdsAsync() => [.. (await Store.Ledger.ListAsync(new(Practice.IntegratorId, Practice.SiteId, 100))).Select(q => q.Id)];

        public Task TakeStoreAwayAsync() => Store.RunAsync("ALTER TABLE queries RENAME TO taken_away");

        public Task BringStoreBackAsync() => Store.RunAsync("ALTER TABLE taken_away RENAME TO queries");

        public async ValueTask DisposeAsync()
        {
            await Pending.DisposeAsync();
            await Deadlines.DisposeAsync();
            await Store.DisposeAsync();
        }
    }
}
