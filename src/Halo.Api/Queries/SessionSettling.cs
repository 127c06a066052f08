using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Ledger;
using Halo.LinkProtocol.Messages;
using LinkSession = Halo.Api.Links.LinkSession;

namespace Halo.Api.Queries;

/// <summary>What a Hello decides: which claims go on, and what becomes of everything that the Link no longer has.</summary>
sealed class SessionSettling(QueryLedger ledger, ImmediateQueries immediate)
{
    /// <summary>Settles by a Hello, before any work flows in its session.</summary>
    public async Task<IReadOnlyList<ClaimVerdict>> SettleAsync(LinkSession session, Hello hello)
    {
        var settled = await ledger.SettleHelloAsync(session.Reference, hello.Claims, hello.LastClaimNumber, hello.Immediates, immediate.Ended);
        immediate.OnSettledByHello(settled.Settled.Select(s => s.QueryId));
        return settled.Verdicts;
    }
}
