using Halo.Api.Basics;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Pages;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Settling;

/// <summary>What follows a commit that made queries final: it is counted, those who wait are told, and stored pages that are nobody's are removed.</summary>
/// <remarks>Whoever settles calls this once, after the commit, for what its own call moved.</remarks>
partial class SettlementEffects(QueryWaiters waiters, EventSignals signals, IPageStore pages, TimeProvider time, ILogger<SettlementEffects> log)
{
    /// <summary>Of queries of any kind. What cannot be removed harms nobody: the look for orphans at the next start finds it.</summary>
    public async Task ApplyAsync(IReadOnlyList<SettledQuery> settled)
    {
        foreach (var query in settled)
            Apply(query.QueryId, query.Mode, query.Status);
        signals.Raise(settled.Where(q => q.Mode == QueryMode.Async).Select(q => q.IntegratorId));
        foreach (var query in settled)
            await RemovePagesAsync(query);
    }

    /// <summary>Of one query that has no pages, or of which nothing was stored.</summary>
    public void Apply(Guid queryId, QueryMode mode, QueryStatus status)
    {
        Telemetry.Ended(queryId, mode, QueryLifecycle.Word(status), time.GetUtcNow());
        Tell(queryId);
    }

    /// <summary>Of an immediate query that was sent.</summary>
    public void Apply(Guid queryId, Settlement end)
    {
        Apply(queryId, QueryMode.Immediate, end.Status);
        Telemetry.Worked(QueryMode.Immediate, end.Timings, end.UploadMs, end.Rows, end.Size);
    }

    /// <summary>Wakes those who wait for the query.</summary>
    protected virtual void Tell(Guid queryId) => waiters.Wake(queryId);

    async Task RemovePagesAsync(SettledQuery query)
    {
        try
        {
            if (query.DropsPages)
                await pages.DeleteAsync(query.QueryId, CancellationToken.None);
            else if (query.KeptPages is { } kept)
                await pages.KeepOnlyAsync(query.QueryId, kept, CancellationToken.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotRemoved(query.QueryId, e.GetType().Name);
        }
    }

    [LoggerMessage(1221, LogLevel.Warning, "Failed to remove stored pages of query {QueryId} ({Exception}); the next start removes them.")]
    partial void LogNotRemoved(Guid queryId, string exception);
}
