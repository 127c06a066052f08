using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

sealed partial class QueryLedger
{
    /// <summary>Records that an immediate query goes to a Link. Where the row is there already, nothing changes.</summary>
    /// <returns>Completes when it is durable.</returns>
    public async Task RecordSentAsync(SentQuery sent)
    {
        await database.CommitAsync(LedgerSql.Sent(sent));
        Hint(sent.Deadline.Ms());
    }

    /// <summary>The same under a condition.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public async Task<bool> RecordSentAsync(SentQuery sent, AcceptCondition condition)
    {
        var statement = LedgerSql.Sent(sent);
        var recorded = await database.WriteAsync(async t => await condition(t, sent.Query.Id) && await t.RunAsync(statement) > 0);
        if (recorded)
            Hint(sent.Deadline.Ms());
        return recorded;
    }

    /// <summary>What the Link keeps of a query whose accept is not written yet, and tells with its end should this service have lost it.</summary>
    public byte[] ToRecord(SentQuery sent) => SentRecord.Write(sent, keys);

    /// <summary>The query behind such a record.</summary>
    /// <param name="by">Who tells it: the run of the Link to which it was sent.</param>
    /// <returns>Null: this service did not make it for this query and run, or its row may have been there and gone by retention since.</returns>
    public SentQuery? FromRecord(ReadOnlySpan<byte> record, Guid queryId, SessionReference by) =>
        SentRecord.Read(record, queryId, by, keys) is { } sent && sent.Query.CreatedAt > time.GetUtcNow().AddDays(-RetentionOptions.LeastLedgerDays) ? sent : null;

    /// <summary>A query that was accepted and is final at once: the site away, the time in the queue over, nothing sent.</summary>
    /// <returns>When, as the ledger has it.</returns>
    public async Task<DateTimeOffset> RecordRefusedAsync(NewQuery q, Settlement s)
    {
        var at = time.GetUtcNow();
        Telemetry.Ended(q.Id, q.Mode, QueryLifecycle.Word(s.Status), at);
        await database.CommitAsync(Refused(q, s, at));
        return at;
    }

    /// <summary>The same under a condition.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public Task<bool> RecordRefusedAsync(NewQuery q, Settlement s, AcceptCondition condition)
    {
        var refused = Refused(q, s, time.GetUtcNow());
        return database.WriteAsync(async t => await condition(t, q.Id) && await t.RunAsync(refused) > 0);
    }

    Statement Refused(NewQuery q, Settlement s, DateTimeOffset at)
    {
        if (!QueryLifecycle.Allows(QueryStatus.Initialising, s.Status, s.By, q.Mode))
            throw new InvalidOperationException($"No {q.Mode} query becomes {s.Status} at once by {s.By}.");
        var (key, detail) = SealNew(q.Id, DetailOf(s) with { Notices = q.Notices });
        return new(LedgerSql.Insert,
        [
            .. LedgerSql.InsertParameters(q, s.Status),
            ("link", null), ("run", null), ("session", null), ("queued", null), ("executing", null), ("deadline", null),
            ("completed", at.Ms()), ("updated", at.Ms()), .. LedgerSql.EndParameters(s, key, detail),
        ]);
    }

    /// <summary>
    /// How an immediate query ended, with all that is known of it: its row is made where it is not there yet. A repeat of the same
    /// ending is accepted and changes nothing.
    /// </summary>
    /// <param name="at">When that became known; null: now.</param>
    public async Task<MoveResult> SettleImmediateAsync(SentQuery sent, Settlement s, DateTimeOffset? at = null)
    {
        var (key, detail) = SealNew(sent.Query.Id, DetailOf(s));
        var then = at ?? time.GetUtcNow();
        var rows = await database.CommitAsync(LedgerSql.Ended(sent, s, then.Ms(), key, detail));
        return await ResultOfAsync(sent.Query.Id, s, then, rows, sent.Session);
    }

    /// <summary>How an immediate query ended whose row is there.</summary>
    /// <param name="by">The session that tells it: it counts only if its Link and run were sent the query. Null: the service's own word.</param>
    /// <param name="at">When that became known; null: now.</param>
    public async Task<MoveResult> SettleImmediateAsync(Guid queryId, Settlement s, SessionReference? by = null, DateTimeOffset? at = null)
    {
        var (key, detail) = SealNew(queryId, DetailOf(s));
        var then = at ?? time.GetUtcNow();
        var rows = await database.CommitAsync(by is null
            ? new(LedgerSql.SettleFor(s, QueryMode.Immediate), LedgerSql.SettleParameters(queryId, s, then.Ms(), key, detail))
            : new(LedgerSql.SettleFor(s, QueryMode.Immediate, held: true),
                [.. LedgerSql.SettleParameters(queryId, s, then.Ms(), key, detail), ("link", by.LinkId), ("run", by.RunId)]));
        return await ResultOfAsync(queryId, s, then, rows, by);
    }

    async ValueTask<MoveResult> ResultOfAsync(Guid queryId, Settlement s, DateTimeOffset at, int rows, SessionReference? by)
    {
        if (rows > 0)
        {
            Tell(queryId, QueryMode.Immediate, s.Status);
            Telemetry.Worked(QueryMode.Immediate, s.Timings, s.UploadMs, s.Rows, s.Size);
            return new(true, s.Status) { Moved = true, At = at };
        }
        var found = await database.ReadAsync(
            r => (Status: QueryLifecycle.Parse(r.GetString(0)), By: r.StringOrNull(1), Link: r.GuidOrNull(2), Run: r.GuidOrNull(3)),
            "SELECT status, settled_by, link_id, run_id FROM queries WHERE id = @id", ("id", queryId));
        if (found.Count == 0)
            return new(false, null);
        return by is not null && (found[0].Link != by.LinkId || found[0].Run != by.RunId)
            ? new(false, found[0].Status) { NotHeld = true }
            : new(found[0].Status == s.Status && found[0].By == LedgerSql.Word(s.By), found[0].Status);
    }
}
