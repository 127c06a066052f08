using System.Data.Common;

namespace Halo.Api.Queries.Idempotency;

/// <summary>One attempt to be the query that a key stands for.</summary>
/// <param name="freed">A query that had the key and never ran.</param>
sealed class IdempotencyClaim(IdempotencyStore store, IdempotentRequest request, Guid freed)
{
    Guid _tried;
    long _removed;

    /// <summary>Whether the key is this query's; the caller knows that it was committed.</summary>
    public bool Bound { get; private set; }

    /// <summary>Inside the accepting transaction, which may run again from its beginning.</summary>
    public async Task<bool> TryAsync(DbTransaction t, Guid queryId)
    {
        _tried = queryId;
        (Bound, _removed) = await store.BindAsync(t, request, queryId, freed);
        return Bound;
    }

    /// <summary>Answered, lost to another, or failed.</summary>
    /// <returns>Whoever waits for this one may look.</returns>
    public IReadOnlyList<Guid> End()
    {
        store.End(_tried, _removed);
        return [_tried];
    }
}
