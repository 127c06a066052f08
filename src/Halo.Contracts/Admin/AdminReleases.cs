namespace Halo.Contracts.Admin;

/// <summary>A release of Halo Link: who is offered it, and how it goes.</summary>
/// <param name="Version"><c>YY.Mdd.build</c>.</param>
/// <param name="Status"><c>active</c>, <c>paused</c> by an operator, <c>stopped</c> by itself since too many failed, or <c>withdrawn</c>. Only an active one is offered.</param>
/// <param name="Rings">How many percent of the Links of each ring are offered it.</param>
/// <param name="Bundles">One for each system and processor.</param>
/// <param name="Progress">How it went so far, by ring.</param>
/// <param name="UploadedAt">When its first bundle came.</param>
/// <param name="ChangedAt">When an operator, or the service itself, changed it last.</param>
public sealed record AdminRelease(
    string Version, string Status, ReleaseRings Rings, IReadOnlyList<AdminReleaseBundle> Bundles, IReadOnlyList<RingProgress> Progress, DateTimeOffset UploadedAt, DateTimeOffset ChangedAt)
{
    /// <summary>Why it has its status; absent: nobody said.</summary>
    public string? Reason { get; init; }
}

/// <summary>Percent of the Links of each ring that are offered a release. What a later ring is offered, an earlier one is too.</summary>
/// <param name="Canary">The first.</param>
/// <param name="Early">The second.</param>
/// <param name="All">Every other Link.</param>
public sealed record ReleaseRings(int Canary, int Early, int All);

/// <summary>A release for one system and processor.</summary>
/// <param name="System"><c>linux</c> or <c>windows</c>.</param>
/// <param name="Architecture"><c>x64</c> or <c>arm64</c>.</param>
/// <param name="Sha256">Of the bundle.</param>
/// <param name="Length">Bytes of the bundle.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">After this no Link installs it.</param>
public sealed record AdminReleaseBundle(string System, string Architecture, string Sha256, long Length, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>The oldest version that may go to it directly; absent: any.</summary>
    public string? MinimumFrom { get; init; }

    /// <summary>True: the file is not there, as after the restore of a backup. Upload it again.</summary>
    public bool? Missing { get; init; }
}

/// <summary>How a release goes in one ring.</summary>
/// <param name="Ring"><c>canary</c>, <c>early</c> or <c>all</c>.</param>
/// <param name="Updating">Links that were handed it and have not said how it ended.</param>
/// <param name="Installed">Links that run it and found it good.</param>
/// <param name="Failed">Links that went back, refused it, could not do it, or were not heard of again.</param>
public sealed record RingProgress(string Ring, int Updating, int Installed, int Failed);

/// <summary>All releases, newest first.</summary>
/// <param name="Releases">Every one.</param>
public sealed record AdminReleaseList(IReadOnlyList<AdminRelease> Releases);

/// <summary>Sets how many Links of a ring are offered a release.</summary>
/// <param name="Percentage">0 to 100.</param>
public sealed record ReleaseRingRequest(int? Percentage);

/// <summary>Says why.</summary>
/// <param name="Reason">At most 500 characters, for the audit log and the list.</param>
public sealed record ReleaseDecisionRequest(string? Reason);

/// <summary>Sets how one Link gets its updates, in place of what was set before.</summary>
/// <param name="Ring"><c>canary</c>, <c>early</c> or <c>all</c>; absent: <c>all</c>.</param>
/// <param name="Version">The release that this Link alone should run, whatever the rings say; absent: as its ring.</param>
public sealed record LinkUpdateRequest(string? Ring, string? Version);

/// <summary>How a Link stands with updates.</summary>
/// <param name="Ring"><c>canary</c>, <c>early</c> or <c>all</c>.</param>
public sealed record AdminLinkUpdate(string Ring)
{
    /// <summary>The release that it alone should run; absent: as its ring.</summary>
    public string? Pinned { get; init; }

    /// <summary>The version that it should run and does not; absent: it runs what it should.</summary>
    public string? Target { get; init; }

    /// <summary>
    /// Where it is, in its own words: <c>current</c>, <c>off</c> (the practice does not let it), <c>downloading</c>, <c>waiting</c> (for the practice's hours, or for running work
    /// to end), <c>installing</c>, <c>trial</c>, <c>undecided</c>, <c>failed</c> or <c>unknown</c>; absent: it has no updater, or is of a version that does not say.
    /// </summary>
    public string? Phase { get; init; }

    /// <summary>What it waits for, or why it does not go on.</summary>
    public string? Reason { get; init; }

    /// <summary>How its last update ended; absent: there was none.</summary>
    public AdminUpdateResult? Last { get; init; }
}

/// <summary>How an update of a Link ended.</summary>
/// <param name="Outcome"><c>installed</c>, <c>rolledBack</c>, <c>refused</c>, <c>failed</c>, <c>silent</c> (it was not heard of again after its switch) or <c>unknown</c>.</param>
/// <param name="Message">In the Link's words.</param>
/// <param name="At">When; by the Link's clock where the Link said so.</param>
public sealed record AdminUpdateResult(string Outcome, string Message, DateTimeOffset At)
{
    /// <summary>The version before; absent: not known.</summary>
    public string? From { get; init; }

    /// <summary>The version that was to run; absent: not known.</summary>
    public string? To { get; init; }
}
