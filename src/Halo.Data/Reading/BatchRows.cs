using Halo.Client.Commands;
using Halo.Contracts.Queries;
using IsolationLevel = System.Data.IsolationLevel;
using Level = Halo.Contracts.Queries.IsolationLevel;

namespace Halo.Data.Reading;

/// <summary>What a batch's commands give back.</summary>
static class BatchRows
{
    static readonly string[] Returning = ["RETURNING", "OUTPUT"];

    /// <summary>Whether a reader wants rows of it, which the service has to be told before it runs.</summary>
    public static bool AreWanted(HaloDbBatchCommand command)
    {
        if (command.ReturnsRows is { } said)
            return said;
        if (command.CommandType != System.Data.CommandType.Text)
            return true;
        return ReadingText.Reads(new QueryCommand(command.CommandText)) || WordsOf(command.CommandText).Any(w => Array.Exists(Returning, r => r.Equals(w, StringComparison.OrdinalIgnoreCase)));
    }

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

    public static Level? LevelOf(IsolationLevel level) => level switch
    {
        IsolationLevel.ReadUncommitted => Level.ReadUncommitted,
        IsolationLevel.ReadCommitted => Level.ReadCommitted,
        IsolationLevel.RepeatableRead => Level.RepeatableRead,
        IsolationLevel.Snapshot => Level.Snapshot,
        IsolationLevel.Serializable => Level.Serializable,
        _ => null,
    };

    /// <summary>The words outside quotes and comments.</summary>
    static IEnumerable<string> WordsOf(string text)
    {
        var place = new SqlPlace();
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var isOfWord = i < text.Length && place.IsOutside && (char.IsLetterOrDigit(text[i]) || text[i] is '_' or '@');
            if (isOfWord && start < 0)
                start = i;
            if (!isOfWord && start >= 0)
            {
                yield return text[start..i];
                start = -1;
            }
            if (i < text.Length)
                place.Pass(text[i]);
        }
    }
}
