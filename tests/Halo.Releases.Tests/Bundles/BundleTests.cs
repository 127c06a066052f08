using System.IO.Compression;
using System.Text;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Releases.Tests.Bundles;

/// <summary>What a bundle has to be, and what becomes of everything else.</summary>
public sealed class BundleTests
{
    static readonly (string, string)[] Files = [("halo-link", "program"), ("runtimes/linux-x64/lib.so", "library"), ("empty", "")];

    [Fact]
    public void A_bundle_gives_its_files_back()
    {
        var read = ReleaseMaker.Read(ReleaseMaker.Bundle(Files));
        Assert.Equal(Files, read.Select(f => (f.Key, Encoding.UTF8.GetString(f.Value))));
    }

    [Fact]
    public void The_same_files_and_head_give_the_same_bytes_wherever_they_are()
    {
        var (first, second) = (Written(out var manifest, null), Written(out _, manifest));
        Assert.Equal(first, second);
        Assert.Equal(["a/one", "two"], ReleaseMaker.Read(first).Keys);

        static byte[] Written(out BundleHead head, BundleHead? given)
        {
            var directory = Directory.CreateTempSubdirectory("halo-bundle-").FullName;
            try
            {
                Directory.CreateDirectory(Path.Combine(directory, "a"));
                File.WriteAllText(Path.Combine(directory, "two"), "2");
                File.WriteAllText(Path.Combine(directory, "a", "one"), "1");
                var release = ReleaseMaker.Manifest() with { Files = BundleWriter.Describe(directory) };
                head = given ?? BundleWriter.Sign(release, ReleaseMaker.ReleaseKey, ReleaseMaker.Certificate);
                using var bundle = new MemoryStream();
                BundleWriter.Write(bundle, head, release, directory);
                return bundle.ToArray();
            }
            finally
            {
                Directory.Delete(directory, recursive: true);
            }
        }
    }

    [Fact]
    public void A_bundle_that_is_cut_anywhere_is_refused()
    {
        var bundle = ReleaseMaker.Bundle(Files);
        // Of the last bytes, gzip's own checksum, the framework's reader misses none; every file was compared with its digest by then.
        const int checksum = 10;
        for (var length = 0; length < bundle.Length - checksum; length++)
            Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused(bundle[..length]).Kind);
    }

    [Fact]
    public void A_bundle_with_a_changed_byte_is_refused_or_says_the_same()
    {
        var bundle = ReleaseMaker.Bundle(Files);
        for (var at = 0; at < bundle.Length; at++)
        {
            var changed = (byte[])bundle.Clone();
            changed[at] ^= 0x5A;
            try
            {
                // Bytes of gzip's own header, as the time in it, mean nothing here.
                Assert.Equal(Files, ReleaseMaker.Read(changed).Select(f => (f.Key, Encoding.UTF8.GetString(f.Value))));
            }
            catch (ReleaseRefusedException)
            {
                // As it should be.
            }
        }
    }

    [Fact]
    public void Whatever_bytes_come_they_are_refused_and_nothing_else_happens()
    {
        var random = new Random(20261130);
        for (var round = 0; round < 2000; round++)
        {
            var bytes = new byte[random.Next(4096)];
            random.NextBytes(bytes);
            Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused(round % 2 == 0 ? bytes : Zipped(bytes)).Kind);
        }
    }

    [Theory]
    [InlineData("changed", "prograM", "was changed")]
    [InlineData("longer", "program!", "8 bytes, and 7")]
    public void A_file_that_is_not_the_one_in_the_manifest_is_refused(string what, string content, string said)
    {
        var bundle = ReleaseMaker.Bundle(ReleaseMaker.Manifest(("halo-link", "program")), ("halo-link", content));
        Assert.Contains(said, ReleaseMaker.Refused(bundle).Message, StringComparison.Ordinal);
        Assert.NotNull(what);
    }

    [Fact]
    public void Files_that_are_missing_other_ones_and_further_ones_are_refused()
    {
        var manifest = ReleaseMaker.Manifest(("halo-link", "program"), ("two", "2"));
        Assert.Contains("two is missing", ReleaseMaker.Refused(ReleaseMaker.Bundle(manifest, ("halo-link", "program"))).Message, StringComparison.Ordinal);
        Assert.Contains("two is missing", ReleaseMaker.Refused(ReleaseMaker.Bundle(manifest, ("halo-link", "program"), ("three", "2"))).Message, StringComparison.Ordinal);
        Assert.Contains("does not name", ReleaseMaker.Refused(ReleaseMaker.Bundle(manifest, ("halo-link", "program"), ("two", "2"), ("three", "3"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_follows_the_end_is_refused()
    {
        var bundle = ReleaseMaker.Bundle(Files);
        Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused([.. bundle, .. Zipped(Encoding.ASCII.GetBytes("and more"))]).Kind);
        Assert.Equal(RefusalKind.Damaged, ReleaseMaker.Refused([.. bundle, .. Zipped(new byte[64 << 20])]).Kind);
    }

    [Fact]
    public void A_head_that_claims_to_be_long_takes_no_memory()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var bundle = ReleaseMaker.Pack((BundleReader.Manifest, new byte[64 << 20]));
        var made = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("bytes, and", ReleaseMaker.Refused(bundle).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - made, 0, 4 << 20);
        Assert.True(made > before);
    }

    static byte[] Zipped(byte[] content)
    {
        using var made = new MemoryStream();
        using (var zipped = new GZipStream(made, CompressionLevel.Fastest, leaveOpen: true))
            zipped.Write(content);
        return made.ToArray();
    }
}
