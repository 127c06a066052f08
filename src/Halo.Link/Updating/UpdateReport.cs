using Halo.Releases.Handover;

namespace Halo.Link.Updating;

/// <summary>What the updater has written down for others, for <c>halo-link status</c> and <c>doctor</c>.</summary>
/// <param name="Pending">The update that is under way; null: none.</param>
/// <param name="Last">How the last one ended; null: there was none.</param>
sealed record UpdateReport(UpdateProgress? Pending, UpdateResult? Last)
{
    /// <returns>Null: no updater has been here.</returns>
    public static UpdateReport? Find(string dataDirectory) => UpdateState.Find(UpdateState.DirectoryBeside(dataDirectory)) is { } state
        ? new(state.Pending is { } p ? new(p.From, p.To, p.Phase, p.Since, p.Reason) : null, state.Last) : null;

    /// <summary>For people.</summary>
    public IEnumerable<string> Lines() => new UpdateState
    {
        Pending = Pending is { } p ? new(Guid.Empty, p.From, p.To, p.Phase, p.Since) { Reason = p.Reason } : null,
        Last = Last,
    }.Lines();
}

/// <summary>An update that is under way.</summary>
/// <param name="From">The version that ran.</param>
/// <param name="To">The version that is to run.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="Since">Since when.</param>
/// <param name="Reason">Why it goes back, or waits; null: it does neither.</param>
sealed record UpdateProgress(string From, string To, UpdatePhase Phase, DateTimeOffset Since, string? Reason);
