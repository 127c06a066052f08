using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Completion;

/// <summary>What follows a commit that made queries final: it is counted, those who wait are told, and stored pages that are nobody's are removed.</summary>
/// <remarks>Whoever settles calls this once, after the commit, for what its own call moved.</remarks>
class SettlementEffects(QueryWaiters waiters, IPageStore pages, TimeProvider time)
{
    /// <summary>Of queries of any kind.</summary>
    /// <exception cref="IOException">Pages could not be removed. Those who wait were told; the look for orphans at the next start finds what is left.</exception>
    public async Task ApplyAsync(IReadOnlyList<SettledQuery> settled)
    {
        foreach (var query in settled)
            Ended(query.QueryId, query.Mode, query.Status);
        foreach (var query in settled)
        {
            if (query.DropsPages)
                await pages.DeleteAsync(query.QueryId, CancellationToken.None);
            else if (query.KeptPages is { } kept)
                await RemoveStraysAsync(query.QueryId, kept);
        }
    }

    /// <summary>Of one query that has no pages, or of which nothing was stored.</summary>
    public void Ended(Guid queryId, QueryMode mode, QueryStatus status)
    {
        Telemetry.Ended(queryId, mode, QueryLifecycle.Word(status), time.GetUtcNow());
        Tell(queryId);
    }

    /// <summary>Of an immediate query that was sent.</summary>
    public void Ended(Guid queryId, Settlement end)
    {
        Ended(queryId, QueryMode.Immediate, end.Status);
        Telemetry.Worked(QueryMode.Immediate, end.Timings, end.UploadMs, end.Rows, end.Size);
    }

    /// <summary>Wakes those who wait for the query.</summary>
    protected virtual void Tell(Guid queryId) => waiters.Wake(queryId);

    async Task RemoveStraysAsync(Guid queryId, IReadOnlyList<PageName> kept)
    {
        try
        {
            await pages.KeepOnlyAsync(queryId, kept, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // They harm nobody; the look for orphans at the next start finds them.
        }
    }
}
