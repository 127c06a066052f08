using Halo.Api.Ledger.Records;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;

namespace Halo.Api.Tests.Ledger;

public class ImmediateLedgerTests(SharedPostgres postgres)
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

        Assert.Equal(new MoveResult(true, QueryStatus.Successful) { Moved = true }, await store.Ledger.SettleImmediateAsync(query.Id, Done));

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
    public async Task Accept_and_outcome_given_at_once_make_one_row_in_whatever_order(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var work = Enumerable.Range(0, 200).Select(i => (Sent: practice.Sent(practice.New(QueryMode.Immediate)), AcceptFirst: i % 2 == 0)).Select(q =>
        {
            var accepted = q.AcceptFirst ? store.Ledger.RecordSentAsync(q.Sent) : null;
            var settled = store.Ledger.SettleImmediateAsync(q.Sent, Done);
            return (accepted: accepted ?? store.Ledger.RecordSentAsync(q.Sent), settled);
        }).ToList();
        await Task.WhenAll(work.Select(w => w.accepted));
        Assert.All(await Task.WhenAll(work.Select(w => w.settled)), r => Assert.True(r.Moved));
        Assert.Equal(200, await store.CountAsync("SELECT COUNT(*) FROM queries WHERE status = 'successful' AND deadline_at IS NULL"));
    }

    [Theory, OnBothStores]
    public async Task An_end_that_makes_its_row_leaves_the_same_record_as_one_that_follows_its_accept(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        foreach (var end in (Settlement[])[Done, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.Unknown, Error = Refused, UploadMs = 2 },
            new(QueryStatus.ExpiredInQueue, Mover.Link) { Executed = Executed.No, Error = Failure.Of(FailureCodes.QueueTimeout) }])
        {
            var alone = practice.Sent(practice.New(QueryMode.Immediate));
            var over = alone with { Query = alone.Query with { Id = store.NewId() } };
            var after = alone with { Query = alone.Query with { Id = store.NewId() } };
            var made = await store.Ledger.SettleImmediateAsync(alone, end);
            await store.Ledger.RecordSentAsync(over);
            var replaced = await store.Ledger.SettleImmediateAsync(over, end);
            await store.Ledger.RecordSentAsync(after);
            var followed = await store.Ledger.SettleImmediateAsync(after.Query.Id, end, practice.Session);

            Assert.Equal((true, end.Status), (made.Moved, made.Status));
            Assert.Equal((made, made), (replaced, followed));
            Assert.Equal(await ColumnsAsync(store, alone), await ColumnsAsync(store, over));
            Assert.Equal(await ColumnsAsync(store, alone), await ColumnsAsync(store, after));
            var (one, other) = (QueryView.Of(await practice.FindAsync(alone.Query.Id)), QueryView.Of(await practice.FindAsync(over.Query.Id)));
            Assert.Equal(one.ErrorDetails, other.ErrorDetails);
            Assert.Equal(one.Result?.Parameters, other.Result?.Parameters);
        }

        static async Task<string> ColumnsAsync(TestStore store, SentQuery sent)
        {
            var row = (await store.Database.ReadAsync(r => Enumerable.Range(0, r.FieldCount).ToDictionary(r.GetName, r.GetValue),
                "SELECT * FROM queries WHERE id = @id", ("id", sent.Query.Id))).Single();
            // Sealed under keys of their own.
            return string.Join(" ", row.Where(c => c.Key is not ("id" or "wrapped_key" or "detail")).Select(c => $"{c.Key}={c.Value}"));
        }
    }

    [Theory, OnBothStores]
    public async Task A_record_that_is_older_than_the_ledger_keeps_rows_makes_none(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var sent = practice.Sent(practice.New(QueryMode.Immediate));
        var record = SentRecord.Write(sent, store.Keys);
        store.Time.Advance(TimeSpan.FromDays(RetentionOptions.LeastLedgerDays) - TimeSpan.FromMinutes(1));
        Assert.Equal(sent.Query.SiteId, store.Ledger.Immediate.FromRecord(record, sent.Query.Id, practice.Session)!.Query.SiteId);
        store.Time.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(store.Ledger.Immediate.FromRecord(record, sent.Query.Id, practice.Session));
    }

    [Theory, OnBothStores]
    public async Task A_final_row_never_changes_whoever_ends_it_with_all_that_is_known(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var sent = practice.Sent(practice.New(QueryMode.Immediate));
        var lost = new Settlement(QueryStatus.ExecutionFailed, Mover.Api) { Executed = Executed.Unknown, Error = Failure.Of(FailureCodes.LinkLost) };
        var first = store.Ledger.SettleImmediateAsync(sent, Done);
        var second = store.Ledger.SettleImmediateAsync(sent, lost);
        Assert.True((await first).Moved);
        Assert.Equal(new(false, QueryStatus.Successful), await second);
        Assert.Equal(new(true, QueryStatus.Successful), await store.Ledger.SettleImmediateAsync(sent, Done));
        await store.Ledger.RecordSentAsync(sent);
        Assert.Equal(QueryStatus.Successful, await practice.StatusAsync(sent.Query.Id));

        // One that the deadline has ended, and one that belongs to another run.
        var due = await practice.SendAsync(store.Now);
        Assert.Single(await store.Ledger.DueAsync(store.Now));
        Assert.Equal(new(false, QueryStatus.ExecutionFailed), await store.Ledger.SettleImmediateAsync(practice.Sent(due), Done));
        var others = await practice.SendAsync();
        var stranger = practice.Sent(others) with { Session = practice.Session with { RunId = store.NewId() } };
        Assert.True((await store.Ledger.SettleImmediateAsync(stranger, Done)).NotHeld);
        Assert.Equal(QueryStatus.Executing, await practice.StatusAsync(others.Id));
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
        await store.Ledger.Immediate.RecordRefusedAsync(query,
            new(QueryStatus.InitialisationFailedSiteOffline, Mover.Api) { Executed = Executed.No, Error = Failure.Of(FailureCodes.SiteAway) });

        var view = QueryView.Of(await practice.FindAsync(query.Id));
        Assert.Equal((QueryStatus.InitialisationFailedSiteOffline, Executed.No, 503), (view.Status, view.Executed, view.ErrorCode));
        Assert.Equal(FailureCodes.SiteAway, view.ErrorDetails!.Code);
        Assert.NotNull(view.CompletedAt);
        Assert.Null(view.StatusTiming.Executing);
        await Assert.ThrowsAsync<InvalidOperationException>(() => store.Ledger.Immediate.RecordRefusedAsync(practice.New(QueryMode.Immediate), Done));
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
        var found = await store.Ledger.Queries.FindManyAsync(practice.IntegratorId, practice.SiteId, [store.NewId(), query.Id, query.Id]);
        Assert.Equal([query.Id], found.Select(q => q.Id));
    }

    static async Task<string> ReadSharedAsync(string file)
    {
        await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }
}
