using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger;

/// <summary>The queue of async queries: accepted, then claimed by their Links, each integrator in its turn.</summary>
sealed class AsyncQueue(Database database, MasterKeys keys, LedgerOptions options, TimeProvider time)
{
    // A Link's claims take turns on its row, so numbers have no gaps; a session that is no longer the Link's gets nothing.
    const string LockLink =
        """
        UPDATE links SET last_claim_number = last_claim_number WHERE id = @link AND run_id = @run AND session_id = @session
        RETURNING last_claim_number
        """;

    const string MayServe =
        "s.link_id = @link AND s.status = 'active' AND s.authoritative AND s.confirmed AND NOT s.version_too_old AND i.enabled";

    // The oldest of each pairing by one index probe, then whose turn it is: the cost grows with pairings, not with what waits.
    internal const string Next =
        $"""
        SELECT query_id FROM (
          SELECT COALESCE(t.served_number, 0) AS turn, (
              SELECT q.id FROM queries q
              WHERE q.status = 'queued' AND q.site_id = p.site_id AND q.integrator_id = p.integrator_id AND q.deadline_at > @now
              ORDER BY q.id LIMIT 1) AS query_id
          FROM sites s
          JOIN pairings p ON p.site_id = s.id
          JOIN integrators i ON i.id = p.integrator_id
          LEFT JOIN site_turns t ON t.site_id = p.site_id AND t.integrator_id = p.integrator_id
          WHERE {MayServe}) AS waiting
        WHERE query_id IS NOT NULL ORDER BY turn, query_id LIMIT 1
        """;

    static readonly string TakeQuery =
        $"""
        UPDATE queries SET status = 'executing', claim_id = @claim, claim_number = @number, link_id = @link, run_id = @run,
          session_id = @session, executing_at = @now, updated_at = @now, deadline_at = @now + execution_limit + @grace
        WHERE id = @id AND {QueryLifecycle.MayBecome(QueryStatus.Executing, Mover.Link, QueryMode.Async)} AND deadline_at > @now
          AND EXISTS (SELECT 1 FROM sites s
            JOIN integrators i ON i.id = queries.integrator_id
            JOIN pairings p ON p.site_id = s.id AND p.integrator_id = i.id
            WHERE s.id = queries.site_id AND {MayServe})
        RETURNING site_id, integrator_id, execution_limit, deadline_at, catalogue, result_set, tag, wrapped_key,
          (SELECT c.command FROM query_commands c WHERE c.query_id = queries.id), trace_parent,
          (SELECT k.idempotency_key FROM idempotency_keys k WHERE k.query_id = queries.id), COALESCE(lost_claims, 0)
        """;

    const string TakeTurn =
        """
        INSERT INTO site_turns (site_id, integrator_id, served_number)
        VALUES (@site, @integrator, (SELECT COALESCE(MAX(served_number), 0) + 1 FROM site_turns WHERE site_id = @site))
        ON CONFLICT (site_id, integrator_id) DO UPDATE SET served_number = excluded.served_number
        """;

    /// <summary>Stores an async query as queued, with its command under a key of its own.</summary>
    /// <param name="batch">All its commands; null: there is one.</param>
    /// <returns>The query as it was stored: a Link may have claimed it since. Null: the condition, where there is one, does not hold, and nothing is stored.</returns>
    public async Task<QueryRecord?> AcceptAsync(NewQuery q, QueryCommand command, AcceptCondition? condition = null, CommandBatch? batch = null)
    {
        var key = keys.NewDataKey(q.Id);
        var blob = batch is null ? LedgerSeal.Seal(key, command) : LedgerSeal.Seal(key, batch);
        // A query that will not wait still needs the moment in which its Link is told and claims it.
        var deadline = q.CreatedAt.Ms() + (q.MaxTimeInQueue > 0 ? q.MaxTimeInQueue : (long)options.AtOnce.TotalMilliseconds);
        var now = time.GetUtcNow().Ms();
        var row = QueryTable.Insert(q, new(QueryStatus.Queued, now)
        {
            QueuedAt = now,
            DeadlineAt = deadline,
            WrappedKey = key.Wrapped,
            Detail = q.Notices is null ? null : LedgerSeal.Seal(key, new QueryDetail { Notices = q.Notices }),
        });
        var accepted = await database.WriteAsync(async t =>
        {
            if (condition is not null && !await condition(t, q.Id))
                return false;
            await t.RunAsync(row);
            return await t.RunAsync("INSERT INTO query_commands (query_id, command) VALUES (@id, @command)", ("id", q.Id), ("command", blob)) > 0;
        });
        return accepted ? QueryRecord.Queued(q, DateTimeOffset.FromUnixTimeMilliseconds(now), DateTimeOffset.FromUnixTimeMilliseconds(deadline)) : null;
    }

