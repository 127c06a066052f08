using System.Text;
using System.Text.Json.Serialization;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines;

/// <summary>One command to run, whichever way it came.</summary>
/// <param name="Command">What to do.</param>
/// <param name="Database">Name of the database behind the catalogue; null: the connection string's own.</param>
/// <param name="Tag">The query's own mark: its session's name in the database's activity view.</param>
/// <param name="ResultSet">Which result set goes to the sink, from 1.</param>
/// <param name="Limit">From sending to the database until the last row is read.</param>
/// <param name="Access">What the practice lets it do.</param>
sealed record CommandRequest(
    QueryCommand Command, string? Database, string? Tag, int ResultSet, TimeSpan Limit, CommandAccess Access = CommandAccess.Write)
{
    /// <summary>The commands of a batch, of which <see cref="Command"/> is the first; null: that is all.</summary>
    public CommandBatch? Batch { get; init; }

    /// <summary>Whether the command is to be described and not run: its columns go to the sink, which gets no rows, and its parameters into the result.</summary>
    public bool IsDescription { get; init; }

    /// <summary>Whether it runs in the transaction of a batch, which others begin and end.</summary>
    public bool IsInBatch { get; init; }

    /// <summary>Of a batch: how far its transaction is kept apart from others; null: as the database usually does.</summary>
    [JsonIgnore]
    public IsolationLevel? Isolation => Batch?.Isolation;

    /// <summary>Whether it brings no rows.</summary>
    [JsonIgnore]
    public bool IsNonQuery => !IsDescription && All(c => c.ExecutionMode == ExecutionMode.NonQuery);

    /// <summary>Whether it asks for rows and nothing else, or is only described.</summary>
    [JsonIgnore]
    public bool IsReader => IsDescription || All(c => c.ExecutionMode != ExecutionMode.NonQuery);

    /// <summary>The query's id, for whoever looks into the database's activity; null: the Link asks for itself.</summary>
    public Guid? QueryId { get; init; }

    /// <summary>Who asks, likewise.</summary>
    public Guid? IntegratorId { get; init; }

    /// <summary>What its session is called meanwhile; null: the Link asks for itself.</summary>
    [JsonIgnore]
    public SessionName? SessionName => Tag is null && IntegratorId is null ? null : new(Tag, IntegratorId);

    /// <summary>What the practice's DBA sees of it in the database's activity, in plain ASCII; null: the Link asks for itself.</summary>
    public string? Mark => QueryId is { } query ? $"halo query={query} integrator={IntegratorId}" : null;

    /// <summary>Most rows of the result, by the practice's policy; with one more the statement is stopped and the query refused. Null: no limit.</summary>
    public long? MaxRows { get; init; }

    /// <summary>Most bytes of the result as a JSON array, likewise.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>How the session behaves towards the practice's own: what the site is configured to, or stricter; null: the engine's.</summary>
    public PracticeProtection? Protection { get; init; }

    /// <summary>Whether it may read and nothing else.</summary>
    public bool ReadOnly => Access != CommandAccess.Write;

    /// <summary>One command of the batch, in its transaction.</summary>
    /// <param name="left">Of the limit.</param>
    public CommandRequest Of(int index, TimeSpan left)
    {
        var command = Batch![index];
        var own = TimeSpan.FromMilliseconds(command.Timeout ?? int.MaxValue);
        return this with { Command = command, Batch = null, IsInBatch = true, Limit = own < left ? own : left };
    }

    bool All(Func<QueryCommand, bool> holds) => Batch is { } batch ? batch.Commands.All(holds) : holds(Command);
}

/// <summary>What a database's activity view calls a session, so that the practice's DBA sees whose query it runs.</summary>
/// <param name="Tag">The query's own mark (<c>Halo-Tag</c>), which is the whole name; null or empty: none.</param>
/// <param name="Integrator">Who asks; null: the Link itself.</param>
sealed record SessionName(string? Tag, Guid? Integrator)
{
    /// <summary>The Link's own name and the integrator's id; the own name alone where the Link itself asks.</summary>
    /// <param name="own">What the Link's own sessions are called.</param>
    /// <param name="longest">Bytes of UTF-8 that the database keeps: the id comes whole.</param>
    public string WithoutTag(string own, int longest)
    {
        const int idAndSpace = 37;
        if (Integrator is not { } id || id == Guid.Empty)
            return own;
        while (Encoding.UTF8.GetByteCount(own) > longest - idAndSpace)
            own = own[..^1];
        return $"{own} {id}";
    }
}
