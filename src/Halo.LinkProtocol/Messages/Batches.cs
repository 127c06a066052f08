using System.Text.Json.Serialization;
using Halo.Contracts.Queries;

namespace Halo.LinkProtocol.Messages;

/// <summary>Several commands that are one transaction: all of them take effect, or none.</summary>
/// <param name="Commands">In order; one alone where it has <see cref="QueryCommand.ParameterSets"/>.</param>
public sealed record CommandBatch(IReadOnlyList<QueryCommand> Commands)
{
    /// <summary>Most commands.</summary>
    public const int MostCommands = 100;

    /// <summary>Most sets of parameters of one command.</summary>
    public const int MostParameterSets = 1000;

    /// <summary>How far it is kept apart from others; null: as the database usually does.</summary>
    public IsolationLevel? Isolation { get; init; }

    /// <summary>How often a command runs.</summary>
    [JsonIgnore]
    public int Count => Commands is [{ ParameterSets: { } sets }] ? sets.Count : Commands.Count;

    /// <summary>What runs as number <paramref name="index"/>, from 0.</summary>
    public QueryCommand this[int index] =>
        Commands is [{ ParameterSets: { } sets } command] ? command with { Parameters = sets[index], ParameterSets = null } : Commands[index];
}

/// <summary>What one command of a batch brought.</summary>
public sealed record BatchResult
{
    /// <summary>Rows of a reader or scalar.</summary>
    public long? Rows { get; init; }

    /// <summary>Rows changed, of a nonQuery; -1 where the database gives none.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Bytes of its rows' JSON. Of an immediate query they follow those of the results before it, without anything between.</summary>
    public long Size { get; init; }

    /// <summary>Pages that are its own; they follow those of the results before it. 0 of an immediate query.</summary>
    public int PageCount { get; init; }

    /// <summary>How many result sets the command gave.</summary>
    public int ResultSets { get; init; }

    /// <summary>Output parameters.</summary>
    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>Columns of a reader or scalar; null: as of the result before it.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; init; }
}
