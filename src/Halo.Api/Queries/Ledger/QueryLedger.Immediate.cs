using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Ledger;

public sealed partial class QueryLedger
{
    static readonly (string, object?)[] NotYetOfSent =
        Nulls("executed", "by", "queued", "completed", "errorType", "errorCode", "failure", "key", "detail");

    static readonly (string, object?)[] NeverOfRefused =
        Nulls("link", "run", "session", "queued", "executing", "deadline");

    /// <summary>
    /// An immediate query that goes to a Link now. Call it before or while the command is sent; the task is the durability.
    /// Where its outcome comes within a millisecond or so the two share one commit.
    /// </summary>
    /// <param name="q">The query.</param>
    /// <param name="session">The session over which it is sent, and over no other: a later Hello judges by it.</param>
    /// <param name="deadline">When the API settles it if nobody has said how it ended.</param>
    public Task RecordSentAsync(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline)
    {
        var done = database.CommitAsync(Sent(q, session, sentAt, deadline), mayWait: true);
        Hint(deadline.Ms());
        return done;
    }

    /// <summary>The same under a condition, durable when it returns: nothing may be sent before.</summary>
    /// <returns>False: the condition does not hold, and nothing is recorded.</returns>
    public async Task<bool> RecordSentAsync(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline, AcceptCondition condition)
    {
        var sent = Sent(q, session, sentAt, deadline);
        var recorded = await database.WriteAsync(async t => await condition(t, q.Id) && await t.RunAsync(sent) > 0);
        if (recorded)
            Hint(deadline.Ms());
        return recorded;
    }

    static Statement Sent(NewQuery q, LinkSession session, DateTimeOffset sentAt, DateTimeOffset deadline) => new(LedgerSql.Insert,
        [
            .. InsertParameters(q, QueryStatus.Executing),
            ("link", session.LinkId), ("run", session.RunId), ("session", session.SessionId),
            ("executing", sentAt.Ms()), ("updated", sentAt.Ms()), ("deadline", deadline.Ms()),
            .. NotYetOfSent,
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
        var (key, detail) = SealNew(q.Id, DetailOf(s));
        return new(LedgerSql.Insert,
        [
            .. InsertParameters(q, s.Status),
            ("executed", LedgerSql.Word(s.Executed)), ("by", LedgerSql.Word(s.By)), ("completed", at.Ms()), ("updated", at.Ms()),
            ("errorType", s.Error?.ErrorType), ("errorCode", s.Error?.ErrorCode), ("failure", s.Error?.Code), ("key", key), ("detail", detail),
            .. NeverOfRefused,
        ]);
    }

    /// <summary>How an immediate query ended. A repeat of the same ending is accepted and changes nothing.</summary>
    public async Task<MoveResult> SettleImmediateAsync(Guid queryId, Settlement s)
    {
        var (key, detail) = SealNew(queryId, DetailOf(s));
        var at = time.GetUtcNow();
        var rows = await database.CommitAsync(
            new(LedgerSql.SettleFor(s, QueryMode.Immediate), LedgerSql.SettleParameters(queryId, s, at.Ms(), key, detail)));
        if (rows > 0)
        {
            Tell(queryId, QueryMode.Immediate, s.Status);
            Telemetry.Worked(QueryMode.Immediate, s.Timings, s.UploadMs, s.Rows, s.Size);
            return new(true, s.Status) { Moved = true, At = at };
        }
        var found = await database.ReadAsync(
            r => (Status: QueryLifecycle.Parse(r.GetString(0)), By: r.StringOrNull(1)),
            "SELECT status, settled_by FROM queries WHERE id = @id", ("id", queryId));
        return found.Count == 0
            ? new(false, null)
            : new(found[0].Status == s.Status && found[0].By == LedgerSql.Word(s.By), found[0].Status);
    }

    static (string, object?)[] Nulls(params string[] names) => [.. names.Select(n => (n, (object?)null))];
}
