using Halo.Api.Ledger;
using Halo.Api.Results.Pages;

namespace Halo.Api.Results.Retention;

/// <summary>Finds stored pages that the manifest does not have: what a process left that ended between bytes and row, or between row and bytes.</summary>
sealed partial class OrphanedPages(PageManifest manifest, IPageStore pages, ILogger<OrphanedPages> log)
{
    const int Step = 100;

    /// <summary>Looks through everything that is stored, some queries at a time. Of queries that still run nothing is touched: they are looked through when they end.</summary>
    /// <returns>Of how many queries something was removed, and of how many it could not be: that is nothing to anybody else's pages.</returns>
    public async Task<(int Queries, int Left)> RemoveAsync(CancellationToken stop)
    {
        var (queries, strays, left, why) = (0, 0, 0, "");
        foreach (var step in pages.Queries(Step))
        {
            stop.ThrowIfCancellationRequested();
            foreach (var (id, kept) in await manifest.StoredPagesAsync(step))
            {
                try
                {
                    var removed = kept.Count > 0 ? await pages.KeepOnlyAsync(id, kept, stop) : 0;
                    if (kept.Count == 0)
                        await pages.DeleteAsync(id, stop);
                    else if (removed == 0)
                        continue;
                    (queries, strays) = (queries + 1, strays + removed);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    (left, why) = (left + 1, e.GetType().Name);
                }
            }
        }
        if (queries > 0)
            LogRemoved(queries, strays);
        if (left > 0)
            LogLeft(left, why);
        return (queries, left);
    }

    [LoggerMessage(1320, LogLevel.Information, "Removed stored pages that the ledger does not have: of {Queries} queries, {Strays} of them beside pages that stay")]
    partial void LogRemoved(int queries, int strays);

    [LoggerMessage(1324, LogLevel.Warning, "Failed to remove stored pages of {Queries} queries ({Exception}); retrying within an hour. Check the rights and the file system of the data directory.")]
    partial void LogLeft(int queries, string exception);
}
