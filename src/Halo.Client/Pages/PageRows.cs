using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Halo.Client.Calls;
using Halo.Client.Rows;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Client.Pages;

/// <summary>Rows of a finished async query, in their order; the next pages are fetched while one is read.</summary>
static class PageRows
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    public static async IAsyncEnumerable<T> ReadAsync<[DynamicallyAccessedMembers(Needed)] T>(SiteCalls site, Query query, [EnumeratorCancellation] CancellationToken stop)
    {
        var pages = query.Result?.Pages ?? [];
        var download = new PageDownload(site, query.Id);
        using var left = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var coming = new Queue<Task<Stream>>();
        var all = 0L;
        try
        {
            for (var (next, current) = (0, 0); current < pages.Count; current++)
            {
                while (next < pages.Count && coming.Count < site.Calls.Options.PageParallelism)
                    coming.Enqueue(download.FetchAsync(pages[next++].PageNumber, left.Token));
                var rows = new RowReader(await coming.Dequeue());
                await using (rows)
                {
                    Func<Row, T>? map = null;
                    while (await ReadRowAsync(rows, query, stop))
                        yield return (map ??= RowMapper.For<T>(rows.Row.Names))(rows.Row);
                    all += rows.Count;
                    if (rows.Count != pages[current].Rows.Count)
                        throw Damaged(query, null);
                }
            }
        }
        finally
        {
            // Whoever stops reading does not wait for what is still coming.
            await left.CancelAsync();
            while (coming.TryDequeue(out var page))
                _ = DropAsync(page);
        }
        // The service names no pages once they are gone.
        if (all != query.Result?.Rows)
            throw pages.Count == 0 ? Gone(query) : Damaged(query, null);
    }

    static async ValueTask<bool> ReadRowAsync(RowReader rows, Query query, CancellationToken stop)
    {
        try
        {
            return await rows.ReadAsync(stop);
        }
        catch (Exception e) when (e is IOException or JsonException or InvalidOperationException)
        {
            throw Damaged(query, e);
        }
    }

    static async Task DropAsync(Task<Stream> page)
    {
        await ((Task)page).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (page.IsCompletedSuccessfully)
            await page.Result.DisposeAsync();
    }

    static HaloException Gone(Query query) => new("The query's results are no longer kept: their time is over, or they were removed.")
    {
        Code = ErrorCodes.Gone,
        Executed = Executed.Yes,
        QueryId = query.Id,
        Query = query,
    };

    static HaloException Damaged(Query query, Exception? why) => new("The pages do not hold the rows that the query says.", why)
    {
        Code = HaloExceptionCodes.PageDamaged,
        Executed = Executed.Yes,
        QueryId = query.Id,
        Query = query,
    };
}
