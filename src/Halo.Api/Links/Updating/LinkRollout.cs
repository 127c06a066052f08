namespace Halo.Api.Links.Updating;

/// <summary>How a Link gets its releases.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Ring">As an operator set it.</param>
/// <param name="Pinned">A version for this Link alone; null: as its ring.</param>
/// <param name="System">As it said; null: it has no updater.</param>
/// <param name="Architecture">Likewise.</param>
sealed record LinkRollout(Guid LinkId, Ring Ring, string? Pinned, string? System, string? Architecture);

/// <summary>What became of a release at a Link.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Version">The release.</param>
/// <param name="Ring">In which the Link was.</param>
/// <param name="State">How it stands.</param>
/// <param name="Message">In the Link's words; null: it said nothing.</param>
/// <param name="At">Since when, by the service's clock.</param>
sealed record UpdateAttempt(Guid LinkId, string Version, Ring Ring, AttemptState State, string? Message, DateTimeOffset At);

enum AttemptState
{
    /// <summary>Its updater has it.</summary>
    Updating,

    /// <summary>It runs and was found good.</summary>
    Installed,

    /// <summary>It ran, was no good, and the version before is back.</summary>
    RolledBack,

    /// <summary>Its updater did not take it.</summary>
    Refused,

    /// <summary>It could not be done at that machine, as where the disk is full. Shown, and no fault of the release.</summary>
    Failed,

    /// <summary>It was not heard of again.</summary>
    Silent,
}
