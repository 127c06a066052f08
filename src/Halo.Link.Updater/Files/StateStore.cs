using System.Text.Json;
using Halo.Line;
using Halo.Releases;
using Halo.Releases.Handover;
using Halo.Releases.Trust;

namespace Halo.Link.Updater.Files;

/// <summary>The updater's own directory: its state, which everybody may read, and newer root keys.</summary>
sealed class StateStore(string directory)
{
    const string RootsFile = "roots.json", LockFile = "lock";
    const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    string StateFile => Path.Combine(directory, UpdateState.FileName);

    /// <summary>Held until the process ends, however it ends.</summary>
    /// <returns>Null: another process has it.</returns>
    public IDisposable? TryLock()
    {
        Directory.CreateDirectory(directory);
        try
        {
            return new FileStream(Path.Combine(directory, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(Path.Combine(directory, LockFile)))
        {
            return null;
        }
    }

    /// <summary>Where it is damaged it is set aside, and what was under way is forgotten: the version that is named as current runs.</summary>
    public UpdateState Load()
    {
        if (!File.Exists(StateFile))
            return new();
        try
        {
            using var file = File.OpenRead(StateFile);
            return file.Length > UpdateState.Longest ? throw new JsonException() : UpdateState.Parse(file);
        }
        catch (JsonException)
        {
            Journal.Write($"{StateFile} is damaged; it is set aside, and the current version goes on.");
            File.Move(StateFile, StateFile + ".damaged", overwrite: true);
            return new();
        }
    }

    public void Save(UpdateState state) => Write(UpdateState.FileName, state.ToBytes());

    /// <summary>The newer of what the build has and what a release brought since.</summary>
    public RootList Roots(RootList builtIn)
    {
        var path = Path.Combine(directory, RootsFile);
        try
        {
            // Written by this program alone, after a root had signed it.
            return File.Exists(path) && RootList.Parse(File.ReadAllBytes(path)) is { } later && later.Number > builtIn.Number ? later : builtIn;
        }
        catch (ReleaseRefusedException)
        {
            Journal.Write($"{path} is damaged; the root keys of this build count.");
            return builtIn;
        }
    }

    public void SaveRoots(RootList roots) => Write(RootsFile, roots.ToBytes());

    void Write(string name, byte[] content)
    {
        var draft = Path.Combine(directory, name + ".new");
        File.Delete(draft);
        using (var file = new SyncedFile(draft, Readable))
            file.Write(content);
        DurableFile.Publish(draft, Path.Combine(directory, name));
    }
}
