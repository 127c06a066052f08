using System.Text.Json.Serialization;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Contracts.Sites;

/// <summary>What a site's database has, as far as the integrator's login there may see it.</summary>
/// <param name="Catalogue">Which of the site's databases.</param>
/// <param name="ReadAt">When it was read at the practice: UTC, milliseconds, by the service's clock.</param>
/// <param name="Hash">SHA-256 of tables and routines, 64 lower-case hexadecimal digits: another one is another schema.</param>
/// <param name="Tables">Tables and views, by schema and name; those of the database system itself, and temporary ones, are not among them.</param>
/// <param name="Routines">Procedures and functions, by schema and name; empty where the database has none.</param>
public sealed record DatabaseSchema(string Catalogue, DateTimeOffset ReadAt, string Hash, IReadOnlyList<SchemaTable> Tables, IReadOnlyList<SchemaRoutine> Routines);

/// <summary>A table or view.</summary>
/// <param name="Schema">Its schema; absent where the database has none (SQLite).</param>
/// <param name="Name">Its name, as the database has it, without quotes.</param>
/// <param name="Kind">Which of the two.</param>
/// <param name="Columns">In their order; empty of a view that is broken.</param>
public sealed record SchemaTable(string? Schema, string Name, SchemaTableKind Kind, IReadOnlyList<SchemaColumn> Columns)
{
    /// <summary>What the database says of it; absent where it says nothing.</summary>
    public string? Comment { get; init; }

    /// <summary>Absent where it has none.</summary>
    public SchemaKey? PrimaryKey { get; init; }

    /// <summary>Further columns that name each row once; absent where there are none.</summary>
    public IReadOnlyList<SchemaKey>? UniqueKeys { get; init; }

    /// <summary>What it refers to; absent where it does not.</summary>
    public IReadOnlyList<SchemaForeignKey>? ForeignKeys { get; init; }

    /// <summary>Indexes that are no keys; absent where there are none.</summary>
    public IReadOnlyList<SchemaIndex>? Indexes { get; init; }
}

/// <summary>What of two it is.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SchemaTableKind>))]
public enum SchemaTableKind
{
    /// <summary>A table.</summary>
    Table,

    /// <summary>A view.</summary>
    View,
}

/// <summary>A column of a table or view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DatabaseType">The database's own name of its type, with its size; empty where it declares none (SQLite).</param>
/// <param name="Nullable">Whether NULL can occur, as the database tells it: of a view it may say more than is so.</param>
public sealed record SchemaColumn(string Name, string DatabaseType, bool Nullable)
{
    /// <summary>Its default, as the database writes it; absent where it has none.</summary>
    public string? Default { get; init; }

    /// <summary>What the database says of it; absent where it says nothing.</summary>
    public string? Comment { get; init; }
}

/// <summary>Columns that name each row once.</summary>
/// <param name="Name">The key's own name; absent where it has none.</param>
/// <param name="Columns">In their order.</param>
public sealed record SchemaKey(string? Name, IReadOnlyList<string> Columns);

/// <summary>An index.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">In their order; an expression stands as the database writes it.</param>
/// <param name="Unique">Whether it lets each combination occur once.</param>
public sealed record SchemaIndex(string? Name, IReadOnlyList<string> Columns, bool Unique);

/// <summary>Columns that refer to a row of another table.</summary>
/// <param name="Name">Its name; absent where it has none.</param>
/// <param name="Columns">In their order.</param>
/// <param name="ReferencedSchema">Schema of the table that they refer to; absent where the database has none.</param>
/// <param name="ReferencedTable">Its name.</param>
/// <param name="ReferencedColumns">For each column the one that it refers to; absent: the primary key.</param>
public sealed record SchemaForeignKey(string? Name, IReadOnlyList<string> Columns, string? ReferencedSchema, string ReferencedTable, IReadOnlyList<string>? ReferencedColumns);

/// <summary>A procedure or function.</summary>
/// <param name="Schema">Its schema.</param>
/// <param name="Name">Its name; several may share it.</param>
/// <param name="Kind">Which of the two.</param>
/// <param name="Parameters">In their order.</param>
public sealed record SchemaRoutine(string? Schema, string Name, SchemaRoutineKind Kind, IReadOnlyList<SchemaParameter> Parameters)
{
    /// <summary>The database's own name of what a function returns; absent of a procedure.</summary>
    public string? Returns { get; init; }

    /// <summary>What the database says of it; absent where it says nothing.</summary>
    public string? Comment { get; init; }
}

/// <summary>What of two it is.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SchemaRoutineKind>))]
public enum SchemaRoutineKind
{
    /// <summary>Called by its name.</summary>
    Procedure,

    /// <summary>Used in SQL.</summary>
    Function,
}

/// <summary>A parameter of a procedure or function.</summary>
/// <param name="Name">Its name; empty where it has none.</param>
/// <param name="Direction">Which way its value travels.</param>
/// <param name="DatabaseType">The database's own name of its type.</param>
public sealed record SchemaParameter(string Name, ParameterDirection Direction, string DatabaseType);
