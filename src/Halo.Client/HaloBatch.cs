using System.Diagnostics.CodeAnalysis;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>Commands that run in order in one transaction at the practice: all of them take effect, or none. Up to 100, or 1,000 that differ by their values alone.</summary>
/// <example><code>
/// var results = await site.RunAsync(new HaloBatch()
///     .Execute($"UPDATE patients SET phone = {phone} WHERE id = {id}")
///     .Query($"SELECT phone FROM patients WHERE id = {id}"));
/// var phones = await results.RowsAsync&lt;string&gt;(1);
/// </code></example>
public sealed class HaloBatch
{
    readonly List<QueryCommand> _commands = [];

    /// <summary>How far the transaction is kept apart from others; null: as the database usually does.</summary>
    public IsolationLevel? Isolation { get; init; }

    /// <summary>How many commands it has.</summary>
    public int Count => _commands.Count;

    /// <summary>Adds a command that gives no rows.</summary>
    public HaloBatch Execute(FormattableString sql) => Execute(HaloCommand.Sql(sql));

    /// <inheritdoc cref="Execute(FormattableString)"/>
    public HaloBatch Execute(HaloCommand command) => Add(command, ExecutionMode.NonQuery);

    /// <summary>Adds a command that gives rows.</summary>
    public HaloBatch Query(FormattableString sql) => Query(HaloCommand.Sql(sql));

    /// <inheritdoc cref="Query(FormattableString)"/>
    public HaloBatch Query(HaloCommand command) => Add(command, ExecutionMode.Reader);

    /// <summary>As it is asked: what differs by its values alone is one command with a set of parameters for each.</summary>
    internal QueryRequest ToRequest()
    {
        if (_commands is not [var first, ..])
            throw new ArgumentException("The batch has no command.");
        var sets = _commands.Count > 1 && _commands.TrueForAll(c => c with { Parameters = null } == first with { Parameters = null });
        return sets
            ? new() { Command = first with { Parameters = null, ParameterSets = [.. _commands.Select(c => c.Parameters ?? [])] }, Isolation = Isolation }
            : new() { Commands = _commands, Isolation = Isolation };
    }

    internal HaloBatch Add(QueryCommand command, ExecutionMode mode)
    {
        _commands.Add(command with { ExecutionMode = mode });
        return this;
    }

    HaloBatch Add(HaloCommand command, ExecutionMode mode)
    {
        ArgumentNullException.ThrowIfNull(command);
        return Add(command.Command, mode);
    }
}

/// <summary>What the commands of a batch brought, in their order. All of it is committed.</summary>
public sealed class HaloBatchResults
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    readonly IReadOnlyList<QueryResult> _results;

    internal HaloBatchResults(Query query) => (Query, _results) = (query, query.Results ?? throw new InvalidDataException("The answer to a batch has no results."));

    /// <summary>The query as the service shows it, with every result, its rows in base64.</summary>
    public Query Query { get; }

    /// <summary>How many results there are: one for each command.</summary>
    public int Count => _results.Count;

    /// <summary>Rows that a command changed, over all its statements; -1 where the database gives no number, and of one that gives rows.</summary>
    /// <param name="index">The command's place in the batch, from 0.</param>
    public long RowsAffected(int index) => _results[index].RowsAffected ?? -1;

    /// <summary>The rows of a command.</summary>
    /// <param name="index">Its place in the batch, from 0.</param>
    /// <param name="cancellationToken">Ends reading; the batch has run.</param>
    /// <exception cref="InvalidOperationException">It gives no rows.</exception>
    /// <exception cref="HaloMappingException">They do not fit <typeparamref name="T"/>.</exception>
    public Task<List<T>> RowsAsync<[DynamicallyAccessedMembers(Needed)] T>(int index, CancellationToken cancellationToken = default) => _results[index].Data is null
        ? throw new InvalidOperationException($"Command {index} of the batch gives no rows.")
        : RowStreams.OfAsync<T>(_results[index], cancellationToken);
}
