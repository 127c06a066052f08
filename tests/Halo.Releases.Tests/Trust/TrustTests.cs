using System.Security.Cryptography;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Releases.Tests.Trust;

/// <summary>Whose releases are taken.</summary>
public sealed class TrustTests
{
    static readonly DateTimeOffset Now = ReleaseMaker.Now;

    [Fact]
    public void A_build_without_root_keys_takes_no_release_and_says_so()
    {
        Assert.Empty(RootList.BuiltIn().Roots);
        var refused = ReleaseMaker.Refused(ReleaseMaker.Bundle(("a", "1")), RootList.BuiltIn());
        Assert.Equal(RefusalKind.NotTrusted, refused.Kind);
        Assert.Contains("without root keys", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_release_that_another_key_signed_is_refused()
    {
        var refused = ReleaseMaker.Refused(Signed(ReleaseMaker.StrangerKey, ReleaseMaker.Certificate));
        Assert.Equal(RefusalKind.NotTrusted, refused.Kind);
        Assert.Contains("somebody else made it", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_release_key_of_an_unknown_root_is_refused()
    {
        var foreign = ReleaseCertificate.Make(ReleaseMaker.StrangerKey, Now.AddDays(-1), Now.AddDays(1), ReleaseMaker.StrangerKey);
        var refused = ReleaseMaker.Refused(Signed(ReleaseMaker.StrangerKey, foreign));
        Assert.Equal(RefusalKind.NotTrusted, refused.Kind);
        Assert.Contains("does not know", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_that_names_a_root_which_did_not_sign_it_is_refused()
    {
        var foreign = System.Text.Json.Nodes.JsonNode.Parse(ReleaseCertificate.Make(ReleaseMaker.StrangerKey, Now.AddDays(-1), Now.AddDays(1), ReleaseMaker.StrangerKey))!;
        foreign["root"] = ReleaseMaker.Roots.Roots[0].Id;
        Assert.Equal(RefusalKind.NotTrusted, ReleaseMaker.Refused(Signed(ReleaseMaker.StrangerKey, System.Text.Encoding.UTF8.GetBytes(foreign.ToJsonString()))).Kind);
    }

    [Theory]
    [InlineData(-30, "is good from")]
    [InlineData(31, "expired")]
    public void A_certificate_counts_in_its_time_alone(int days, string said)
    {
        var refused = ReleaseMaker.Refused(ReleaseMaker.Bundle(("a", "1")), now: Now.AddDays(days));
        Assert.Equal(RefusalKind.Expired, refused.Kind);
        Assert.Contains(said, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signature_of_one_thing_serves_for_no_other()
    {
        var content = ReleaseMaker.Manifest(("a", "1")).ToBytes();
        var signature = ReleaseSignature.Sign(ReleaseMaker.ReleaseKey, ReleaseSignature.OfCertificate, content);
        var bundle = ReleaseMaker.Pack((BundleReader.Manifest, content), (BundleReader.Signature, signature), (BundleReader.Certificate, ReleaseMaker.Certificate));
        Assert.Equal(RefusalKind.NotTrusted, ReleaseMaker.Refused(bundle).Kind);
    }

    [Fact]
    public void Short_keys_are_not_trusted_whoever_signed_for_them()
    {
        using var small = RSA.Create(1024);
        var certificate = ReleaseCertificate.Make(small, Now.AddDays(-1), Now.AddDays(1), ReleaseMaker.RootKey);
        Assert.Equal(RefusalKind.NotTrusted, ReleaseMaker.Refused(Signed(small, certificate)).Kind);
    }

    [Fact]
    public void Root_keys_are_replaced_by_a_list_that_one_of_them_signed()
    {
        using var fresh = RSA.Create(2048);
        var next = new RootList(2, [RootKey.Of(fresh)]);
        var signed = RootList.Sign(next, ReleaseMaker.RootKey);
        var after = ReleaseMaker.Roots.Next(signed);
        Assert.Equal(2, after.Number);

        // From then on the old root vouches for nobody, and the new one does.
        Assert.Equal(RefusalKind.NotTrusted, ReleaseMaker.Refused(ReleaseMaker.Bundle(("a", "1")), after).Kind);
        var certificate = ReleaseCertificate.Make(ReleaseMaker.ReleaseKey, Now.AddDays(-1), Now.AddDays(1), fresh);
        Assert.Single(ReleaseMaker.Read(Signed(ReleaseMaker.ReleaseKey, certificate), after));
        // A bundle may bring the list by which it is trusted.
        Assert.Single(ReleaseMaker.Read(Signed(ReleaseMaker.ReleaseKey, certificate, signed)));

        // No list takes the place of a later one, and none of strangers takes any.
        Assert.Equal(2, after.Next(RootList.Sign(new(1, [.. ReleaseMaker.Roots.Roots]), fresh)).Number);
        Assert.Throws<ReleaseRefusedException>(() => ReleaseMaker.Roots.Next(RootList.Sign(new(9, [RootKey.Of(ReleaseMaker.StrangerKey)]), ReleaseMaker.StrangerKey)));
        Assert.Equal(1, ReleaseMaker.Roots.Next(RootList.Sign(new(9, []), ReleaseMaker.RootKey)).Number);
    }

    static byte[] Signed(RSA key, byte[] certificate, byte[]? roots = null)
    {
        var manifest = ReleaseMaker.Manifest(("a", "1")).ToBytes();
        return ReleaseMaker.Pack([
            (BundleReader.Manifest, manifest), (BundleReader.Signature, ReleaseSignature.Sign(key, ReleaseSignature.OfRelease, manifest)), (BundleReader.Certificate, certificate),
            .. roots is null ? Array.Empty<(string, byte[])>() : [(BundleReader.Roots, roots)], (BundleReader.Files + "a", "1"u8.ToArray()),
        ]);
    }
}
