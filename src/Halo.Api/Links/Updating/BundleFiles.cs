using System.Security.Cryptography;
using Halo.Api.Basics;
using Halo.Api.Capacity;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Line;
using Halo.Releases;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Api.Links.Updating;

/// <summary>Bundles of releases as files: <c>releases/{SHA-256}.bundle</c>. A bundle has its name only when it is whole, signed and on the disk.</summary>
/// <remarks>They are no secret, and whoever changes one changes nothing: each updater checks signature and files itself. So they are not encrypted.</remarks>
sealed class BundleFiles
{
    const int BufferBytes = 64 * 1024;
    const string Ending = ".bundle", Draft = ".tmp";
    readonly string _directory;
    readonly RootList _roots;
    readonly TimeProvider _time;

    /// <exception cref="StartupException">The directory cannot be written, or the root keys not be read.</exception>
    public BundleFiles(DataDirectory directory, ApiOptions options, TimeProvider time)
    {
        _time = time;
        _directory = directory.File("releases");
        try
        {
            _roots = options.Updates.Roots is { } file ? RootList.Parse(File.ReadAllBytes(file)) : RootList.BuiltIn();
            DurableFile.CreateDirectory(_directory);
            // Of uploads that were cut off.
            foreach (var draft in Directory.EnumerateFiles(_directory, "*" + Draft).ToList())
                File.Delete(draft);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"The directory '{_directory}' for releases cannot be used ({e.Message}). Give the account '{Environment.UserName}' write access to it.", e);
        }
        catch (ReleaseRefusedException e)
        {
            throw new StartupException($"Halo:Updates:Roots: {e.Message} Name the file that halo-release made.", e);
        }
    }

    /// <summary>The file of a bundle; null: it is not there.</summary>
    public string? Find(string digest) => PathOf(digest) is var path && File.Exists(path) ? path : null;

    /// <summary>Takes a bundle in, and looks at it as an updater does.</summary>
    /// <exception cref="ReleaseRefusedException">It is no good, or nobody signed it whom this service trusts.</exception>
    public async Task<(ReleaseManifest Manifest, string Digest, long Length)> TakeAsync(Stream content, CancellationToken stop)
    {
        var draft = Path.Combine(_directory, Guid.CreateVersion7(_time.GetUtcNow()) + Draft);
        try
        {
            var (digest, length) = await WriteAsync(draft, content, stop);
            var manifest = await Task.Run(() => Check(draft), stop);
            DurableFile.Publish(draft, PathOf(digest));
            return (manifest, digest, length);
        }
        finally
        {
            File.Delete(draft);
        }
    }

    public void Remove(string digest) => File.Delete(PathOf(digest));

    static async Task<(string Digest, long Length)> WriteAsync(string draft, Stream content, CancellationToken stop)
    {
        DurableFile.EnsureOwnerOnly(draft);
        await using var file = new FileStream(draft, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferBytes];
        var length = 0L;
        while (await ReadAsync(content, buffer, stop) is > 0 and var read)
        {
            length += read;
            if (length > ReleaseBounds.LongestBundle)
                throw new ReleaseRefusedException(RefusalKind.Damaged, $"The release is damaged: a bundle has at most {ReleaseBounds.LongestBundle} bytes.");
            hash.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), stop);
        }
        file.Flush(flushToDisk: true);
        return (Convert.ToHexStringLower(hash.GetHashAndReset()), length);
    }

    /// <summary>What fails here is the sender's, and not this service's disk.</summary>
    static async ValueTask<int> ReadAsync(Stream content, Memory<byte> buffer, CancellationToken stop)
    {
        try
        {
            return await content.ReadAsync(buffer, stop);
        }
        catch (IOException e) when (RequestBodies.LineBroke(e) is { } broke)
        {
            throw broke;
        }
    }

    ReleaseManifest Check(string file)
    {
        var now = _time.GetUtcNow();
        using var content = File.OpenRead(file);
        using var reader = BundleReader.Open(content, _roots, now);
        var manifest = reader.Release;
        if (manifest.Product != ReleaseManifest.HaloLink)
            throw new ReleaseRefusedException(RefusalKind.Foreign, "The release is for another program than Halo Link.");
        if (manifest.System is not ("linux" or "windows") || manifest.Architecture is not ("x64" or "arm64"))
            throw new ReleaseRefusedException(RefusalKind.Foreign, "The release is for a system or processor that no Halo Link has.");
        if (now > manifest.Expires)
            throw new ReleaseRefusedException(RefusalKind.Expired, $"Version {manifest.Version} expired at {manifest.Expires:u}: make a newer one.");
        reader.ReadFiles(_ => Stream.Null);
        return manifest;
    }

    string PathOf(string digest) => Path.Combine(_directory, digest + Ending);
}
