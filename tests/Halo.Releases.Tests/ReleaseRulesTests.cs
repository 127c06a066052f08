namespace Halo.Releases.Tests;

/// <summary>Which release may follow which version.</summary>
public sealed class ReleaseRulesTests
{
    static readonly ReleaseRules Rules = new(V("26.1201.1"), [V("26.1130.1"), V("26.1120.1")], V("26.1125.1"), "linux", "x64", ReleaseMaker.Now);
    static readonly ReleaseManifest Newer = ReleaseMaker.Manifest(("a", "1")) with { Version = "26.1201.7" };

    [Fact]
    public void A_newer_release_may() => Rules.Check(Newer);

    [Fact]
    public void An_older_one_may_where_it_is_kept_and_not_below_the_floor() => Rules.Check(Newer with { Version = "26.1130.1" });

    [Theory]
    [InlineData("26.1201.1", RefusalKind.NotNewer, "runs already")]
    [InlineData("26.1130.2", RefusalKind.NotNewer, "is older than")]
    [InlineData("26.1120.1", RefusalKind.BelowFloor, "must not come back")]
    public void Others_may_not(string version, object kind, string said) => Refused(Newer with { Version = version }, (RefusalKind)kind, said);

    [Fact]
    public void What_is_for_others_out_of_date_or_needs_a_step_between_may_not()
    {
        Refused(Newer with { System = "windows" }, RefusalKind.Foreign, "is for windows on x64");
        Refused(Newer with { Architecture = "arm64" }, RefusalKind.Foreign, "is for linux on arm64");
        Refused(Newer with { Product = "halo-api\n" }, RefusalKind.Foreign, "haloapi");
        Refused(Newer with { Expires = ReleaseMaker.Now.AddSeconds(-1) }, RefusalKind.Expired, "expired at");
        Refused(Newer with { MinimumFrom = "26.1201.2" }, RefusalKind.NeedsStep, "install 26.1201.2 or a later one first");
        Rules.Check(Newer with { MinimumFrom = "26.1201.1" });
    }

    [Theory]
    [InlineData("26.1130.10", "26.1130.9", 1)]
    [InlineData("26.1001.1", "26.930.1", 1)]
    [InlineData("27.101.1", "26.1231.99", 1)]
    [InlineData("26.1130.1", "26.1130.1", 0)]
    public void Versions_are_compared_as_numbers(string left, string right, int sign) => Assert.Equal(sign, Math.Sign(V(left).CompareTo(V(right))));

    static void Refused(ReleaseManifest release, RefusalKind kind, string said)
    {
        var refused = Assert.Throws<ReleaseRefusedException>(() => Rules.Check(release));
        Assert.Equal(kind, refused.Kind);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    static CalendarVersion V(string text) => CalendarVersion.TryParse(text, out var version) ? version : throw new ArgumentException(text);
}
