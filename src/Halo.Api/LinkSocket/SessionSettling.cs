using Halo.Api.Ledger;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Settling;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.LinkSocket;

/// <summary>What a Hello decides: which claims go on, and what becomes of everything that the Link no longer has.</summary>
sealed partial class SessionSettling(SessionSettlements ledger, SettlementEffects effects, PendingQueries pending, DeadlineWatch deadlines, ILogger<SessionSettling> log)
{
    /// <summary>Settles by a Hello, before any work flows in its session.</summary>
    public async Task<IReadOnlyList<ClaimVerdict>> SettleAsync(LinkSession session, Hello hello)
    {
        // It is judged by the ledger, which must have all that is known here.
        await pending.FlushAsync(q => q.Session.LinkId == session.LinkId);
        var result = await ledger.SettleAsync(session.Reference, hello.Claims, hello.LastClaimNumber, hello.Immediates);
        if (result.Requeued.Count > 0)
        {
            deadlines.Hint(result.Requeued.Min(q => q.Deadline));
            LogRequeued(session.LinkId, result.Requeued.Count);
        }
        await effects.ApplyAsync(result.Settled);
        pending.TellSettled(result.Settled.Select(s => s.QueryId));
        return result.Verdicts;
    }

    [LoggerMessage(1119, LogLevel.Information, "Link {LinkId} is back and had not received {Count} of its async queries; they are queued again")]
    partial void LogRequeued(Guid linkId, int count);
}
