namespace Halo.LinkProtocol.Messages;

/// <summary>
/// What a Link answers to <see cref="Execute.Schema"/>: the results of a batch of <see cref="Count"/>, one for each part, in this order. The names are those of their
/// columns. <c>t</c> is whatever tells one table (or routine) from another within the answer, a number or a text.
/// </summary>
public static class SchemaParts
{
    /// <summary>Tables and views: <c>t</c>, <c>s</c> schema (null: it has none), <c>n</c> name, <c>k</c> (<c>table</c> or <c>view</c>), <c>c</c> comment.</summary>
    public const int Tables = 0;

    /// <summary>Their columns, those of a table in their order: <c>t</c>, <c>n</c> name, <c>y</c> the database's own type, <c>u</c> whether NULL can occur, <c>d</c> default as the database writes it, <c>c</c> comment.</summary>
    public const int Columns = 1;

    /// <summary>
    /// Keys and indexes, a row for each column, those of one together and in their order: <c>t</c>, <c>x</c> name (null: it has none), <c>k</c> (<c>p</c> primary key,
    /// <c>u</c> unique key, <c>j</c> unique index, <c>i</c> index), <c>n</c> column, or an expression as the database writes it.
    /// </summary>
    public const int Keys = 2;

    /// <summary>
    /// Foreign keys, likewise: <c>t</c>, <c>x</c> name (a number: it has none, and is told from others by it), <c>n</c> column, <c>s</c> schema and <c>m</c> name of the
    /// table that it refers to, <c>o</c> column there (null: of its primary key).
    /// </summary>
    public const int ForeignKeys = 3;

    /// <summary>Procedures and functions: <c>t</c>, <c>s</c>, <c>n</c>, <c>k</c> (<c>procedure</c> or <c>function</c>), <c>y</c> what a function returns, <c>c</c>.</summary>
    public const int Routines = 4;

    /// <summary>Their parameters, in order: <c>t</c>, <c>n</c> name (may be empty), <c>y</c> type, <c>k</c> (<c>i</c> in, <c>o</c> out, <c>b</c> both).</summary>
    public const int Parameters = 5;

    /// <summary>How many parts there are.</summary>
    public const int Count = 6;
}
