namespace Halo.Link.Updating;

/// <summary>What the running Link says to <c>halo-link update --check</c> and <c>--now</c>.</summary>
/// <param name="Version">That runs.</param>
/// <param name="Target">That the API offers; null: none.</param>
/// <param name="Message">For people.</param>
sealed record UpdateAnswer(string Version, string? Target, string Message)
{
    /// <summary>The API could not be asked.</summary>
    public bool Failed { get; init; }
}

/// <summary>A version that the API wants and that does not run yet.</summary>
/// <param name="Version">Which.</param>
/// <param name="Stage">How far it is, in the words of the line (docs/protocol.md).</param>
/// <param name="Reason">What it waits for, or why it does not go on; null: nothing to say.</param>
sealed record OfferedVersion(string Version, string Stage, string? Reason);
