using Halo.Api.Ledger;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Queries.Settling;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Ledger;

/// <summary>The parts of the ledger, put together as the service does: what follows a commit is done by whoever moved something.</summary>
sealed class TestLedger
{
    readonly IPageStore _pages;

    public TestLedger(Database database, MasterKeys keys, IPageStore pages, LedgerOptions options, TimeProvider time)
    {
        _pages = pages;
        Store = new(database, keys);
        Immediate = new(database, keys, time);
        Queue = new(database, keys, options, time);
        Reports = new(database, keys, options, time);
        Manifest = new(database, keys, time);
        Sessions = new(database, time);
        Cancellations = new(database, time);
        Deadlines = new(database, options, time);
        Retention = new(database);
        Effects = new WatchedEffects(this, new QueryWaiters(new(), time), pages, time);
        Queries = new(Store, Deadlines, Effects, time);
    }

    public QueryStore Store { get; }
    public ImmediateLedger Immediate { get; }
    public AsyncQueue Queue { get; }
    public ClaimReports Reports { get; }
    public PageManifest Manifest { get; }
    public SessionSettlements Sessions { get; }
    public Cancellations Cancellations { get; }
    public Deadlines Deadlines { get; }
    public LedgerRetention Retention { get; }
    public SettlementEffects Effects { get; }
    public QueryReader Queries { get; }

    /// <summary>A query was given a deadline; it is in the store.</summary>
    public event Action<DateTimeOffset>? DeadlineGiven;

    /// <summary>Those who wait for a query were told that it is final.</summary>
    public event Action<Guid>? Settled;

    public async Task<QueryRecord?> AcceptAsync(NewQuery query, QueryCommand command, AcceptCondition? condition = null)
    {
        var stored = await Queue.AcceptAsync(query, command, condition);
        if (stored?.DeadlineAt is { } deadline)
            DeadlineGiven?.Invoke(deadline);
        return stored;
    }

    public async Task<IReadOnlyList<ClaimedQuery>> ClaimAsync(SessionReference session, int slots, IReadOnlyList<Guid>? exceptSites = null)
    {
        var batch = await Queue.ClaimAsync(session, slots, exceptSites);
        foreach (var claim in batch.Claims)
            DeadlineGiven?.Invoke(claim.Deadline);
        await Effects.ApplyAsync(batch.Unreadable);
        return batch.Claims;
    }

    public async Task RecordSentAsync(SentQuery sent)
    {
        await Immediate.RecordSentAsync(sent);
        DeadlineGiven?.Invoke(sent.Deadline);
    }

    public Task<MoveResult> SettleImmediateAsync(SentQuery sent, Settlement end) => EndAsync(sent.Query.Id, end, Immediate.SettleAsync(sent, end));

    public Task<MoveResult> SettleImmediateAsync(Guid id, Settlement end, SessionReference? by = null) => EndAsync(id, end, Immediate.SettleAsync(id, end, by));

    public Task<MoveResult> ReadingAsync(Guid id, Guid claim, IReadOnlyList<ResultColumn> columns, SessionReference? by = null) =>
        FollowAsync(Reports.ReadingAsync(id, claim, columns, by));

    public Task<MoveResult> UploadingAsync(Guid id, Guid claim, Report report, SessionReference? by = null) => FollowAsync(Reports.UploadingAsync(id, claim, report, by));

    public Task<MoveResult> HandBackAsync(Guid id, Guid claim, SessionReference? by = null) => FollowAsync(Reports.HandBackAsync(id, claim, by));

    public Task<MoveResult> CompleteAsync(Guid id, Guid claim, Report report, SessionReference? by = null) => FollowAsync(Reports.CompleteAsync(id, claim, report, by));

    public Task<MoveResult> SettleClaimAsync(Guid id, Guid claim, Settlement end, SessionReference? by = null) => FollowAsync(Reports.SettleAsync(id, claim, end, by));

    public async Task<AddPageResult> AddPageAsync(Guid claim, PageRow page)
    {
        var (result, leftOver) = await Manifest.AddAsync(claim, page);
        if (leftOver == LeftOverPages.All)
            await _pages.DeleteAsync(page.QueryId, default);
        else if (leftOver == LeftOverPages.ThisPage)
            await _pages.DeletePageAsync(page.QueryId, page.PageNumber, page.Digest, default);
        return result;
    }

    public async Task<HelloSettled> SettleHelloAsync(SessionReference session, IReadOnlyList<HeldClaim> held, long lastClaimNumber, IReadOnlyList<Guid> immediates)
    {
        var result = await Sessions.SettleAsync(session, held, lastClaimNumber, immediates);
        await Effects.ApplyAsync(result.Settled);
        foreach (var query in result.Requeued)
            DeadlineGiven?.Invoke(query.Deadline);
        return result;
    }

    public async Task<CancelResult> AskCancelAsync(Guid integratorId, Guid siteId, Guid queryId)
    {
        var result = await Cancellations.AskAsync(integratorId, siteId, queryId);
        await Effects.ApplyAsync(result.Settled);
        return result;
    }

    public async Task<IReadOnlyList<SettledQuery>> DueAsync(DateTimeOffset now)
    {
        var settled = await Deadlines.SettleDueAsync(now);
        await Effects.ApplyAsync(settled);
        return settled;
    }

    public async Task<Forgotten> ForgetResultsAsync(DateTimeOffset until)
    {
        var step = await Retention.ForgetResultsAsync(until, until);
        foreach (var id in step.Finished)
            await _pages.DeleteAsync(id, default);
        return step;
    }

    public Task<QueryRecord?> FindAsync(Guid integratorId, Guid siteId, Guid queryId) => Queries.FindAsync(integratorId, siteId, queryId);

    public Task<IReadOnlyList<QueryRecord>> ListAsync(QueryFilter wanted) => Queries.ListAsync(wanted);

    async Task<MoveResult> EndAsync(Guid id, Settlement end, Task<MoveResult> move)
    {
        var result = await move;
        if (result.Moved)
            Effects.Apply(id, end);
        return result;
    }

    async Task<MoveResult> FollowAsync(Task<MoveResult> move)
    {
        var result = await move;
        if (result.Deadline is { } deadline)
            DeadlineGiven?.Invoke(deadline);
        if (result.Settled is { } settled)
            await Effects.ApplyAsync([settled]);
        return result;
    }

    sealed class WatchedEffects(TestLedger ledger, QueryWaiters waiters, IPageStore pages, TimeProvider time) : SettlementEffects(waiters, new EventSignals(), pages, time, NullLogger<SettlementEffects>.Instance)
    {
        protected override void Tell(Guid queryId)
        {
            base.Tell(queryId);
            ledger.Settled?.Invoke(queryId);
        }
    }
}
