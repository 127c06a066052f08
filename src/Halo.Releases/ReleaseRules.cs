namespace Halo.Releases;

/// <summary>Whether a release may take the place of what runs.</summary>
/// <param name="Present">The version that runs.</param>
/// <param name="Kept">Versions that were good here and are kept.</param>
/// <param name="Floor">The security floor of all releases that were installed here; null: there is none.</param>
/// <param name="System">Of this machine, as in manifests.</param>
/// <param name="Architecture">Likewise.</param>
/// <param name="Now">The API's time where the Link has it, since clinics' clocks are wrong.</param>
sealed record ReleaseRules(CalendarVersion Present, IReadOnlyCollection<CalendarVersion> Kept, CalendarVersion? Floor, string System, string Architecture, DateTimeOffset Now)
{
    /// <exception cref="ReleaseRefusedException">It may not.</exception>
    public void Check(ReleaseManifest release)
    {
        var version = release.Number;
        if (release.Product != ReleaseManifest.HaloLink)
            throw Refused(RefusalKind.Foreign, $"The release is for another program: {Word(release.Product)}.");
        if (release.System != System || release.Architecture != Architecture)
            throw Refused(RefusalKind.Foreign, $"The release is for {Word(release.System)} on {Word(release.Architecture)}, and this is {System} on {Architecture}.");
        if (Now > release.Expires)
            throw Refused(RefusalKind.Expired, $"Version {version} expired at {release.Expires:u}: ask for a newer one.");
        CheckVersion(version);
        if (CalendarVersion.TryParse(release.MinimumFrom, out var from) && Present < from)
            throw Refused(RefusalKind.NeedsStep, $"Version {version} can follow {from} or later, and {Present} runs: install {from} or a later one first.");
    }

    /// <summary>What holds for a release and for a version that is kept.</summary>
    /// <exception cref="ReleaseRefusedException">It may not run here.</exception>
    public void CheckVersion(CalendarVersion version)
    {
        if (version == Present)
            throw Refused(RefusalKind.NotNewer, $"Version {version} runs already.");
        if (Floor is { } floor && version < floor)
            throw Refused(RefusalKind.BelowFloor, $"Version {version} has faults that must not come back: the oldest that may run here is {floor}.");
        if (version < Present && !Kept.Contains(version))
            throw Refused(RefusalKind.NotNewer, $"Version {version} is older than {Present}, which runs, and is none that is kept here.");
    }

    /// <summary>What is signed is ours, and all the same it goes into a log.</summary>
    static string Word(string text) => new([.. text.Take(20).Where(char.IsAsciiLetterOrDigit)]);

    static ReleaseRefusedException Refused(RefusalKind kind, string message) => new(kind, message);
}
