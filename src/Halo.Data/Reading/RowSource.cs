using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Data.Reading;

/// <summary>The rows of one result, wherever they come from. Its columns are there once the first row, or that there is none, was read.</summary>
abstract class RowSource : IAsyncDisposable
{
    public abstract Row Row { get; }

    public abstract IReadOnlyList<ResultColumn> Columns { get; }

    /// <returns>False: there are no more, and all were there.</returns>
    public abstract ValueTask<bool> ReadAsync(CancellationToken stop);

    public abstract ValueTask DisposeAsync();
}

/// <summary>As they come from the practice.</summary>
sealed class LiveSource(LiveRows rows) : RowSource
{
    public override Row Row => rows.Row;

    public override IReadOnlyList<ResultColumn> Columns => rows.Columns ?? [];

    public Guid? QueryId => rows.QueryId;

    public override ValueTask<bool> ReadAsync(CancellationToken stop) => rows.ReadAsync(stop);

    public override ValueTask DisposeAsync() => rows.DisposeAsync();
}

/// <summary>In an answer that is here whole.</summary>
/// <param name="result">The result with its rows.</param>
/// <param name="columns">Its columns, which a batch tells only where they change.</param>
sealed class StoredSource(QueryResult result, IReadOnlyList<ResultColumn> columns) : RowSource
{
    readonly RowReader _rows = new(new MemoryStream(Convert.FromBase64String(result.Data ?? ""), writable: false));

    /// <summary>Of what gave no rows.</summary>
    public static StoredSource Empty() => new(new QueryResult { Rows = 0, Data = "W10=" }, []);

    /// <summary>How many results the command gave; this is the first of them.</summary>
    public int Results => result.ResultSets ?? 1;

    public override Row Row => _rows.Row;

    public override IReadOnlyList<ResultColumn> Columns => columns;

    public override async ValueTask<bool> ReadAsync(CancellationToken stop)
    {
        if (await _rows.ReadAsync(stop))
            return true;
        return _rows.Count == result.Rows ? false : throw new InvalidDataException("The answer has not as many rows as it says.");
    }

    public override ValueTask DisposeAsync() => _rows.DisposeAsync();
}
