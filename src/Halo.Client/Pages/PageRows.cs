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
        await foreach (var rows in PagesAsync(query, new PageDownload(site, query.Id).FetchAsync, site.Calls.Options.PageParallelism, stop))
        {
            Func<Row, T>? map = null;
            while (await ReadRowAsync(rows, query, stop))
                yield return (map ??= RowMapper.For<T>(rows.Row.Names))(rows.Row);
        }
    }

    /// <summary>Its pages in their order. Each is to be read to its end, by <see cref="ReadRowAsync"/>, before the next is asked for.</summary>
    /// <param name="fetch">Gives the rows of a page by its number; several are called at once.</param>
    public static async IAsyncEnumerable<RowReader> PagesAsync(
        Query query, Func<int, CancellationToken, Task<Stream>> fetch, int parallelism, [EnumeratorCancellation] CancellationToken stop)
    {
        var pages = query.Result?.Pages ?? [];
        using var left = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var coming = new Queue<Task<Stream>>();
        var all = 0L;
        try
        {
            for (var (next, current) = (0, 0); current < pages.Count; current++)
            {
                while (next < pages.Count && coming.Count < parallelism)
                    coming.Enqueue(fetch(pages[next++].PageNumber, left.Token));
                var rows = new RowReader(await coming.Dequeue());
                await using (rows)
                {
                    yield return rows;
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

    /// <summary>Goes on to the next row of a page.</summary>
    public static async ValueTask<bool> ReadRowAsync(RowReader rows, Query query, CancellationToken stop)
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
