using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Events;

/// <summary>What became of one table, view, procedure or function. Names have at most 256 characters here; longer ones end in <c>…</c>.</summary>
/// <param name="Change">What became of it.</param>
/// <param name="Kind"><c>table</c>, <c>view</c>, <c>procedure</c> or <c>function</c>.</param>
/// <param name="Schema">Its schema; absent where the database has none.</param>
/// <param name="Name">Its name.</param>
public sealed record SchemaChange(SchemaChangeKind Change, string Kind, string? Schema, string Name)
{
    /// <summary>Columns that came, the first 20; absent: none.</summary>
    public IReadOnlyList<string>? AddedColumns { get; init; }

    /// <summary>Columns that went, the first 20; absent: none.</summary>
    public IReadOnlyList<string>? RemovedColumns { get; init; }

    /// <summary>Columns whose type, nullability, default or comment changed, the first 20; absent: none.</summary>
    public IReadOnlyList<string>? AlteredColumns { get; init; }
}

/// <summary>What became of a part of a schema.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SchemaChangeKind>))]
public enum SchemaChangeKind
{
    /// <summary>It came, or may be seen now.</summary>
    Added,

    /// <summary>It went, or may not be seen any more.</summary>
    Removed,

    /// <summary>It is there as before, and something of it is another: columns, keys, indexes, a comment, parameters.</summary>
    Altered,
}
