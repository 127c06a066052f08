using System.Collections.Concurrent;
using System.Data.Common;
using Halo.Api.Queries.Immediate;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Queries.Idempotency;

/// <summary>A key that is bound to a query.</summary>
/// <param name="Hash">Of the request that bound it.</param>
sealed record BoundKey(Guid QueryId, byte[] Hash);

/// <summary>Which key stands for which query, for 24 hours, and the answers that were given, encrypted.</summary>
/// <remarks>The sum of what is kept is counted in memory: among several nodes each counts its own and what it found at start.</remarks>
sealed class IdempotencyStore(Database database, MasterKeys keys, ResultOptions options, TimeProvider time)
{
    static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);
    const int Step = 10;

    readonly ConcurrentDictionary<Guid, bool> _running = new();
    long _kept;

    /// <summary>Counts what earlier runs of the service have kept.</summary>
    public async Task LoadAsync() => _kept = (await database.ReadAsync(r => r.GetInt64(0),
        "SELECT CAST(COALESCE(SUM(answer_size), 0) AS BIGINT) FROM idempotency_keys"))[0];

    /// <summary>Whether the request that bound the key is still being answered, by this process.</summary>
    public bool IsRunning(Guid queryId) => _running.ContainsKey(queryId);

    /// <summary>What the key is bound to now.</summary>
    public Task<BoundKey?> FindAsync(IdempotentRequest request) => FindAsync(request.IntegratorId, request.Key);

    /// <inheritdoc cref="FindAsync(IdempotentRequest)"/>
    public async Task<BoundKey?> FindAsync(Guid integratorId, string key)
    {
        var found = await database.ReadAsync(r => new BoundKey(r.GetGuid(0), r.GetFieldValue<byte[]>(1)),
            "SELECT query_id, request_hash FROM idempotency_keys WHERE integrator_id = @integrator AND idempotency_key = @key AND expires_at > @now",
            ("integrator", integratorId), ("key", key), ("now", time.GetUtcNow().Ms()));
        return found.Count == 0 ? null : found[0];
    }

    /// <summary>Inside the transaction that accepts the query: binds the key, unless another query has it.</summary>
    /// <param name="freed">A query that had it and never ran.</param>
    /// <returns>Whether it is this query's, and the bytes of answers that went to make room.</returns>
    public async Task<(bool Bound, long Removed)> BindAsync(DbTransaction t, IdempotentRequest request, Guid queryId, Guid freed)
    {
        var now = time.GetUtcNow();
        var removed = await t.ReadAsync(r => r.LongOrNull(0) ?? 0,
            """
            DELETE FROM idempotency_keys
            WHERE integrator_id = @integrator AND idempotency_key = @key AND (expires_at <= @now OR query_id = @freed) RETURNING answer_size
            """,
            [.. Named(request), ("now", now.Ms()), ("freed", freed)]);
        var locked = database.ForUpdate.Length == 0 ? "" : $"{database.ForUpdate} SKIP LOCKED";
        removed.AddRange(await t.ReadAsync(r => r.LongOrNull(0) ?? 0,
            $"""
            DELETE FROM idempotency_keys WHERE query_id IN (
              SELECT query_id FROM idempotency_keys WHERE expires_at <= @now ORDER BY expires_at LIMIT {Step}{locked})
            RETURNING answer_size
            """,
            ("now", now.Ms())));
        // Running before the commit: whoever finds the row finds that too.
        _running[queryId] = true;
        var bound = await t.RunAsync(
            """
            INSERT INTO idempotency_keys (integrator_id, idempotency_key, request_hash, query_id, created_at, expires_at)
            VALUES (@integrator, @key, @hash, @query, @now, @expires) ON CONFLICT DO NOTHING
            """,
            [.. Named(request), ("hash", request.Hash), ("query", queryId), ("now", now.Ms()), ("expires", (now + Lifetime).Ms())]) > 0;
        return (bound, removed.Sum());
    }

    /// <summary>Takes keys whose time is over, with their answers, some in one call.</summary>
    /// <returns>How many went.</returns>
    public async Task<int> ForgetAsync()
    {
        var locked = database.ForUpdate.Length == 0 ? "" : $"{database.ForUpdate} SKIP LOCKED";
        var removed = await database.WriteAsync(t => t.ReadAsync(r => r.LongOrNull(0) ?? 0,
            $"""
            DELETE FROM idempotency_keys WHERE query_id IN (
              SELECT query_id FROM idempotency_keys WHERE expires_at <= @now ORDER BY expires_at LIMIT {Step}{locked})
            RETURNING answer_size
            """,
            ("now", time.GetUtcNow().Ms())));
        Interlocked.Add(ref _kept, -removed.Sum());
        return removed.Count;
    }

    /// <summary>When the next key's time is over; null: there is none.</summary>
    public async Task<DateTimeOffset?> NextExpiryAsync() =>
        (await database.ReadAsync(r => r.TimeOrNull(0), "SELECT MIN(expires_at) FROM idempotency_keys"))[0];

    /// <summary>The request of this query is answered, or failed.</summary>
    public void End(Guid queryId, long removed)
    {
        Interlocked.Add(ref _kept, -removed);
        _running.TryRemove(queryId, out _);
    }

    /// <summary>Keeps an answer for repeats. Where it cannot be kept, for the bound of all together or for the store, repeats get the state alone.</summary>
    public async Task KeepAsync(IdempotentRequest request, Guid queryId, KeptAnswer answer)
    {
        if (answer.IsTooLarge)
            return;
        var plain = answer.ToBytes();
        if (Interlocked.Add(ref _kept, plain.Length) > options.ReplayBytes)
        {
            Interlocked.Add(ref _kept, -plain.Length);
            return;
        }
        var key = keys.NewDataKey(queryId);
        try
        {
            if (await database.CommitAsync(new(
                """
                UPDATE idempotency_keys SET wrapped_key = @wrapped, answer = @answer, answer_size = @size
                WHERE integrator_id = @integrator AND idempotency_key = @key AND query_id = @query AND removed_at IS NULL
                """,
                [
                    .. Named(request), ("query", queryId), ("wrapped", key.Wrapped), ("answer", SealedBlob.Seal(key, BlobPlace.Answer, plain)),
                    ("size", (long)plain.Length),
                ])) > 0)
            {
                return;
            }
            // Removed before it was there.
            Interlocked.Add(ref _kept, -plain.Length);
        }
        catch (Exception)
        {
            // Whatever the store threw: the query has its end, or its place in the queue, and its caller hears of that.
            Interlocked.Add(ref _kept, -plain.Length);
        }
    }

    /// <summary>Inside a transaction: removes what an immediate query brought, where that is kept for repeats, and keeps none from then on. They get its state alone.</summary>
    /// <returns>The bytes that went: <see cref="Removed"/> is told after the commit.</returns>
    public async Task<long> RemoveAnswerAsync(DbTransaction t, Guid queryId)
    {
        const string Which = "query_id = @query AND EXISTS (SELECT 1 FROM queries q WHERE q.id = @query AND q.mode = 'immediate')";
        var sizes = await t.ReadAsync(r => r.LongOrNull(0) ?? 0, $"SELECT answer_size FROM idempotency_keys WHERE {Which}{database.ForUpdate}", ("query", queryId));
        await t.RunAsync($"UPDATE idempotency_keys SET wrapped_key = NULL, answer = NULL, answer_size = NULL, removed_at = @now WHERE {Which}",
            ("query", queryId), ("now", time.GetUtcNow().Ms()));
        return sizes.Sum();
    }

    /// <summary>So many bytes of answers are not kept any more.</summary>
    public void Removed(long bytes) => Interlocked.Add(ref _kept, -bytes);

    /// <summary>Bytes of the answer that was kept; 0: none was.</summary>
    public async Task<long> SizeAsync(IdempotentRequest request, Guid queryId) => (await database.ReadAsync(r => r.LongOrNull(0) ?? 0,
        "SELECT answer_size FROM idempotency_keys WHERE integrator_id = @integrator AND idempotency_key = @key AND query_id = @query",
        [.. Named(request), ("query", queryId)])).SingleOrDefault();

    /// <summary>The answer that was given; null: it was not kept.</summary>
    public async Task<KeptAnswer?> OpenAsync(IdempotentRequest request, Guid queryId)
    {
        var found = await database.ReadAsync(r => (Key: r.GetFieldValue<byte[]>(0), Answer: r.GetFieldValue<byte[]>(1)),
            """
            SELECT wrapped_key, answer FROM idempotency_keys
            WHERE integrator_id = @integrator AND idempotency_key = @key AND query_id = @query AND answer IS NOT NULL
            """,
            [.. Named(request), ("query", queryId)]);
        return found is [var row]
            ? KeptAnswer.Read(SealedBlob.Open(keys.OpenDataKey(queryId, row.Key), BlobPlace.Answer, row.Answer))
            : null;
    }

    static (string, object?)[] Named(IdempotentRequest request) => [("integrator", request.IntegratorId), ("key", request.Key)];
}
