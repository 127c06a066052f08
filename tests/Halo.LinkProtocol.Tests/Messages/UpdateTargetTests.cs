using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Tests.Messages;

/// <summary>What a Link takes for an offer: its digest names a file on the practice's disk, so it is nothing but a digest.</summary>
public sealed class UpdateTargetTests
{
    static readonly string Digest = new('a', 64);

    [Fact]
    public void A_digest_a_version_and_a_length_within_the_bound_are_an_offer_and_nothing_is_none()
    {
        Assert.True(new UpdateTarget().IsSound);
        Assert.True(new UpdateTarget { Version = "26.1201.7", Sha256 = Digest, Length = 1 }.IsSound);
        Assert.True(new UpdateTarget { Version = "26.1201.7", Sha256 = Digest, Length = UpdateTarget.LongestBundle }.IsSound);
    }

    [Theory]
    [InlineData("26.1201.7", null, 1)]
    [InlineData("26.1201.7", "", 1)]
    [InlineData("26.1201.7", "../../../etc/passwd", 1)]
    [InlineData("26.1201.7", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1)]
    [InlineData("26.1201.7", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1)]
    [InlineData("26.1201.7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", 1)]
    [InlineData("26.1201.7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1)]
    [InlineData("26.1201.7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0)]
    [InlineData("26.1201.7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", UpdateTarget.LongestBundle + 1)]
    [InlineData("../26.1201.7", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1)]
    [InlineData("", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1)]
    public void Anything_else_is_none(string version, string? digest, long length) =>
        Assert.False(new UpdateTarget { Version = version, Sha256 = digest, Length = length }.IsSound);
}
