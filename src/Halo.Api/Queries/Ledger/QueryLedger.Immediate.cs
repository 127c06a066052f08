using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Ledger;

sealed partial class QueryLedger
{
    /// <summary>
    /// An immediate query that goes to a Link now. Call it before or while the command is sent.
    /// Where its outcome comes within some milliseconds the two are one row, written once.
    /// </summary>
    /// <param name="q">The query.</param>
    /// <param name="session">The session over which it is sent, and over no other: a later Hello judges by it.</param>
    /// <param name="deadline">When the API settles it if nobody has said how it ended.</param>
    public SentQuery RecordSent(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline)
    {
        var accept = new OpenStatement<QueryEnd>(end => Sent(q, session, sentAt, deadline, end));
        return new(accept, RecordAsync(() => database.CommitOpenAsync(accept), deadline));
    }

    /// <summary>The same, written at once: its end follows.</summary>
    /// <returns>When it is durable.</returns>
    public Task RecordSentAsync(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline) =>
        RecordAsync(() => database.CommitAsync(Sent(q, session, sentAt, deadline, end: null)), deadline);

    /// <summary>The same under a condition, durable when it returns: nothing may be sent before.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public async Task<bool> RecordSentAsync(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline, AcceptCondition condition)
    {
        var sent = Sent(q, session, sentAt, deadline, end: null);
        var recorded = await database.WriteAsync(async t => await condition(t, q.Id) && await t.RunAsync(sent) > 0);
        if (recorded)
            Hint(deadline.Ms());
        return recorded;
    }

    Task<int> RecordAsync(Func<Task<int>> commit, DateTimeOffset deadline)
    {
        try
        {
            var recorded = commit();
            // After it was handed over: who looks for deadlines in SQLite from now on finds this one; in PostgreSQL, where others read
            // beside the group, within a minute.
            Hint(deadline.Ms());
            return recorded;
        }
        catch (ObjectDisposedException e)
        {
            // The service stops: a failure like any other of the store.
            return Task.FromException<int>(e);
        }
    }

    static Statement Sent(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline, QueryEnd? end) => new(LedgerSql.Insert,
        [
            .. InsertParameters(q, end?.Settlement.Status ?? QueryStatus.Executing),
            ("link", session.LinkId), ("run", session.RunId), ("session", session.SessionId),
            ("queued", null), ("executing", sentAt.Ms()), ("completed", end?.At), ("updated", end?.At ?? sentAt.Ms()),
            ("deadline", end is null ? deadline.Ms() : null),
            .. LedgerSql.EndParameters(end?.Settlement, end?.Key, end?.Detail),
        ]);

    /// <summary>A query that was accepted and is final at once: the site away, the time in the queue over, nothing sent.</summary>
    /// <returns>When, as the ledger has it.</returns>
    public async Task<DateTimeOffset> RecordRefusedAsync(NewQuery q, Settlement s)
    {
        var at = time.GetUtcNow();
        Telemetry.Ended(q.Id, q.Mode, s.Status, at);
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
            .. InsertParameters(q, s.Status),
            ("link", null), ("run", null), ("session", null), ("queued", null), ("executing", null), ("deadline", null),
            ("completed", at.Ms()), ("updated", at.Ms()), .. LedgerSql.EndParameters(s, key, detail),
        ]);
    }

    /// <summary>Lets an end be written with its accept.</summary>
    /// <returns>Null: too late, or the store did not take the accept. The end is then told by itself, which does no harm where both are stored after all.</returns>
    async Task<int?> TryJoinAsync(SentQuery sent, QueryEnd end)
    {
        // An accept that has failed stays open, and nobody will write it.
        if (sent.Recorded.IsCompleted
            || !QueryLifecycle.Allows(QueryStatus.Executing, end.Settlement.Status, end.Settlement.By, QueryMode.Immediate)
            || !database.TryAdd(sent.Accept, end))
            return null;
        try
        {
            return await sent.Recorded;
        }
        catch (Exception)
        {
            return null;
        }
    }

    /// <summary>How an immediate query ended. A repeat of the same ending is accepted and changes nothing.</summary>
    /// <param name="sent">Its accept, where that was made here and may still be on its way.</param>
    /// <param name="by">The session that tells it: it counts only if its Link and run were sent the query. Null: the service's own word.</param>
    public async Task<MoveResult> SettleImmediateAsync(Guid queryId, Settlement s, SentQuery? sent = null, LinkSession? by = null)
    {
        var (key, detail) = SealNew(queryId, DetailOf(s));
        var at = time.GetUtcNow();
        var rows = sent is not null && await TryJoinAsync(sent, new(s, at.Ms(), key, detail)) is { } joined
            ? joined
            : await database.CommitAsync(by is null
                ? new(LedgerSql.SettleFor(s, QueryMode.Immediate), LedgerSql.SettleParameters(queryId, s, at.Ms(), key, detail))
                : new(LedgerSql.SettleFor(s, QueryMode.Immediate, held: true),
                    [.. LedgerSql.SettleParameters(queryId, s, at.Ms(), key, detail), ("link", by.LinkId), ("run", by.RunId)]));
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
