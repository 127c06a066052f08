using Dapper;
using Halo.Api.Queries.Ledger;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Queries.Ledger;

public class ImmediateTests(SharedPostgres postgres)
{
    static readonly ErrorDetails Refused = new(ErrorTypes.Postgres, 0, "relation \"secrets\" does not exist") { SqlState = "42P01" };

    static Settlement Done => new(QueryStatus.Successful, Mover.Link)
    {
        Rows = 2,
        Size = 57,
        ResultSets = 1,
        Timings = new(1.5, 2.5, 0.25),
        Parameters = [new("@out", ParameterDirection.Output, SqlType.Int, "5", 4)],
    };

    [Theory, OnBothStores]
    public async Task A_sent_query_is_executing_and_then_what_its_outcome_says(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.SendAsync();
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(query.Id));
        store.Time.Advance(TimeSpan.FromMilliseconds(7));

        Assert.Equal(new MoveResult(true, QueryStatus.Successful) { Moved = true, At = store.Time.GetUtcNow() }, await store.Ledger.SettleImmediateAsync(query.Id, Done));

        var view = QueryView.Of(await practice.FindAsync(query.Id));
        Assert.Equal((QueryMode.Immediate, QueryStatus.Successful, 57L, 2L), (view.Mode, view.Status, view.ResultSize, view.Result!.Rows));
        Assert.Equal((2, 1, 0), (view.Metrics!.SqlExecutionDuration, view.Metrics.LinkDuration, view.Metrics.EncodeDuration));
        Assert.Equal("5", Assert.Single(view.Result.Parameters!).Value);
        Assert.Equal(query.CreatedAt, view.StatusTiming.Initialising!.StartTime);
        Assert.Equal(new Period(query.CreatedAt, view.CompletedAt), view.StatusTiming.Executing);
        Assert.Equal(TimeSpan.FromMilliseconds(7), view.CompletedAt - query.CreatedAt);
        Assert.Null(view.Executed);
        Assert.Null(view.Result.Pages);
    }

    [Theory, OnBothStores]
    public async Task A_repeated_outcome_is_accepted_and_another_one_changes_nothing(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.SendAsync();
        await store.Ledger.SettleImmediateAsync(query.Id, Done);

        Assert.Equal(new(true, QueryStatus.Successful), await store.Ledger.SettleImmediateAsync(query.Id, Done));
        Assert.Equal(new(false, QueryStatus.Successful), await store.Ledger.SettleImmediateAsync(query.Id,
            new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No, Error = Refused }));
        Assert.Equal(new(false, null), await store.Ledger.SettleImmediateAsync(store.NewId(), Done));
        Assert.Equal(2, (await practice.FindAsync(query.Id)).Rows);
    }

    [Theory, OnBothStores]
    public async Task Accept_and_outcome_given_at_once_are_written_in_their_order(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var work = Enumerable.Range(0, 200).Select(_ => practice.New(QueryMode.Immediate)).Select(q =>
        {
            var sent = store.Ledger.RecordSent(q, practice.Session, store.Now, store.Now.AddMinutes(1)).Recorded;
            return (sent, settled: store.Ledger.SettleImmediateAsync(q.Id, Done));
        }).ToList();
        await Task.WhenAll(work.Select(w => w.sent));
        Assert.All(await Task.WhenAll(work.Select(w => w.settled)), r => Assert.True(r.Moved));
    }

    [Theory, OnBothStores]
    public async Task An_end_that_joins_its_accept_leaves_the_same_record_as_one_that_follows_it(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        foreach (var end in (Settlement[])[Done, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.Unknown, Error = Refused, UploadMs = 2 },
            new(QueryStatus.ExpiredInQueue, Mover.Link) { Executed = Executed.No, Error = Failures.Of(FailureCodes.QueueTimeout) }])
        {
            var first = practice.New(QueryMode.Immediate);
            var second = first with { Id = store.NewId() };
            var sent = store.Ledger.RecordSent(first, practice.Session, store.Now, store.Now.AddMinutes(1));
            var joined = await store.Ledger.SettleImmediateAsync(first.Id, end, sent);
            var late = store.Ledger.RecordSent(second, practice.Session, store.Now, store.Now.AddMinutes(1));
            await late.Recorded;
            var followed = await store.Ledger.SettleImmediateAsync(second.Id, end, late);

            Assert.Equal((true, end.Status), (joined.Moved, joined.Status));
            Assert.Equal(joined, followed);
            Assert.Equal(await ColumnsAsync(store, first.Id), await ColumnsAsync(store, second.Id));
            var (one, other) = (QueryView.Of(await practice.FindAsync(first.Id)), QueryView.Of(await practice.FindAsync(second.Id)));
            Assert.Equal(one.ErrorDetails, other.ErrorDetails);
            Assert.Equal(one.Result?.Parameters, other.Result?.Parameters);
        }

        static async Task<string> ColumnsAsync(TestStore store, Guid id)
        {
            await using var connection = await store.Database.OpenAsync();
            var row = (IDictionary<string, object?>)await connection.QuerySingleAsync("SELECT * FROM queries WHERE id = @id", new { id });
            // Sealed under keys of their own.
            return string.Join(" ", row.Where(c => c.Key is not ("id" or "wrapped_key" or "detail")).Select(c => $"{c.Key}={c.Value}"));
        }
    }

    [Theory, OnBothStores]
    public async Task An_end_whose_accept_has_failed_or_fails_meanwhile_is_told_by_itself(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var away = new StorageException("the store was away") { NothingStored = true };
        foreach (var failsMeanwhile in (bool[])[false, true])
        {
            // Made up for by now, as Unrecorded does; the statement that failed was never taken.
            var query = await practice.SendAsync();
            var failed = new OpenStatement<QueryEnd>(_ => throw new InvalidOperationException("Nobody writes it."));
            var recorded = new TaskCompletionSource<int>();
            if (!failsMeanwhile)
                recorded.SetException(away);
            var settling = store.Ledger.SettleImmediateAsync(query.Id, Done, new(failed, recorded.Task));
            recorded.TrySetException(away);
            Assert.True((await settling).Moved);
            Assert.Equal(QueryStatus.Successful, await practice.StatusAsync(query.Id));
        }
    }

    [Theory, OnBothStores]
    public async Task A_second_end_does_not_join_and_changes_nothing(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = practice.New(QueryMode.Immediate);
        var sent = store.Ledger.RecordSent(query, practice.Session, store.Now, store.Now.AddMinutes(1));
        var first = store.Ledger.SettleImmediateAsync(query.Id, Done, sent);
        var second = store.Ledger.SettleImmediateAsync(query.Id, new(QueryStatus.ExecutionFailed, Mover.Api) { Executed = Executed.Unknown, Error = Failures.Of(FailureCodes.LinkLost) }, sent);
        Assert.True((await first).Moved);
        Assert.Equal(new(false, QueryStatus.Successful), await second);
    }

    [Theory, OnBothStores]
    public async Task A_databases_own_words_come_back_unchanged_and_stand_nowhere_in_plain(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.SendAsync();
        await store.Ledger.SettleImmediateAsync(query.Id, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No, Error = Refused });

        var view = QueryView.Of(await practice.FindAsync(query.Id));
        Assert.Equal(Refused, view.ErrorDetails);
        Assert.Equal((0, Refused.ErrorMessage, Executed.No), (view.ErrorCode, view.ErrorMessage, view.Executed));
        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE error_type = 'pgsql' AND error_code = 0 AND failure_code IS NULL AND detail IS NOT NULL"));
        if (kind == StoreKind.Sqlite)
        {
            foreach (var file in Directory.GetFiles(store.Path, "halo.db*"))
                Assert.DoesNotContain("secrets", await ReadSharedAsync(file), StringComparison.Ordinal);
        }
    }

    [Theory, OnBothStores]
    public async Task A_query_that_was_never_sent_is_final_at_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = practice.New(QueryMode.Immediate);
        await store.Ledger.RecordRefusedAsync(query,
            new(QueryStatus.InitialisationFailedSiteOffline, Mover.Api) { Executed = Executed.No, Error = Failures.Of(FailureCodes.SiteAway) });

        var view = QueryView.Of(await practice.FindAsync(query.Id));
        Assert.Equal((QueryStatus.InitialisationFailedSiteOffline, Executed.No, 503), (view.Status, view.Executed, view.ErrorCode));
        Assert.Equal(FailureCodes.SiteAway, view.ErrorDetails!.Code);
        Assert.NotNull(view.CompletedAt);
        Assert.Null(view.StatusTiming.Executing);
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Ledger.RecordRefusedAsync(practice.New(QueryMode.Immediate), Done));
    }

    [Theory, OnBothStores]
    public async Task Another_integrators_query_is_not_found(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var query = await practice.SendAsync();
        var other = await practice.AddIntegratorAsync(practice.SiteId);
        Assert.Null(await store.Ledger.FindAsync(other, practice.SiteId, query.Id));
        Assert.Null(await store.Ledger.FindAsync(practice.IntegratorId, store.NewId(), query.Id));
        var found = await store.Ledger.FindManyAsync(practice.IntegratorId, practice.SiteId, [store.NewId(), query.Id, query.Id]);
        Assert.Equal([query.Id], found.Keys);
    }

    static async Task<string> ReadSharedAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }
}
