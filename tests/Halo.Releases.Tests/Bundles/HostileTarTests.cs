using System.Formats.Tar;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Releases.Tests.Bundles;

/// <summary>Entries that a bundle never has, signed or not.</summary>
public sealed class HostileTarTests
{
    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../halo-link")]
    [InlineData("a/../../halo-link")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("a/.")]
    [InlineData("a/")]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("C:/windows/a")]
    [InlineData("a\\b")]
    [InlineData("a:stream")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    [InlineData("nul.txt")]
    [InlineData("x/COM1")]
    [InlineData("ends.")]
    [InlineData("ä")]
    public void A_signed_manifest_with_a_path_that_leads_elsewhere_is_refused(string path)
    {
        var bundle = ReleaseMaker.Bundle(ReleaseMaker.Manifest(("halo-link", "program"), (path, "x")));
        Assert.Contains("path that is not allowed", ReleaseMaker.Refused(bundle).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a", "a", "twice")]
    [InlineData("lib/A.dll", "lib/a.dll", "twice")]
    [InlineData("a", "a/b", "a file and a directory")]
    [InlineData("A/b", "a", "a file and a directory")]
    public void Two_files_of_one_name_are_refused(string one, string two, string said) =>
        Assert.Contains(said, ReleaseMaker.Refused(ReleaseMaker.Bundle(ReleaseMaker.Manifest((one, "1"), (two, "2")))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(TarEntryType.SymbolicLink)]
    [InlineData(TarEntryType.HardLink)]
    [InlineData(TarEntryType.CharacterDevice)]
    [InlineData(TarEntryType.BlockDevice)]
    [InlineData(TarEntryType.Fifo)]
    [InlineData(TarEntryType.Directory)]
    public void Links_devices_pipes_and_directories_are_refused(TarEntryType type)
    {
        var entry = new UstarTarEntry(type, BundleReader.Manifest);
        if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
            entry.LinkName = "/etc/passwd";
        Assert.Contains("not a plain file", ReleaseMaker.Refused(ReleaseMaker.Pack([entry])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Extended_headers_are_refused() =>
        Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused(ReleaseMaker.Pack(
            [new PaxTarEntry(TarEntryType.RegularFile, BundleReader.Manifest, [new("comment", new string('x', 100_000))]) { DataStream = new MemoryStream([1]) }], TarEntryFormat.Pax)).Kind);

    [Fact]
    public void More_files_or_bytes_than_allowed_are_refused_before_one_is_read()
    {
        var many = ReleaseMaker.Manifest([.. Enumerable.Range(0, ReleaseBounds.MostFiles + 1).Select(n => ($"f{n}", ""))]);
        Assert.Contains("files, and 1 to", ReleaseMaker.Refused(ReleaseMaker.Bundle(many)).Message, StringComparison.Ordinal);

        var file = ReleaseMaker.Manifest(("halo-link", "program")).Files[0];
        var large = ReleaseMaker.Manifest() with { Files = [file with { Length = ReleaseBounds.LongestFile + 1 }] };
        Assert.Contains("bytes, and", ReleaseMaker.Refused(ReleaseMaker.Bundle(large)).Message, StringComparison.Ordinal);

        var together = ReleaseMaker.Manifest() with { Files = [file with { Path = "a", Length = ReleaseBounds.LongestFile }, file with { Path = "b", Length = ReleaseBounds.LongestFile }, file] };
        Assert.Contains("together", ReleaseMaker.Refused(ReleaseMaker.Bundle(together)).Message, StringComparison.Ordinal);
        Assert.Contains("bytes, and", ReleaseMaker.Refused(ReleaseMaker.Bundle(ReleaseMaker.Manifest() with { Files = [file with { Length = -1 }] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Manifests_of_any_other_form_are_refused()
    {
        foreach (var json in (string[])["", "{}", "[]", "null", "{\"version\":1}", new string('[', 100), """{"product":null,"version":"26.1201.7","channel":"c","system":"linux","architecture":"x64","created":"2026-12-01T00:00:00Z","expires":"2026-12-01T00:00:00Z","files":[null]}"""])
        {
            var bytes = System.Text.Encoding.UTF8.GetBytes(json);
            var bundle = ReleaseMaker.Pack((BundleReader.Manifest, bytes), (BundleReader.Signature, ReleaseSignature.Sign(ReleaseMaker.ReleaseKey, ReleaseSignature.OfRelease, bytes)), (BundleReader.Certificate, ReleaseMaker.Certificate));
            Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused(bundle).Kind);
        }
        foreach (var version in (string[])["", "1", "26.1201", "26.1201.-1", "26.1201.07", "26.1201.7/..", "26.1201.99999999999", "x.y.z"])
            Assert.Contains("YY.Mdd.build", ReleaseMaker.Refused(ReleaseMaker.Bundle(ReleaseMaker.Manifest(("a", "")) with { Version = version })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_of_a_later_version_are_ignored()
    {
        var bytes = ReleaseMaker.Manifest(("a", "1")).ToBytes();
        var later = System.Text.Encoding.UTF8.GetBytes("{\"rollout\":{\"speed\":[1,2]}," + System.Text.Encoding.UTF8.GetString(bytes)[1..]);
        var bundle = ReleaseMaker.Pack((BundleReader.Manifest, later), (BundleReader.Signature, ReleaseSignature.Sign(ReleaseMaker.ReleaseKey, ReleaseSignature.OfRelease, later)),
            (BundleReader.Certificate, ReleaseMaker.Certificate), (BundleReader.Files + "a", "1"u8.ToArray()));
        Assert.Equal(["a"], ReleaseMaker.Read(bundle).Keys);
    }
}
