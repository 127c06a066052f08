using Halo.Api.Links.Updating;

namespace Halo.Api.Tests.Links.Updating;

public class RolloutRulesTests
{
    static readonly DateTimeOffset Now = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);

    static Release Release(string version, int canary = 0, int early = 0, int all = 0, ReleaseStatus status = ReleaseStatus.Active, string system = "linux", string? from = null, int expiresInDays = 30) =>
        new(version, status, new(canary, early, all), [new(system, "x64", "digest", 1, from, Now.AddDays(-1), Now.AddDays(expiresInDays))], Now, Now, Now);

    static string? TargetOf(string version, Ring ring, params Release[] releases) => TargetOf(new(Guid.NewGuid(), ring, null, "linux", "x64"), version, releases);

    static string? TargetOf(LinkRollout link, string version, params Release[] releases) => RolloutRules.TargetOf(link, version, releases, Now)?.Release.Version;

    [Fact]
    public void The_newest_release_that_is_offered_to_a_Links_ring_is_its_target()
    {
        var releases = new[] { Release("26.1201.1", all: 100), Release("26.1201.9", early: 100), Release("26.1201.10", canary: 100) };
        Assert.Equal("26.1201.1", TargetOf("26.305.1", Ring.All, releases));
        Assert.Equal("26.1201.9", TargetOf("26.305.1", Ring.Early, releases));
        Assert.Equal("26.1201.10", TargetOf("26.305.1", Ring.Canary, releases));
        Assert.Null(TargetOf("26.1201.10", Ring.Canary, releases));
        Assert.Null(TargetOf("26.1201.1", Ring.All));
    }

    [Fact]
    public void What_a_later_ring_is_offered_an_earlier_one_is_too()
    {
        Assert.All([Ring.Canary, Ring.Early, Ring.All], ring => Assert.Equal("26.1201.1", TargetOf("26.305.1", ring, Release("26.1201.1", all: 100))));
        Assert.Null(TargetOf("26.305.1", Ring.All, Release("26.1201.1", canary: 100, early: 100)));
        Assert.Null(TargetOf("26.305.1", Ring.Early, Release("26.1201.1", canary: 100)));
    }

    [Theory]
    [InlineData(ReleaseStatus.Paused)]
    [InlineData(ReleaseStatus.Stopped)]
    [InlineData(ReleaseStatus.Withdrawn)]
    public void Only_an_active_release_is_offered(int status) =>
        Assert.Equal("26.1201.1", TargetOf("26.305.1", Ring.All, Release("26.1201.1", all: 100), Release("26.1201.2", all: 100, status: (ReleaseStatus)status)));

    [Fact]
    public void What_does_not_fit_the_Link_is_not_offered()
    {
        Assert.Null(TargetOf("26.305.1", Ring.All, Release("26.1201.1", all: 100, system: "windows")));
        Assert.Null(TargetOf("26.305.1", Ring.All, Release("26.1201.1", all: 100, expiresInDays: -1)));
        Assert.Null(TargetOf("26.305.1", Ring.All, Release("26.1201.1", all: 100, from: "26.305.2")));
        Assert.Equal("26.1201.1", TargetOf("26.305.2", Ring.All, Release("26.1201.1", all: 100, from: "26.305.2")));
        // The step between is offered to who needs it.
        Assert.Equal("26.305.2", TargetOf("26.305.1", Ring.All, Release("26.305.2", all: 100), Release("26.1201.1", all: 100, from: "26.305.2")));
        Assert.Null(TargetOf(new(Guid.NewGuid(), Ring.All, null, null, null), "26.305.1", Release("26.1201.1", all: 100)));
        Assert.Null(TargetOf("a developer's", Ring.All, Release("26.1201.1", all: 100)));
    }

    [Fact]
    public void A_Link_goes_back_only_from_what_was_withdrawn()
    {
        var older = Release("26.1201.1", all: 100);
        Assert.Null(TargetOf("26.1201.2", Ring.All, older));
        Assert.Null(TargetOf("26.1201.2", Ring.All, older, Release("26.1201.2", status: ReleaseStatus.Stopped)));
        Assert.Equal("26.1201.1", TargetOf("26.1201.2", Ring.All, older, Release("26.1201.2", status: ReleaseStatus.Withdrawn)));
    }

    [Fact]
    public void A_version_of_its_own_goes_before_rings_and_pauses()
    {
        var releases = new[] { Release("26.1201.1"), Release("26.1201.2", all: 100), Release("26.1201.3", status: ReleaseStatus.Paused), Release("26.1201.4", status: ReleaseStatus.Withdrawn) };
        Assert.Equal("26.1201.1", TargetOf(new(Guid.NewGuid(), Ring.All, "26.1201.1", "linux", "x64"), "26.1201.2", releases));
        Assert.Equal("26.1201.3", TargetOf(new(Guid.NewGuid(), Ring.All, "26.1201.3", "linux", "x64"), "26.1201.2", releases));
        Assert.Null(TargetOf(new(Guid.NewGuid(), Ring.All, "26.1201.4", "linux", "x64"), "26.1201.2", releases));
        Assert.Null(TargetOf(new(Guid.NewGuid(), Ring.All, "26.1201.1", "linux", "x64"), "26.1201.1", releases));
    }

    [Fact]
    public void A_share_takes_about_as_many_Links_as_it_says_and_a_larger_one_all_of_a_smaller_one()
    {
        var links = Enumerable.Range(0, 10_000).Select(i => new Guid(i, 7, 7, new byte[8])).ToList();
        Assert.All(links, id => Assert.InRange(RolloutRules.PlaceOf(id), 0, 99));
        Assert.InRange(links.Count(id => RolloutRules.PlaceOf(id) < 25), 2_300, 2_700);
        var link = links.First(id => RolloutRules.PlaceOf(id) == 24);
        LinkRollout rollout = new(link, Ring.All, null, "linux", "x64");
        Assert.Null(TargetOf(rollout, "26.305.1", Release("26.1201.1", all: 24)));
        Assert.Equal("26.1201.1", TargetOf(rollout, "26.305.1", Release("26.1201.1", all: 25)));
        Assert.Equal("26.1201.1", TargetOf(rollout, "26.305.1", Release("26.1201.1", all: 100)));
        // The same on every machine and in every version.
        Assert.Equal(66, RolloutRules.PlaceOf(Guid.Parse("00112233-4455-6677-8899-aabbccddeeff")));
    }

    [Theory]
    // One of few; of many, two, and a tenth of those that have finished.
    [InlineData(9, 0, 1, true)]
    [InlineData(9, 9, 1, true)]
    [InlineData(10, 0, 1, false)]
    [InlineData(10, 0, 2, true)]
    [InlineData(100, 18, 2, true)]
    [InlineData(100, 19, 2, false)]
    [InlineData(9, 10, 1, false)]
    [InlineData(100, 0, 0, false)]
    public void A_release_stops_where_the_share_that_failed_is_too_large(int inRing, int good, int bad, bool stops)
    {
        var attempts = Enumerable.Range(0, good).Select(_ => AttemptState.Installed)
            .Concat(new[] { AttemptState.RolledBack, AttemptState.Silent, AttemptState.Refused }.Take(bad))
            // Neither of these says anything of the release.
            .Concat([AttemptState.Updating, AttemptState.Failed, AttemptState.Failed])
            .Select(s => new UpdateAttempt(Guid.NewGuid(), "26.1201.1", Ring.Canary, s, null, Now));
        Assert.Equal(stops, RolloutRules.IsTooBad(attempts, inRing, 10));
    }

    [Theory]
    // Two at first, then as many as are well.
    [InlineData(0, 0, true)]
    [InlineData(1, 0, true)]
    [InlineData(2, 0, false)]
    [InlineData(1, 1, true)]
    [InlineData(2, 2, false)]
    [InlineData(2, 3, true)]
    [InlineData(3, 3, false)]
    [InlineData(499, 500, true)]
    [InlineData(500, 500, false)]
    public void As_many_Links_go_at_once_as_are_well_and_two_at_least(int underWay, int good, bool may) => Assert.Equal(may, RolloutRules.MayGo(underWay, good));

    [Fact]
    public void A_release_is_offered_to_whom_its_share_or_a_version_of_its_own_says_whatever_runs_there()
    {
        var link = Enumerable.Range(0, 10_000).Select(i => new Guid(i, 7, 7, new byte[8])).First(id => RolloutRules.PlaceOf(id) == 24);
        LinkRollout all = new(link, Ring.All, null, "linux", "x64");
        Assert.True(RolloutRules.IsOffered(Release("26.1201.1", all: 25), all));
        Assert.False(RolloutRules.IsOffered(Release("26.1201.1", all: 24), all));
        Assert.False(RolloutRules.IsOffered(Release("26.1201.1", canary: 100), all));
        Assert.True(RolloutRules.IsOffered(Release("26.1201.1", canary: 100), all with { Ring = Ring.Canary }));
        Assert.False(RolloutRules.IsOffered(Release("26.1201.1", all: 100, status: ReleaseStatus.Stopped), all));
        Assert.False(RolloutRules.IsOffered(Release("26.1201.1", all: 100), all with { Pinned = "26.1201.2" }));
        Assert.True(RolloutRules.IsOffered(Release("26.1201.1"), all with { Pinned = "26.1201.1" }));
        Assert.False(RolloutRules.IsOffered(Release("26.1201.1", all: 100), all with { System = "windows" }));
        // It came back without an updater, from what it was offered with one.
        Assert.True(RolloutRules.IsOffered(Release("26.1201.1", all: 100), all with { System = null, Architecture = null }));
    }
}
