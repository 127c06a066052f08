namespace Halo.Contracts.Queries;

/// <summary>What a command would bring and what it asks for, as the database says without running it.</summary>
/// <param name="Id">The query by which the database was asked; nothing of the command ran.</param>
/// <param name="Columns">Columns of its first result set, as a result has them; empty: it gives no rows, or the database cannot say.</param>
/// <param name="Parameters">In the order in which the database has them; those of a text by the names that stand in it.</param>
public sealed record CommandDescription(Guid Id, IReadOnlyList<ResultColumn> Columns, IReadOnlyList<DescribedParameter> Parameters)
{
    /// <summary>What the caller should know of the request, and what the database said beside its answer; absent where there is nothing to say.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }
}

/// <summary>A parameter of a command.</summary>
/// <param name="Name">As the command has it, with its sign (<c>@id</c>).</param>
/// <param name="Direction">Which way its value travels; of a procedure's outputs on SQL Server <c>inputOutput</c>.</param>
/// <param name="Type">The nearest of the contract's type names, or as the caller gave it; null where neither is known (SQLite has no types for them).</param>
/// <param name="DatabaseType">The database's own name of the type; null where it does not say.</param>
public sealed record DescribedParameter(string Name, ParameterDirection Direction, SqlType? Type, string? DatabaseType);
