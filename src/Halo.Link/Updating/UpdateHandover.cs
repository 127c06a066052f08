using Halo.Line;
using Halo.Link.Files;
using Halo.Releases.Handover;

namespace Halo.Link.Updating;

/// <summary>Hands a release to the updater, which alone may change programs: a bundle and a request in a directory of the agent's. The updater believes neither.</summary>
static class UpdateHandover
{
    /// <summary>Asks for the release in a bundle. The file is moved where that can be, else copied, and the updater removes it.</summary>
    /// <param name="dataDirectory">Of the agent.</param>
    /// <param name="bundle">A file; it may be damaged or anything else: the updater looks.</param>
    /// <param name="move">It was downloaded for this alone.</param>
    /// <param name="again">A person asks, also for a version that was no good here before.</param>
    /// <param name="apiTime">The API's time, where it is known: by it the updater judges what has expired.</param>
    /// <returns>By which <see cref="UpdateState"/> tells of it.</returns>
    /// <exception cref="IOException">The bundle cannot be read, or the directory not be written.</exception>
    public static Guid Request(string dataDirectory, string bundle, bool move, bool again, DateTimeOffset? apiTime, TimeProvider time)
    {
        var (id, folder) = (Guid.CreateVersion7(time.GetUtcNow()), FolderOf(dataDirectory));
        var name = $"{id:N}.bundle";
        var path = Path.Combine(folder, name);
        RemoveLeftOvers(folder);
        if (move)
            File.Move(bundle, path);
        else
        {
            using var source = File.OpenRead(bundle);
            // New and no other: where root calls this, nothing that stands there leads it elsewhere.
            using var copy = OwnFiles.Open(path, FileMode.CreateNew, FileAccess.Write);
            source.CopyTo(copy);
        }
        Write(folder, new(id, name) { Again = again, ApiTime = apiTime, LocalTime = apiTime is null ? null : time.GetUtcNow() });
        return id;
    }

    /// <summary>Asks to go back to the version before.</summary>
    /// <returns>As above.</returns>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static Guid RequestRollback(string dataDirectory, TimeProvider time)
    {
        var id = Guid.CreateVersion7(time.GetUtcNow());
        Write(FolderOf(dataDirectory), new(id, null));
        return id;
    }

    /// <summary>Whether a request waits to be taken.</summary>
    public static bool IsAsked(string dataDirectory) => File.Exists(Path.Combine(Path.GetFullPath(dataDirectory), UpdateRequest.DirectoryName, UpdateRequest.FileName));

    /// <summary>Where both stand; made where it is missing.</summary>
    /// <exception cref="IOException">It cannot be made, or leads elsewhere.</exception>
    public static string FolderOf(string dataDirectory)
    {
        var folder = Path.Combine(Path.GetFullPath(dataDirectory), UpdateRequest.DirectoryName);
        DurableFile.CreateDirectory(folder);
        return new DirectoryInfo(folder).LinkTarget is null ? folder : throw new IOException($"{folder} leads elsewhere: remove it.");
    }

    static void Write(string folder, UpdateRequest request)
    {
        var draft = Path.Combine(folder, $"{request.Id:N}.tmp");
        using (var file = OwnFiles.Open(draft, FileMode.CreateNew, FileAccess.Write))
            file.Write(request.ToBytes());
        File.Move(draft, Path.Combine(folder, UpdateRequest.FileName), overwrite: true);
    }

    /// <summary>Bundles for which nobody asks any more: a request takes the place of the one before.</summary>
    static void RemoveLeftOvers(string folder)
    {
        foreach (var left in Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f) is ".bundle" or ".tmp").ToList())
            File.Delete(left);
    }
}
