using Halo.Api.Ledger.Records;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>The accepts and ends of immediate queries: one statement each, through the group commit. A task completes only when its write would survive a power loss.</summary>
sealed class ImmediateLedger(Database database, MasterKeys keys, TimeProvider time)
{
    /// <summary>Records that an immediate query goes to a Link. Where the row is there already, nothing changes.</summary>
    /// <returns>Completes when it is durable.</returns>
    public Task RecordSentAsync(SentQuery sent) => database.CommitAsync(Sent(sent));

    /// <summary>The same under a condition.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public Task<bool> RecordSentAsync(SentQuery sent, AcceptCondition condition)
    {
        var statement = Sent(sent);
        return database.WriteAsync(async t => await condition(t, sent.Query.Id) && await t.RunAsync(statement) > 0);
    }

    /// <summary>The query of which a Link brings what it was given to keep (<see cref="SentRecord.Write"/>).</summary>
    /// <param name="by">Who tells it: the run of the Link to which it was sent.</param>
    /// <returns>Null: this service did not make it for this query and run, or its row may have been there and gone by retention since.</returns>
    public SentQuery? FromRecord(ReadOnlySpan<byte> record, Guid queryId, SessionReference by) =>
        SentRecord.Read(record, queryId, by, keys) is { } sent && sent.Query.CreatedAt > time.GetUtcNow().AddDays(-RetentionOptions.LeastLedgerDays) ? sent : null;

    /// <summary>A query that was accepted and is final at once: the site away, the time in the queue over, nothing sent.</summary>
    /// <returns>The same with its time, as the ledger has it.</returns>
    public async Task<Settlement> RecordRefusedAsync(NewQuery query, Settlement end)
    {
        end = end with { At = end.At ?? time.GetUtcNow() };
        await database.CommitAsync(Refused(query, end));
        return end;
    }

    /// <summary>The same under a condition, for async queries too.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public Task<bool> RecordRefusedAsync(NewQuery query, Settlement end, AcceptCondition condition)
    {
        var refused = Refused(query, end);
        return database.WriteAsync(async t => await condition(t, query.Id) && await t.RunAsync(refused) > 0);
    }

    /// <summary>
    /// How an immediate query ended, with all that is known of it: its row is made where it is not there yet. A repeat of the same
    /// ending is accepted and changes nothing.
    /// </summary>
    public async Task<MoveResult> SettleAsync(SentQuery sent, Settlement end)
    {
        var (key, detail) = SealNew(sent.Query.Id, DetailOf(end));
        var at = AtOf(end);
        var rows = await database.CommitAsync(QueryTable.InsertOrSettle(sent.Query,
            new(end.Status, at, sent.Session) { ExecutingAt = sent.At.Ms(), CompletedAt = at, WrappedKey = key, Detail = detail }, end));
        return await ResultOfAsync(sent.Query.Id, end, rows, sent.Session);
    }

    /// <summary>How an immediate query ended whose row is there.</summary>
    /// <param name="by">The session that tells it: it counts only if its Link and run were sent the query. Null: the service's own word.</param>
    public async Task<MoveResult> SettleAsync(Guid queryId, Settlement end, SessionReference? by = null)
    {
        var (key, detail) = SealNew(queryId, DetailOf(end));
        var at = AtOf(end);
        var rows = await database.CommitAsync(QueryTable.SettleOne(queryId, QueryMode.Immediate, end, at, key, detail, by));
        return await ResultOfAsync(queryId, end, rows, by);
    }

    static Statement Sent(SentQuery sent) => QueryTable.Insert(sent.Query,
        new(QueryStatus.Executing, sent.At.Ms(), sent.Session) { ExecutingAt = sent.At.Ms(), DeadlineAt = sent.Deadline.Ms() });

    Statement Refused(NewQuery query, Settlement end)
    {
        var at = AtOf(end);
        var (key, detail) = SealNew(query.Id, DetailOf(end) with { Notices = query.Notices });
        return QueryLifecycle.Allows(QueryStatus.Initialising, end.Status, end.By, query.Mode)
            ? QueryTable.Insert(query, new(end.Status, at) { CompletedAt = at, WrappedKey = key, Detail = detail }, end)
            : throw new InvalidOperationException($"No {query.Mode} query becomes {end.Status} at once by {end.By}.");
    }

    async ValueTask<MoveResult> ResultOfAsync(Guid queryId, Settlement end, int rows, SessionReference? by)
    {
        if (rows > 0)
            return new(true, end.Status) { Moved = true };
        var found = await database.ReadAsync(
            r => (Status: QueryLifecycle.Parse(r.GetString(0)), By: QueryTable.ParseMover(r.StringOrNull(1)), Link: r.GuidOrNull(2), Run: r.GuidOrNull(3)),
            "SELECT status, settled_by, link_id, run_id FROM queries WHERE id = @id", ("id", queryId));
        if (found.Count == 0)
            return new(false, null);
        return by is not null && (found[0].Link != by.LinkId || found[0].Run != by.RunId)
            ? new(false, found[0].Status) { NotHeld = true }
            : new(found[0].Status == end.Status && found[0].By == end.By, found[0].Status);
    }

    long AtOf(Settlement end) => (end.At ?? time.GetUtcNow()).Ms();

    static QueryDetail DetailOf(Settlement end) => new() { Columns = end.Columns, Parameters = end.Parameters, Results = end.Results, Error = end.Error, Notices = end.Notices };

    /// <summary>Sealed under a new key, where there is anything to seal.</summary>
    (byte[]? Key, byte[]? Detail) SealNew(Guid queryId, QueryDetail detail)
    {
        if (detail.IsEmpty)
            return (null, null);
        var key = keys.NewDataKey(queryId);
        return (key.Wrapped, LedgerSeal.Seal(key, detail));
    }
}
