using System.Globalization;
using System.Text.Json;

namespace Halo.Cli.Exports;

/// <summary>A directory beside the files of an export, until all of them are whole: its state, pages that were fetched, and the file that is being written.</summary>
/// <remarks>Only its owner can read it, and one process at a time uses it.</remarks>
sealed class ExportWorkspace : IDisposable
{
    const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    const UnixFileMode OwnerDirectory = Owner | UnixFileMode.UserExecute;

    const UnixFileMode AllRights = OwnerDirectory | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    readonly string _directory;
    readonly FileStream _lock;

    ExportWorkspace(string directory, string export, FileStream held) => (_directory, Export, _lock) = (directory, export, held);

    /// <summary>Digest of what is asked for.</summary>
    public string Export { get; }

    /// <summary>Where the export stands; null: it begins.</summary>
    public ExportState? State { get; private set; }

    /// <summary>Makes the directory, or opens what an interrupted export left.</summary>
    /// <param name="export">Digest of what is asked for.</param>
    /// <param name="restart">Throws away what was left.</param>
    public static ExportWorkspace Open(string directory, string export, bool restart)
    {
        Prepare(directory);
        var workspace = new ExportWorkspace(directory, export, Lock(directory));
        try
        {
            if (restart)
                workspace.Clear();
            workspace.State = workspace.Read();
            if (workspace.State is null)
                workspace.Clear();
            return workspace;
        }
        catch
        {
            workspace.Dispose();
            throw;
        }
    }

    public void Save(ExportState state)
    {
        var next = StatePath + ".new";
        using (var file = Create(next))
        {
            JsonSerializer.Serialize(file, state, ExportJson.Default.ExportState);
            file.Flush(flushToDisk: true);
        }
        File.Move(next, StatePath, overwrite: true);
        State = state;
    }

    public string PagePath(int file, int page) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{file + 1}-{page}.page"));

    public string PartialPath(int file) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"{file + 1}.partial"));

    /// <summary>Removes the pages of one file.</summary>
    public void RemovePages(int file)
    {
        foreach (var page in Directory.EnumerateFiles(_directory, string.Create(CultureInfo.InvariantCulture, $"{file + 1}-*.page*")))
            File.Delete(page);
    }

    /// <summary>All files are whole: the state goes last, so that a process that dies meanwhile leaves an export that is known to be done.</summary>
    public void Remove()
    {
        Clear();
        State = null;
    }

    /// <summary>Leaves what the next run goes on with; where there is nothing, no directory either.</summary>
    public void Dispose()
    {
        if (!_lock.CanRead)
            return;
        var isLeft = File.Exists(StatePath);
        // Removed while it is held: once it is free it may be another's. Windows removes no file that is open.
        if (!isLeft && !OperatingSystem.IsWindows())
            File.Delete(LockPath(_directory));
        _lock.Dispose();
        if (isLeft)
            return;
        try
        {
            if (OperatingSystem.IsWindows())
                File.Delete(LockPath(_directory));
            Directory.Delete(_directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Something else is in it, or another export began here.
        }
    }

    /// <summary>A new file that only its owner can read.</summary>
    public static FileStream Create(string path)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, BufferSize = 64 * 1024 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = Owner;
        return new FileStream(path, options);
    }

    string StatePath => Path.Combine(_directory, "state.json");

    static string LockPath(string directory) => Path.Combine(directory, "lock");

    /// <summary>Makes the directory, or sees that one that exists is the user's own: it holds patients' data, and what is in it is trusted.</summary>
    static void Prepare(string directory)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, OwnerDirectory);
        if (!IsOwn(new DirectoryInfo(directory)))
            throw new UsageException($"{directory} exists already, and is a link or open to others. Remove it, or choose another --out.");
    }

    static bool IsOwn(DirectoryInfo directory)
    {
        if (directory.LinkTarget is not null)
            return false;
        if (OperatingSystem.IsWindows())
            return true;
        if ((directory.UnixFileMode & ~OwnerDirectory & AllRights) != 0)
            return false;
        try
        {
            // Only its owner may do this.
            directory.UnixFileMode = OwnerDirectory;
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    static FileStream Lock(string directory)
    {
        var path = LockPath(directory);
        while (true)
        {
            FileStream held;
            try
            {
                held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                throw new UsageException($"Another halo export is writing here: it holds {path}. Wait for its end, or choose another --out.");
            }
            // An export that ended meanwhile may have removed the file that was opened here; the next one would make and lock another.
            if (File.Exists(path) && File.GetLastWriteTimeUtc(path) == File.GetLastWriteTimeUtc(held.SafeFileHandle))
                return held;
            held.Dispose();
        }
    }

    ExportState? Read()
    {
        if (!File.Exists(StatePath))
            return null;
        try
        {
            var state = JsonSerializer.Deserialize(File.ReadAllBytes(StatePath), ExportJson.Default.ExportState);
            if (state is { Version: ExportState.CurrentVersion, Export.Length: > 0, Files.Count: > 0 } && state.Began != default && state.Files.All(IsWhole))
            {
                return state.Export == Export
                    ? state
                    : throw new UsageException($"{_directory} holds another export that was interrupted. Give the same command as then to go on with it, choose another --out, or throw it away: --restart");
            }
        }
        catch (JsonException)
        {
            // As one that lacks something.
        }
        throw new UsageException($"{StatePath} is damaged or of another version of halo. Throw away what was fetched, and begin again: --restart");

        // A name that led out of the directory would replace what is none of the export's.
        static bool IsWhole(ExportFile file) => file is { Name: not null, Key: not null, File.Length: > 0 } && Path.GetFileName(file.File) == file.File;
    }

    /// <summary>Only what is its own.</summary>
    void Clear()
    {
        foreach (var pattern in (string[])["*.page*", "*.partial", "state.json*"])
            foreach (var file in Directory.EnumerateFiles(_directory, pattern))
                File.Delete(file);
    }
}
