using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>What the commands of a batch brought, as integrators see it.</summary>
static class BatchResults
{
    /// <summary>Each result, without its rows.</summary>
    /// <param name="pages">Of an async query, those that are there; null: it has none.</param>
    public static IReadOnlyList<QueryResult> Show(IReadOnlyList<BatchResult> results, IReadOnlyList<PageRow>? pages = null)
    {
        var shown = new QueryResult[results.Count];
        for (var i = 0; i < shown.Length; i++)
        {
            var result = results[i];
            shown[i] = new()
            {
                Rows = result.Rows,
                RowsAffected = result.RowsAffected,
                Size = result.Size,
                Parameters = result.Parameters ?? [],
                Columns = ColumnsOf(results, i),
                ResultSets = result.ResultSets,
                Pages = pages is null ? null : [.. PagesOf(results, i, pages).Select(QueryView.PageOf)],
            };
        }
        return shown;
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
