using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines;

/// <summary>What came of running one command on the database.</summary>
/// <param name="Ending">How it ended.</param>
/// <param name="Executed">Whether the database did it.</param>
sealed record ExecutionResult(Ending Ending, Executed Executed)
{
    /// <summary>Rows given to the sink, of a reader or scalar.</summary>
    public long? Rows { get; init; }

    /// <summary>Rows changed, of a nonQuery; -1 where the database gives none.</summary>
    public long? RowsAffected { get; init; }

    /// <summary>Bytes of JSON that its rows had, where the request limits them; else 0.</summary>
    public long CountedBytes { get; init; }

    /// <summary>How many result sets the command gave.</summary>
    public int ResultSets { get; init; }

    /// <summary>Output parameters.</summary>
    public IReadOnlyList<OutputParameter>? Parameters { get; init; }

    /// <summary>Bytes of output parameters: of their names and values in UTF-8.</summary>
    public static long BytesOf(IEnumerable<OutputParameter>? outputs) =>
        (outputs ?? []).Sum(p => (long)Encoding.UTF8.GetByteCount(p.Name) + Encoding.UTF8.GetByteCount(p.Value ?? ""));

    /// <summary>What each command of a batch brought; null of one command, and of a batch that did not take effect.</summary>
    public IReadOnlyList<BatchResult>? Results { get; init; }

    /// <summary>What the database said beside its answer; null: nothing.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>Why it failed.</summary>
    public ErrorDetails? Error { get; init; }

    /// <summary>The command of a batch with which it ended, from 0; null: with none, or it is no batch.</summary>
    public int? At { get; init; }

    /// <summary>Until its database is tried again, where it could not be had; null: nothing is known of that.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether the database had to be made to end it.</summary>
    public ForcedEnd Forced { get; init; }

    /// <summary>Durations.</summary>
    public WorkTimings Timings { get; init; } = new(0, 0, 0);
}

/// <summary>What it took to end a command that did not obey a cancel.</summary>
enum ForcedEnd
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The database ended its session.</summary>
    SessionEnded,

    /// <summary>The database did not confirm the cancel, and the connection was closed: the statement may go on until the database notices.</summary>
    ConnectionClosed,

    /// <summary>Its driver did not come back: the caller was answered without it, and it may still hold a thread and a connection.</summary>
    LeftBehind,
}
