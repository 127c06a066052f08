using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Halo.Releases.Trust;

namespace Halo.Releases.Bundles;

/// <summary>Makes bundles, on the build machine. The same files and the same head give the same bytes; a new signature differs, since RSA-PSS is salted.</summary>
static class BundleWriter
{
    /// <summary>Describes the files of a directory, in the order of their paths.</summary>
    public static IReadOnlyList<ReleaseFile> Describe(string directory)
    {
        var files = new List<ReleaseFile>();
        foreach (var path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using var content = File.OpenRead(path);
            var executable = !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & UnixFileMode.UserExecute) != 0;
            files.Add(new(Path.GetRelativePath(directory, path).Replace('\\', '/'), content.Length, Convert.ToHexStringLower(SHA256.HashData(content)), executable));
        }
        return [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)];
    }

    /// <summary>Signs a release.</summary>
    public static BundleHead Sign(ReleaseManifest release, RSA releaseKey, byte[] certificate, byte[]? roots = null)
    {
        var manifest = release.ToBytes();
        return new(manifest, ReleaseSignature.Sign(releaseKey, ReleaseSignature.OfRelease, manifest), certificate, roots);
    }

    /// <param name="release">What the head has.</param>
    /// <param name="directory">With its files.</param>
    public static void Write(Stream bundle, BundleHead head, ReleaseManifest release, string directory, CompressionLevel level = CompressionLevel.SmallestSize)
    {
        using var zipped = new GZipStream(bundle, level, leaveOpen: true);
        using var tar = new TarWriter(zipped, TarEntryFormat.Ustar, leaveOpen: true);
        Add(BundleReader.Manifest, head.Manifest);
        Add(BundleReader.Signature, head.Signature);
        Add(BundleReader.Certificate, head.Certificate);
        if (head.Roots is { } roots)
            Add(BundleReader.Roots, roots);
        foreach (var file in release.Files)
        {
            using var content = File.OpenRead(Path.Combine(directory, file.Path));
            AddStream(BundleReader.Files + file.Path, content, file.Executable);
        }

        void Add(string name, byte[] content) => AddStream(name, new MemoryStream(content), executable: false);

        void AddStream(string name, Stream content, bool executable) => tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = content,
            ModificationTime = release.Created,
            Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead
                | (executable ? UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute : 0),
        });
    }
}

/// <summary>What a bundle begins with.</summary>
/// <param name="Manifest">The bytes that are signed.</param>
/// <param name="Signature">By the release key.</param>
/// <param name="Certificate">Of the release key, signed by a root.</param>
/// <param name="Roots">The next list of roots, signed by one of the present ones; null: there is none.</param>
sealed record BundleHead(byte[] Manifest, byte[] Signature, byte[] Certificate, byte[]? Roots);
