using Halo.Contracts.Queries;
using IsolationLevel = System.Data.IsolationLevel;
using Level = Halo.Contracts.Queries.IsolationLevel;

namespace Halo.Data.Reading;

/// <summary>What a batch's commands give back.</summary>
static class BatchRows
{
    /// <summary>The results that have rows, each with its columns, which are told only where they change.</summary>
    public static Queue<(QueryResult Result, IReadOnlyList<ResultColumn> Columns)> Of(IReadOnlyList<QueryResult> results)
    {
        var made = new Queue<(QueryResult, IReadOnlyList<ResultColumn>)>();
        IReadOnlyList<ResultColumn> columns = [];
        foreach (var result in results)
        {
            columns = result.Columns ?? columns;
            if (result.Data is not null && columns.Count > 0)
                made.Enqueue((result, columns));
        }
        return made;
    }

    /// <summary>How many rows were changed together; -1: nothing has a number.</summary>
    public static int AffectedOf(IReadOnlyList<QueryResult> results)
    {
        var counted = results.Where(r => r.RowsAffected >= 0).ToList();
        return counted.Count == 0 ? -1 : (int)Math.Min(counted.Sum(r => r.RowsAffected!.Value), int.MaxValue);
    }

    public static Level? LevelOf(IsolationLevel level) => level switch
    {
        IsolationLevel.ReadUncommitted => Level.ReadUncommitted,
        IsolationLevel.ReadCommitted => Level.ReadCommitted,
        IsolationLevel.RepeatableRead => Level.RepeatableRead,
        IsolationLevel.Snapshot => Level.Snapshot,
        IsolationLevel.Serializable => Level.Serializable,
        _ => null,
    };
}