    /// <summary>
    /// Takes waiting queries for a Link: whose integrator was served least recently, and of those the oldest. Committed before
    /// it returns. Their deadlines are to be watched.
    /// </summary>
    /// <param name="session">Must be the one that said Hello last.</param>
    /// <param name="slots">At most so many.</param>
    /// <param name="exceptSites">None of these: the Link cannot reach their databases now.</param>
    public async Task<ClaimBatch> ClaimAsync(SessionReference session, int slots, IReadOnlyList<Guid>? exceptSites = null)
    {
        var next = NextExcept(exceptSites ?? []);
        var taken = await database.WriteAsync(async t =>
        {
            var claims = new List<Taken>();
            var locked = await t.ReadAsync(r => r.GetInt64(0), LockLink, Of(session));
            if (locked.Count == 0)
                return claims;
            var number = locked[0];
            while (claims.Count < slots && await TakeNextAsync(t, session, number + 1, next) is { } attempt)
            {
                number++;
                // Null: somebody else moved it between looking and taking; the number is free still.
                if (attempt.Claim is null)
                    number--;
                else
                    claims.Add(attempt.Claim);
                // Should it be this one that makes its Link drop each session, it takes no further ones with it again and again.
                if (attempt.Claim?.LostBefore == true)
                    break;
            }
            if (claims.Count > 0)
                await t.RunAsync("UPDATE links SET last_claim_number = @number WHERE id = @link", ("number", number), ("link", session.LinkId));
            return claims;
        });
        var (claims, unreadable) = (new List<ClaimedQuery>(taken.Count), new List<Guid>());
        foreach (var claim in taken)
        {
            if (Open(claim) is { } query)
                claims.Add(query);
            else
                unreadable.Add(claim.Query.QueryId);
        }
        return new(claims, unreadable.Count == 0 ? [] : await SettleUnreadableAsync(unreadable));
    }

    /// <summary><see cref="Next"/>, as far as it is not for one of these sites, with their parameters.</summary>
    static (string Sql, (string, object?)[] Parameters) NextExcept(IReadOnlyList<Guid> sites) => sites.Count == 0
        ? (Next, [])
        : (Next.Replace("WHERE s.link_id", $"WHERE s.id NOT IN ({string.Join(", ", sites.Select((_, i) => $"@except{i}"))}) AND s.link_id", StringComparison.Ordinal),
            [.. sites.Select((id, i) => ($"except{i}", (object?)id))]);

    async Task<Attempt?> TakeNextAsync(DbTransaction t, SessionReference session, long number, (string Sql, (string, object?)[] Parameters) next)
    {
        var now = time.GetUtcNow();
        var ids = await t.ReadAsync(r => r.GetGuid(0), next.Sql, [("link", session.LinkId), ("now", now.Ms()), .. next.Parameters]);
        if (ids.Count == 0)
            return null;
        var claimId = Guid.CreateVersion7(now);
        var rows = await t.ReadAsync(
            r => new Taken(
                new(ids[0], claimId, number, r.GetGuid(0), r.GetGuid(1), new(""), r.GetInt32(2), r.Time(3))
                {
                    Catalogue = r.StringOrNull(4),
                    ResultSet = r.GetInt32(5),
                    Tag = r.StringOrNull(6),
                    TraceParent = r.StringOrNull(9),
                    IdempotencyKey = r.StringOrNull(10),
                },
                r.BytesOrNull(7), r.BytesOrNull(8), LostBefore: r.GetInt32(11) > 0),
            TakeQuery,
            [
                .. Of(session), ("id", ids[0]), ("claim", claimId), ("number", number), ("now", now.Ms()),
                ("grace", (long)options.Grace.TotalMilliseconds),
            ]);
        if (rows.Count == 0)
            return new(null);
        await t.RunAsync(TakeTurn, ("site", rows[0].Query.SiteId), ("integrator", rows[0].Query.IntegratorId));
        return new(rows[0]);
    }

    /// <returns>Null: its command can never be read again.</returns>
    ClaimedQuery? Open(Taken claim)
    {
        try
        {
            var key = keys.OpenDataKey(claim.Query.QueryId, claim.Key ?? throw SealedBlob.Broken());
            var (command, batch) = LedgerSeal.OpenCommands(key, claim.Command ?? throw SealedBlob.Broken());
            return claim.Query with { Command = command, Batch = batch };
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    /// <summary>The others must not suffer for them.</summary>
    Task<List<SettledQuery>> SettleUnreadableAsync(List<Guid> queryIds) => database.WriteAsync(t => SettlementWriter.SettleAsync(
        t, queryIds, QueryMode.Async, Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.No, FailureCodes.NeverSent), time.GetUtcNow().Ms()));

    static (string, object?)[] Of(SessionReference session) => [("link", session.LinkId), ("run", session.RunId), ("session", session.SessionId)];

    /// <param name="LostBefore">A claim of it never reached its Link.</param>
    sealed record Taken(ClaimedQuery Query, byte[]? Key, byte[]? Command, bool LostBefore);

    sealed record Attempt(Taken? Claim);
}
