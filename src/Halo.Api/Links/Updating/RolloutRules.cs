using System.Buffers.Binary;
using System.Security.Cryptography;
using Halo.Releases;

namespace Halo.Api.Links.Updating;

/// <summary>Which Link is offered which release, and when a release stops by itself.</summary>
static class RolloutRules
{
    /// <summary>In a ring with fewer Links one failure is enough to look at the share; in others it may be that one clinic's machine.</summary>
    const int SmallRing = 10;

    /// <summary>The Link's place among a hundred: the same for every release and after every restart.</summary>
    /// <returns>0 to 99.</returns>
    public static int PlaceOf(Guid linkId) =>
        (int)(BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(linkId.ToByteArray(bigEndian: true))) * 100UL >> 32);

    /// <summary>What a Link should run and does not.</summary>
    /// <param name="link">How it gets its releases.</param>
    /// <param name="version">What it runs.</param>
    /// <returns>Null: it runs what it should, or there is nothing for it.</returns>
    public static (Release Release, ReleaseBundle Bundle)? TargetOf(LinkRollout link, string version, IReadOnlyCollection<Release> releases, DateTimeOffset now)
    {
        if (link is not { System: { } system, Architecture: { } architecture } || !CalendarVersion.TryParse(version, out var present))
            return null;
        if (link.Pinned is { } pinned)
            return present.ToString() == pinned ? null : OffersOf(releases.Where(r => r.Version == pinned && r.Status != ReleaseStatus.Withdrawn)).FirstOrDefault();
        var place = PlaceOf(link.LinkId);
        if (OffersOf(releases.Where(r => r.Status == ReleaseStatus.Active && place < r.Shares.Of(link.Ring))).MaxBy(o => o!.Value.Release.Number) is not { } best)
            return null;
        // Backwards only from what was withdrawn: a share that is made smaller takes nothing away from those who have it.
        return best.Release.Number > present || best.Release.Number < present && releases.Any(r => r.Number == present && r.Status == ReleaseStatus.Withdrawn) ? best : null;

        IEnumerable<(Release Release, ReleaseBundle Bundle)?> OffersOf(IEnumerable<Release> from) =>
            from r in @from
            let bundle = r.BundleFor(system, architecture)
            where bundle is not null && bundle.Takes(present, now)
            select ((Release, ReleaseBundle)?)(r, bundle);
    }

    /// <summary>Whether a release is for a Link at all: whatever the Link runs now, and also where a newer one goes before it.</summary>
    public static bool IsOffered(Release release, LinkRollout link) =>
        (link.Pinned is { } pinned ? release.Version == pinned : release.Status == ReleaseStatus.Active && PlaceOf(link.LinkId) < release.Shares.Of(link.Ring))
        // Of one that came back without an updater the platform is not known any more.
        && (link is not { System: { } system, Architecture: { } architecture } || release.BundleFor(system, architecture) is not null);

    /// <summary>Whether one more Link may go to a release.</summary>
    /// <param name="underWay">Of its ring, those that are about to switch, or have and are still on trial.</param>
    /// <param name="good">Of its ring, those that run it and are well.</param>
    public static bool MayGo(int underWay, int good) => underWay < Math.Max(2, good);

    /// <summary>Whether so many failed that the release stops.</summary>
    /// <param name="attempts">Of one ring, since the release was last resumed.</param>
    /// <param name="linksInRing">How many trusted Links the ring has.</param>
    /// <param name="percent">Of those that have finished, from which on it stops.</param>
    public static bool IsTooBad(IEnumerable<UpdateAttempt> attempts, int linksInRing, int percent)
    {
        var (good, bad) = (0, 0);
        foreach (var attempt in attempts)
        {
            if (attempt.State == AttemptState.Installed)
                good++;
            else if (attempt.State is AttemptState.RolledBack or AttemptState.Refused or AttemptState.Silent)
                bad++;
        }
        return bad >= (linksInRing < SmallRing ? 1 : 2) && bad * 100 >= percent * (good + bad);
    }
}
