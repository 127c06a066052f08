using System.Globalization;

namespace Halo.Api.Ledger.Events;

/// <summary>Several rows in one statement: an operator's decision may end thousands of queries at once.</summary>
static class Rows
{
    /// <summary>In one statement.</summary>
    public const int Most = 50;

    /// <summary>The statement for so many rows. Its parameters are <c>@r0c0</c>, <c>@r0c1</c> and so on.</summary>
    public static string Insert(string table, IReadOnlyList<string> columns, int rows) =>
        $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES "
        + string.Join(", ", Enumerable.Range(0, rows).Select(r => $"({string.Join(", ", columns.Select((_, c) => "@" + Name(r, c)))})"));

    /// <summary>Values of the parameters, in the order of the columns.</summary>
    public static (string, object?)[] Values<T>(IReadOnlyList<T> rows, Func<T, object?[]> values) =>
        [.. rows.SelectMany((row, r) => values(row).Select((value, c) => (Name(r, c), value)))];

    static string Name(int row, int column) => string.Create(CultureInfo.InvariantCulture, $"r{row}c{column}");
}
