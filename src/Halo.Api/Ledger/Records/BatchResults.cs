using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>What the commands of a batch brought, as integrators see it.</summary>
static class BatchResults
{
    /// <summary>Bytes, rows and pages beyond which nothing real has any: their sums stay numbers.</summary>
    const long Most = 1L << 50;
    const int MostPages = 1 << 20;

    /// <summary>Whether what a Link says of them can be: what does not hold is not shown, and cuts no rows.</summary>
    public static bool AreSound(IReadOnlyList<BatchResult> results) => results.All(r =>
        r is { Size: >= 0 and <= Most, PageCount: >= 0 and <= MostPages, Rows: null or (>= 0 and <= Most), RowsAffected: null or (>= -1 and <= Most), ResultSets: >= 0 });

    /// <summary>Each result, without its rows. Columns that are those of the result before are not repeated.</summary>
    /// <param name="pages">Of an async query, those that are there; null: it has none.</param>
    /// <param name="isDone">Whether all of it is: output parameters exist only then.</param>
    public static IReadOnlyList<QueryResult> Show(IReadOnlyList<BatchResult> results, IReadOnlyList<PageRow>? pages = null, bool isDone = true)
    {
        var byNumber = pages?.ToDictionary(p => p.PageNumber);
        var before = 0;
        return [.. results.Select(Show)];

        QueryResult Show(BatchResult result)
        {
            var first = before + 1;
            before += result.PageCount;
            return new()
            {
                Rows = result.Rows,
                RowsAffected = result.RowsAffected,
                Size = result.Size,
                Parameters = isDone ? result.Parameters ?? [] : null,
                Columns = result.Columns,
                ResultSets = result.ResultSets,
                Pages = byNumber is null ? null
                    : [.. Enumerable.Range(first, result.PageCount).Select(n => byNumber.GetValueOrDefault(n)).OfType<PageRow>().Select(QueryView.PageOf)],
            };
        }
    }

    /// <summary>The pages of one of them.</summary>
    public static IEnumerable<PageRow> PagesOf(IReadOnlyList<BatchResult> results, int index, IReadOnlyList<PageRow> pages)
    {
        var before = results.Take(index).Sum(r => r.PageCount);
        return pages.Where(p => p.PageNumber > before && p.PageNumber <= before + results[index].PageCount);
    }

    /// <summary>Of which of them a page is; null: of none.</summary>
    public static int? IndexOf(IReadOnlyList<BatchResult> results, int pageNumber)
    {
        var pages = 0;
        for (var i = 0; i < results.Count; i++)
        {
            pages += results[i].PageCount;
            if (pageNumber <= pages)
                return i;
        }
        return null;
    }

    /// <summary>The columns of one of them; null where it has no rows.</summary>
    public static IReadOnlyList<ResultColumn>? ColumnsOf(IReadOnlyList<BatchResult> results, int index)
    {
        if (results[index].Rows is null)
            return null;
        // Told once where they repeat.
        while (results[index].Columns is null && index > 0)
            index--;
        return results[index].Columns;
    }
}
