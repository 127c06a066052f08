using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>What a query brought back.</summary>
public sealed record QueryResult
{
    /// <summary>Rows of a reader or scalar, from 0; absent of a nonQuery.</summary>
    public long? Rows { get; init; }

    /// <summary>Rows changed by a nonQuery, over all its statements; -1 where the database gives no number. Absent of others.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Bytes of the rows as UTF-8 JSON, before base64 and compression.</summary>
    public long Size { get; init; }

    /// <summary>Base64 of the UTF-8 JSON array of row objects; immediate queries only.</summary>
    public string? Data { get; init; }

    /// <summary>Output parameters and return value, in the caller's order, once successful; empty where there are none.</summary>
    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>Columns of the result, also where it has no rows; absent of a nonQuery.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; init; }

    /// <summary>How many result sets the command gave, from 0; <c>?resultSet=</c> chooses one.</summary>
    public int? ResultSets { get; init; }

    /// <summary>Stored pages, in order; async queries only, empty of a nonQuery.</summary>
    public IReadOnlyList<ResultPage>? Pages { get; init; }
}

/// <summary>One column of a result.</summary>
/// <param name="Name">As it stands in each row; unnamed and repeated names are numbered.</param>
/// <param name="Type">The nearest of the contract's type names; null where there is none.</param>
/// <param name="DatabaseType">The database's own name of the type.</param>
public sealed record ResultColumn(string Name, SqlType? Type, string DatabaseType)
{
    /// <summary>Whether NULL can occur; null where the database does not say.</summary>
    public bool? Nullable { get; init; }

    /// <summary>Declared size in the database's own unit (SQL Server bytes or characters, -1 for max; PostgreSQL characters); null where it has none.</summary>
    public int? Size { get; init; }

    /// <summary>Total digits of a decimal; null where it is no decimal or none is declared.</summary>
    public int? Precision { get; init; }

    /// <summary>Digits after the point of a decimal; null where it is no decimal or none is declared.</summary>
    public int? Scale { get; init; }
}

/// <summary>A parameter as the database left it.</summary>
/// <param name="Name">As the caller named it.</param>
/// <param name="Direction">As the caller gave it.</param>
/// <param name="Type">As the caller gave it.</param>
/// <param name="Value">As text, by the same rules as a value of a row; null is NULL.</param>
/// <param name="Size">As the caller gave it.</param>
public sealed record OutputParameter(
    string Name,
    ParameterDirection Direction,
    SqlType? Type,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Value,
    int? Size)
{
    /// <summary>The database's own name of its type, where a command was described and the database says; else null.</summary>
    public string? DatabaseType { get; init; }
}

/// <summary>One stored page of an async result.</summary>
/// <param name="PageNumber">From 1.</param>
/// <param name="Status">Whether it can be read.</param>
/// <param name="Size">Bytes of its JSON, about 1 MiB; one huge row is never split.</param>
/// <param name="Rows">Which rows it holds.</param>
public sealed record ResultPage(int PageNumber, PageStatus Status, long Size, RowRange Rows);

/// <summary>Whether a page can be read.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<PageStatus>))]
public enum PageStatus
{
    /// <summary>Announced.</summary>
    Queued,

    /// <summary>On its way.</summary>
    Uploading,

    /// <summary>Stored; can be read.</summary>
    Cached,
}

/// <summary>The rows of a page, counted from 0; the range is inclusive and absent where there are none.</summary>
/// <param name="Count">Rows in the page, from 0.</param>
/// <param name="RangeStart">Index of its first row, from 0.</param>
/// <param name="RangeEnd">Index of its last row, inclusive.</param>
public sealed record RowRange(long Count, long? RangeStart, long? RangeEnd)
{
    /// <summary>The range of <paramref name="count"/> rows from <paramref name="start"/>.</summary>
    public static RowRange From(long start, long count) =>
        count == 0 ? new(0, null, null) : new(count, start, start + count - 1);
}

/// <summary>One page's rows as the page call answers them.</summary>
/// <param name="Data">Base64 of the page's UTF-8 JSON array, of at most 8 MiB: a larger page is a 413 here and served by <c>/stream</c>.</param>
/// <param name="Parameters">Output parameters, once the query is successful; empty before.</param>
public sealed record PageContent(string Data, IReadOnlyList<OutputParameter> Parameters);
