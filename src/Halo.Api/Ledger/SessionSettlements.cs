using System.Data.Common;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger;

/// <summary>What the Hello of a new session settles: a Link's journal and the ledger are brought together.</summary>
sealed class SessionSettlements(Database database, TimeProvider time)
{
    // So many ids in one statement.
    const int Step = 200;

    /// <summary>Claims of one query that may be lost before it ends. A claim that makes its Link drop every session would keep all others waiting.</summary>
    const int MostLostClaims = 3;

    static readonly string BecomeQueued = QueryTable.BecomeQueued(Mover.Api, "lost_claims = COALESCE(lost_claims, 0) + 1");

    static readonly Settlement
        PageLost = Settlement.Of(QueryStatus.UploadFailed, Mover.Api, Executed.Yes, FailureCodes.PageLost),
        ClaimLost = Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.No, FailureCodes.ClaimLost),
        ClaimLostInDoubt = ClaimLost with { Executed = Executed.Unknown },
        LinkLost = Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.Unknown, FailureCodes.LinkLost),
        Cancelled = Settlement.Of(QueryStatus.Cancelled, Mover.Api, Executed.No, FailureCodes.CancelledByIntegrator),
        NeverSent = Settlement.Of(QueryStatus.ExecutionFailed, Mover.Api, Executed.No, FailureCodes.NeverSent);

    long Now => time.GetUtcNow().Ms();

    /// <summary>
    /// Makes <paramref name="session"/> the Link's present one (older ones claim no more) and settles, in the same transaction,
    /// what the Link does not hold: lost claims, which wait again where they never began, and immediate queries sent over its earlier sessions.
    /// </summary>
    /// <remarks>
    /// Which immediate queries the Link should know is judged by the session each was sent over and not by a time, so that one
    /// sent over this session cannot be hit. The caller must have closed the earlier session's line before it calls, so that
    /// nothing recorded under it can still reach the Link, and must have written what it holds of the Link's queries.
    /// </remarks>
    /// <param name="held">Every claim in the Link's journal.</param>
    /// <param name="lastClaimNumber">The highest number that its journal has seen.</param>
    /// <param name="immediates">Immediate queries that this run of the Link still knows.</param>
    public Task<HelloSettled> SettleAsync(
        SessionReference session, IReadOnlyList<HeldClaim> held, long lastClaimNumber, IReadOnlyList<Guid> immediates) => database.WriteAsync(async t =>
        {
            await t.RunAsync(
                """
                UPDATE links SET run_id = @run, session_id = @session, updated_at = @now,
                  last_claim_number = CASE WHEN last_claim_number < @last THEN @last ELSE last_claim_number END
                WHERE id = @link
                """,
                ("link", session.LinkId), ("run", session.RunId), ("session", session.SessionId), ("now", Now), ("last", lastClaimNumber));
            var (verdicts, settled, requeued) = await SettleClaimsAsync(t, session, held, lastClaimNumber);
            settled.AddRange(await SettleImmediatesAsync(t, session, immediates));
            return new HelloSettled(verdicts, settled, requeued);
        });

    async Task<(List<ClaimVerdict>, List<SettledQuery>, List<RequeuedQuery>)> SettleClaimsAsync(
        DbTransaction t, SessionReference session, IReadOnlyList<HeldClaim> held, long lastClaimNumber)
    {
        var open = await t.ReadAsync(
            r => new OpenClaim(r.GetGuid(0), r.GetGuid(1), r.GetInt64(2), r.GuidOrNull(3) == session.RunId, QueryLifecycle.Parse(r.GetString(4)),
                HasAnswered: r.GetBoolean(5), CancelAsked: !r.IsDBNull(6), r.GetInt32(7), DateTimeOffset.FromUnixTimeMilliseconds(r.GetInt64(8)), r.GetGuid(9), r.GetGuid(10)),
            $"""
            SELECT id, claim_id, claim_number, run_id, status, reading_at IS NOT NULL OR EXISTS (SELECT 1 FROM pages WHERE pages.query_id = queries.id),
              cancel_asked_at, COALESCE(lost_claims, 0), created_at + max_time_in_queue, site_id, integrator_id
            FROM queries
            WHERE link_id = @link AND status IN ('executing', 'uploading') AND mode = 'async' ORDER BY id{database.ForUpdate}
            """,
            ("link", session.LinkId));
        var known = held.Select(h => h.ClaimId).ToHashSet();
        foreach (var kept in open.Where(q => known.Contains(q.Claim)).Select(q => q.Id).Chunk(Step))
        {
            var (list, values) = QueryTable.In(kept);
            await t.RunAsync($"UPDATE queries SET run_id = @run, session_id = @session WHERE id IN {list}",
                [.. values, ("run", session.RunId), ("session", session.SessionId)]);
        }

        var (settled, requeued) = (new List<SettledQuery>(), new List<RequeuedQuery>());
        var lost = new List<(OpenClaim Query, Settlement? End)>();
        foreach (var query in open.Where(q => !known.Contains(q.Claim)))
            lost.Add((query, EndOfLost(query, lastClaimNumber) ?? await AskingRight.EndOfTakenAsync(t, database, query.SiteId, query.IntegratorId)));
        foreach (var alike in lost.Where(q => q.End is not null).GroupBy(q => q.End!, q => q.Query.Id))
            settled.AddRange(await SettlementWriter.SettleAsync(t, [.. alike], QueryMode.Async, alike.Key, Now));
        foreach (var (query, _) in lost.Where(q => q.End is null))
            if (await t.RunAsync(BecomeQueued, ("id", query.Id), ("claim", query.Claim), ("now", Now)) > 0)
                requeued.Add(new(query.Id, query.QueueDeadline));
        var going = open.Select(q => q.Claim).ToHashSet();
        return ([.. held.Select(h => new ClaimVerdict(h.ClaimId, going.Contains(h.ClaimId) ? Verdict.Continue : Verdict.Drop))], settled, requeued);
    }

    /// <summary>What a claim that the Link's journal does not have has come to.</summary>
    /// <remarks>
    /// A claim is in the journal before it executes. So one with a number beyond all that this run of the Link has seen never came: its
    /// reply was lost, with the session to which it was sent. Within one run a journal never goes back; that of another run may have,
    /// with a disk that was restored from a backup. And what the Link has seen and does not name any more, it has forgotten.
    /// </remarks>
    /// <returns>Null: it never began, and waits again.</returns>
    static Settlement? EndOfLost(OpenClaim query, long lastClaimNumber) =>
        query.Status == QueryStatus.Uploading ? PageLost
        : query.HasAnswered || query.Number <= lastClaimNumber || !query.SameRun ? ClaimLostInDoubt
        : query.CancelAsked ? Cancelled
        : query.Lost + 1 >= MostLostClaims ? ClaimLost
        : null;

    // None of them uploads; but SQLite takes the index queries_with_link only for the index's own words, and would read the whole ledger.
    internal const string OpenImmediates =
        """
        SELECT id, run_id FROM queries
        WHERE link_id = @link AND status IN ('executing', 'uploading') AND mode = 'immediate' AND session_id <> @session ORDER BY id
        """;

    async Task<List<SettledQuery>> SettleImmediatesAsync(DbTransaction t, SessionReference session, IReadOnlyList<Guid> known)
    {
        var open = await t.ReadAsync(
            r => (Id: r.GetGuid(0), SameRun: r.GuidOrNull(1) == session.RunId),
            OpenImmediates + database.ForUpdate,
            ("link", session.LinkId), ("session", session.SessionId));
        return
        [
            .. await SettlementWriter.SettleAsync(t, [.. open.Where(q => !q.SameRun).Select(q => q.Id)], QueryMode.Immediate, LinkLost, Now),
            .. await SettlementWriter.SettleAsync(t, [.. open.Where(q => q.SameRun).Select(q => q.Id).Except(known)], QueryMode.Immediate, NeverSent, Now),
        ];
    }

    /// <param name="HasAnswered">The Link told that its database had begun to answer, or a page of it came.</param>
    /// <param name="Lost">How many of its claims were lost before.</param>
    sealed record OpenClaim(Guid Id, Guid Claim, long Number, bool SameRun, QueryStatus Status, bool HasAnswered, bool CancelAsked, int Lost, DateTimeOffset QueueDeadline, Guid SiteId, Guid IntegratorId);
}
