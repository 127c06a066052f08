using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries;
using Halo.Api.Results.Pages;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger;

/// <summary>
/// The durable record of every query: who, where, when, how much, how it ended. A task of it completes only when the write
/// would survive a power loss. Every move of a query is one conditional update whose condition is <see cref="QueryLifecycle"/>'s.
/// </summary>
/// <remarks>
/// Immediate queries go through the group commit, one statement for each move. Moves of async queries are units: each locks
/// its query's row first. Pages of queries that end otherwise than successful leave the manifest in the same transaction;
/// their bytes go after the commit.
/// </remarks>
sealed partial class QueryLedger(Database database, MasterKeys keys, IPageStore pages, LedgerOptions options, TimeProvider time)
{
    /// <summary>Raised with each deadline that a query is given, after the commit: <see cref="DeadlineWatch"/> listens.</summary>
    public event Action<DateTimeOffset>? DeadlineGiven;

    /// <summary>Raised with the queries that have become final, after the commit.</summary>
    public event Action<IReadOnlyList<Guid>>? Settled;

    long Now => time.GetUtcNow().Ms();

    /// <summary>Opens the key of a query's pages.</summary>
    public DataKey KeyOf(QueryRecord query) => keys.OpenDataKey(query.Id, query.WrappedKey!);

    static QueryDetail DetailOf(Settlement s) => new() { Columns = s.Columns, Parameters = s.Parameters, Error = s.Error, Notices = s.Notices };

    /// <summary>Sealed under a new key, where there is anything to seal.</summary>
    (byte[]? Key, byte[]? Detail) SealNew(Guid queryId, QueryDetail detail)
    {
        if (detail.IsEmpty)
            return (null, null);
        var key = keys.NewDataKey(queryId);
        return (key.Wrapped, LedgerSeal.Seal(key, detail));
    }

    /// <summary>After a commit that made this one final.</summary>
    void Tell(Guid queryId, QueryMode mode, QueryStatus status)
    {
        Telemetry.Ended(queryId, mode, QueryLifecycle.Word(status), time.GetUtcNow());
        Settled?.Invoke([queryId]);
    }

    /// <summary>After a commit: who waits is told, then the bytes of pages go that are no longer in the manifest.</summary>
    public async Task ConcludeAsync(IReadOnlyList<SettledQuery> settled)
    {
        var now = time.GetUtcNow();
        foreach (var query in settled)
            Telemetry.Ended(query.QueryId, query.Mode, QueryLifecycle.Word(query.Status), now);
        if (settled.Count > 0)
            Settled?.Invoke([.. settled.Select(s => s.QueryId)]);
        foreach (var query in settled.Where(q => q.DropsPages))
            await pages.DeleteAsync(query.QueryId, CancellationToken.None);
    }

    void Hint(long deadline) => DeadlineGiven?.Invoke(DateTimeOffset.FromUnixTimeMilliseconds(deadline));
}
