using System.Data.Common;
using System.Runtime.CompilerServices;

namespace Halo.Api.Queries.Idempotency;

/// <summary>One attempt to be the query that a key stands for.</summary>
/// <param name="freed">A query that had the key and never ran.</param>
sealed class IdempotencyClaim(IdempotencyStore store, IdempotentRequest request, Guid freed) : IDisposable
{
    readonly Lock _lock = new();
    readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly CancellationTokenSource _withdrawn = new();
    StrongBox<Guid>? _query;
    long _removed;

    /// <summary>Whose key it is.</summary>
    public (Guid IntegratorId, string Key) Name => (request.IntegratorId, request.Key);

    /// <summary>Which site it is for: another site's has another meaning.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>Whether the key is this query's; the caller knows that it was committed.</summary>
    public bool Bound { get; private set; }

    /// <summary>The query for which it was tried; empty before.</summary>
    public Guid QueryId => Volatile.Read(ref _query)?.Value ?? Guid.Empty;

    /// <summary>Completes when its query is being accepted, or when it has ended without.</summary>
    public Task Tried => _tried.Task;

    /// <summary>Answered, lost to another, or failed.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Cancelled when its query is not wanted any more; once that is accepted this means nothing, and the query is cancelled as any other.</summary>
    public CancellationToken Withdrawn => _withdrawn.Token;

    /// <summary>Its query is not wanted any more: what it waits for before it is accepted, it waits for no longer.</summary>
    public Task WithdrawAsync()
    {
        lock (_lock)
            return HasEnded ? Task.CompletedTask : _withdrawn.CancelAsync();
    }

    /// <summary>Inside the accepting transaction, which may run again from its beginning.</summary>
    public async Task<bool> TryAsync(DbTransaction t, Guid queryId)
    {
        Volatile.Write(ref _query, new(queryId));
        _tried.TrySetResult();
        (Bound, _removed) = await store.BindAsync(t, request, queryId, freed);
        return Bound;
    }

    /// <summary>Answered, lost to another, or failed.</summary>
    /// <returns>Whoever waits for this one may look.</returns>
    public IReadOnlyList<Guid> End()
    {
        lock (_lock)
            HasEnded = true;
        store.End(QueryId, _removed);
        _tried.TrySetResult();
        return [QueryId];
    }

    /// <summary>After its end.</summary>
    public void Dispose() => _withdrawn.Dispose();
}
