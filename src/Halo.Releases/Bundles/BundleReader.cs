using System.IO.Compression;
using System.Security.Cryptography;
using Halo.Releases.Trust;

namespace Halo.Releases.Bundles;

/// <summary>A release as one file: a tar.gz whose first entries are the manifest, its signature and the certificate of the release key, then the files in the manifest's order. Read once, from begin to end.</summary>
sealed class BundleReader : IDisposable
{
    public const string Manifest = "manifest.json", Signature = "manifest.sig", Certificate = "certificate.json", Roots = "roots.json", Files = "files/";
    const int Piece = 81920;

    readonly GZipStream _unzipped;
    readonly TarReader _tar;
    bool _hasEntry;

    BundleReader(Stream bundle)
    {
        _unzipped = new(bundle, CompressionMode.Decompress, leaveOpen: true);
        _tar = new(_unzipped);
    }

    /// <summary>What is signed.</summary>
    public ReleaseManifest Release { get; private set; } = null!;

    /// <summary>The roots that are trusted from now on: those that were given, or the newer list that one of them has signed.</summary>
    public RootList TrustedRoots { get; private set; } = null!;

    /// <summary>Reads the beginning, and believes nothing that no root vouches for.</summary>
    /// <param name="bundle">Stays open.</param>
    /// <exception cref="ReleaseRefusedException">It is refused.</exception>
    public static BundleReader Open(Stream bundle, RootList roots, DateTimeOffset now)
    {
        var reader = new BundleReader(bundle);
        try
        {
            Told(() => reader.ReadHead(roots, now));
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Reads all files and compares each with the manifest.</summary>
    /// <param name="open">Where a file goes; the reader closes it. What was written before an exception is no good.</param>
    /// <exception cref="ReleaseRefusedException">A file is missing, another one, or there are more.</exception>
    /// <exception cref="IOException">The target cannot be written.</exception>
    public void ReadFiles(Func<ReleaseFile, Stream> open)
    {
        foreach (var file in Release.Files)
        {
            if (!_hasEntry && !Told(() => _tar.Next(ReleaseBounds.LongestFile)) || _tar.Name != Files + file.Path)
                throw Damaged($"the file {file.Path} is missing");
            _hasEntry = false;
            if (_tar.Length != file.Length)
                throw Damaged($"the file {file.Path} has {_tar.Length} bytes, and {file.Length} stand in its manifest");
            using var target = open(file);
            if (Copy(target) != file.Sha256)
                throw Damaged($"the file {file.Path} was changed");
        }
        if (_hasEntry || Told(() => _tar.Next(ReleaseBounds.LongestFile)))
            throw Damaged("it has files that its manifest does not name");
    }

    public void Dispose() => _unzipped.Dispose();

    void ReadHead(RootList roots, DateTimeOffset now)
    {
        var manifest = Entry(Manifest, ReleaseBounds.LongestManifest);
        var signature = Entry(Signature, ReleaseBounds.LongestSignature);
        var certificate = Entry(Certificate, ReleaseBounds.LongestCertificate);
        _hasEntry = _tar.Next(ReleaseBounds.LongestFile);
        if (_hasEntry && _tar.Name == Roots)
        {
            if (_tar.Length > ReleaseBounds.LongestRoots)
                throw Damaged("its list of root keys is too long");
            roots = roots.Next(_tar.ReadAll());
            _hasEntry = false;
        }
        TrustedRoots = roots;
        var key = ReleaseCertificate.Open(certificate, roots, now).Key;
        if (!ReleaseSignature.Verify(key, ReleaseSignature.OfRelease, manifest, signature))
            throw new ReleaseRefusedException(RefusalKind.NotTrusted, "The release has a signature that is not good: it was changed, or somebody else made it.");
        Release = ReleaseManifest.Parse(manifest);
    }

    byte[] Entry(string name, int longest)
    {
        if (!_tar.Next(longest) || _tar.Name != name)
            throw Damaged($"{name} is missing");
        return _tar.ReadAll();
    }

    string Copy(Stream target)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Piece];
        while (Told(() => _tar.Read(buffer)) is > 0 and var read)
        {
            digest.AppendData(buffer, 0, read);
            target.Write(buffer, 0, read);
        }
        return Convert.ToHexStringLower(digest.GetHashAndReset());
    }

    /// <summary>Faults of the compression are told as those of the release; those of the disk that is written are not.</summary>
    static T Told<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException)
        {
            throw Damaged("it is no bundle, or was changed");
        }
    }

    static void Told(Action read) => Told(() =>
    {
        read();
        return true;
    });

    static ReleaseRefusedException Damaged(string what) => new(RefusalKind.Damaged, $"The release is damaged: {what}.");
}
