using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>How much async work goes on at once.</summary>
sealed record AsyncOptions
{
    /// <summary>Queries in the databases at once. Default 2.</summary>
    public int Slots { get; init; } = 2;

    /// <summary>
    /// Queries that the databases have answered and whose pages are on their way. While there are so many, nothing is claimed:
    /// a slow uplink makes the queue at the API wait, not the disk here. Default 4.
    /// </summary>
    public int MaxUploading { get; init; } = 4;
}

/// <summary>Runs a claim's command on its site's database, rows into <paramref name="sink"/>.</summary>
/// <remarks>
/// What the practice's policy, the catalogue or the parameters forbid is a result too: failed, executed <c>no</c>.
/// When <paramref name="cancel"/> is set the statement is cancelled in the database, and the result says what is known of it.
/// </remarks>
delegate Task<ExecutionResult> ExecuteClaim(Claim claim, IRowSink sink, CancellationToken cancel);
