using Halo.Api.Ledger;
using Halo.Api.Results.Pages;

namespace Halo.Api.Results.Retention;

/// <summary>Finds stored pages that the manifest does not have: what a process left that ended between bytes and row, or between row and bytes.</summary>
sealed partial class OrphanedPages(PageManifest manifest, IPageStore pages, ILogger<OrphanedPages> log)
{
    const int Step = 100;

    /// <summary>Looks through everything that is stored, some queries at a time. Of queries that still run nothing is touched: they are looked through when they end.</summary>
    /// <returns>How many queries had something to remove.</returns>
    public async Task<int> RemoveAsync(CancellationToken stop)
    {
        var (queries, strays) = (0, 0);
        foreach (var step in pages.Queries(Step))
        {
            stop.ThrowIfCancellationRequested();
            foreach (var (id, kept) in await manifest.StoredPagesAsync(step))
            {
                if (kept.Count == 0)
                    await pages.DeleteAsync(id, stop);
                else if (await pages.KeepOnlyAsync(id, kept, stop) is > 0 and var removed)
                    strays += removed;
                else
                    continue;
                queries++;
            }
        }
        if (queries > 0)
            LogRemoved(queries, strays);
        return queries;
    }

    [LoggerMessage(1320, LogLevel.Information, "Removed stored pages that the ledger does not have: of {Queries} queries, {Strays} of them beside pages that stay")]
    partial void LogRemoved(int queries, int strays);
}
