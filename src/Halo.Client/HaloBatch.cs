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

    HaloBatch Add(HaloCommand command, ExecutionMode mode)
    {
        ArgumentNullException.ThrowIfNull(command);
        _commands.Add(command.Command with { ExecutionMode = mode });
        return this;
    }
}
