using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Contracts.Queries;

namespace Halo.Api.Results;

/// <summary>A result of a query, with all its pages: of a batch one of its commands'.</summary>
sealed record WholeResult(QueryRecord Query, IReadOnlyList<ResultColumn> Columns, IReadOnlyList<PageRow> Pages)
{
    /// <summary>The result that is asked for, or what is wrong with that.</summary>
    /// <param name="asked">Its index from 0, as text; empty: none is named, which is enough where there is one.</param>
    public static (WholeResult? Result, Refusal? Refusal) Of(QueryRecord query, string asked)
    {
        var count = query.Detail.Results?.Count ?? 1;
        var index = 0;
        if (asked.Length == 0 ? query.Detail.Results is not null : !int.TryParse(asked, out index) || index < 0 || index >= count)
            return (null, Refusal.Invalid("result", count == 1 && query.Detail.Results is null
                ? "chooses among the results of a batch; this query has one, and needs no number."
                : $"must be a whole number from 0 to {count - 1}: the query is a batch and has a result for each command."));
        if (query.Detail.Results is not { } results)
            return (new(query, query.Detail.Columns ?? [], query.Pages), null);
        return BatchResults.ColumnsOf(results, index) is { } columns
            ? (new(query, columns, [.. BatchResults.PagesOf(results, index, query.Pages)]), null)
            : (null, Refusal.Invalid("result", $"names a nonQuery, which has no rows; the query itself says how many it changed (results[{index}].rowsAffected)."));
    }
}
