using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Releases.Tests;

/// <summary>Keys and bundles of the tests' own.</summary>
static class ReleaseMaker
{
    public static readonly DateTimeOffset Now = new(2026, 12, 1, 12, 0, 0, TimeSpan.Zero);
    public static readonly RSA RootKey = RSA.Create(2048), ReleaseKey = RSA.Create(2048), StrangerKey = RSA.Create(2048);
    public static readonly RootList Roots = new(1, [Halo.Releases.Trust.RootKey.Of(RootKey)]);
    public static readonly byte[] Certificate = ReleaseCertificate.Make(ReleaseKey, Now.AddDays(-1), Now.AddDays(30), RootKey);

    public static ReleaseManifest Manifest(params (string Path, string Content)[] files) => new()
    {
        Product = ReleaseManifest.HaloLink,
        Version = "26.1201.7",
        Channel = "stable",
        System = "linux",
        Architecture = "x64",
        Created = Now.AddDays(-1),
        Expires = Now.AddDays(30),
        Files = [.. files.Select(f => new ReleaseFile(f.Path, f.Content.Length, Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(f.Content))), f.Path == "halo-link"))],
    };

    /// <summary>A bundle as it should be.</summary>
    public static byte[] Bundle(params (string Path, string Content)[] files) => Bundle(Manifest(files), files);

    public static byte[] Bundle(ReleaseManifest manifest, params (string Path, string Content)[] files)
    {
        var bytes = manifest.ToBytes();
        return Pack([
            (BundleReader.Manifest, bytes), (BundleReader.Signature, ReleaseSignature.Sign(ReleaseKey, ReleaseSignature.OfRelease, bytes)), (BundleReader.Certificate, Certificate),
            .. files.Select(f => (BundleReader.Files + f.Path, System.Text.Encoding.UTF8.GetBytes(f.Content))),
        ]);
    }

    public static byte[] Pack(params (string Name, byte[] Content)[] entries) =>
        Pack(entries.Select(e => (TarEntry)new UstarTarEntry(TarEntryType.RegularFile, e.Name) { DataStream = new MemoryStream(e.Content) }));

    public static byte[] Pack(IEnumerable<TarEntry> entries, TarEntryFormat format = TarEntryFormat.Ustar)
    {
        using var made = new MemoryStream();
        using (var zipped = new GZipStream(made, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zipped, format, leaveOpen: true))
            foreach (var entry in entries)
                tar.WriteEntry(entry);
        return made.ToArray();
    }

    /// <summary>The files of a bundle, each read to its end.</summary>
    public static Dictionary<string, byte[]> Read(byte[] bundle, RootList? roots = null, DateTimeOffset? now = null)
    {
        using var reader = BundleReader.Open(new MemoryStream(bundle), roots ?? Roots, now ?? Now);
        var files = new Dictionary<string, MemoryStream>();
        reader.ReadFiles(f => files[f.Path] = new MemoryStream());
        return files.ToDictionary(f => f.Key, f => f.Value.ToArray());
    }

    public static ReleaseRefusedException Refused(byte[] bundle, RootList? roots = null, DateTimeOffset? now = null) =>
        Assert.Throws<ReleaseRefusedException>(() => Read(bundle, roots, now));
}
