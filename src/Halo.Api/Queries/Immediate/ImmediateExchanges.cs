using System.Collections.Concurrent;
using Halo.Api.Links;

namespace Halo.Api.Queries.Immediate;

/// <summary>The immediate queries that somebody waits for.</summary>
sealed class ImmediateExchanges(TimeProvider time)
{
    readonly ConcurrentDictionary<Guid, ImmediateExchange> _all = new();

    /// <summary>Of all of them.</summary>
    public Task AllEnded => Task.WhenAll(_all.Values.Select(e => (Task)e.End));

    public void Add(ImmediateExchange exchange) => _all[exchange.QueryId] = exchange;

    public ImmediateExchange? Find(Guid queryId) => _all.GetValueOrDefault(queryId);

    public void Remove(Guid queryId) => _all.TryRemove(queryId, out _);

    /// <summary>Those that were sent over this session and have not ended.</summary>
    public IReadOnlyList<ImmediateExchange> OpenOf(LinkSession session) =>
        [.. _all.Values.Where(e => ReferenceEquals(e.Session, session) && !e.End.IsCompleted)];

    /// <summary>The service has settled these: the ledger says how.</summary>
    public void CompleteBySettling(IEnumerable<Guid> queryIds)
    {
        foreach (var id in queryIds)
            Find(id)?.Complete(new ImmediateEnd(null, time.GetUtcNow()));
    }
}
