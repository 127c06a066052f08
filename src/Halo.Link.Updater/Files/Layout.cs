using System.Text;
using Halo.Line;
using Halo.Releases;

namespace Halo.Link.Updater.Files;

/// <summary>The programs: a directory for each version, never changed once it has its name, and two small files that each name a version.</summary>
/// <remarks>
/// <c>current</c> is the version that the launcher starts. <c>good</c> is the last one that passed its trial; the updater itself is started from that one, so that a
/// version on trial never judges itself.
/// </remarks>
sealed class Layout(string programs)
{
    const string CurrentFile = "current", GoodFile = "good", NewPrefix = ".new-", OldPrefix = ".old-";
    const int LongestPointer = 64;
    const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    const UnixFileMode Executable = Readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    string Versions => Path.Combine(programs, "versions");

    /// <summary>The version that is started; null: the file names none.</summary>
    public string? Current => Read(CurrentFile);

    /// <summary>The version that the updater is started from; null: the file names none.</summary>
    public string? Good => Read(GoodFile);

    public long FreeBytes => new DriveInfo(Versions).AvailableFreeSpace;

    /// <summary>Every version that is there, whole.</summary>
    public IReadOnlyList<string> All() => !Directory.Exists(Versions) ? [] :
        [.. Directory.EnumerateDirectories(Versions).Select(d => Path.GetFileName(d)).Where(v => CalendarVersion.TryParse(v, out _))];

    public bool Has(string version) => File.Exists(ProgramOf(version));

    public string DirectoryOf(string version) => Path.Combine(Versions, version);

    public string ProgramOf(string version, string program = "halo-link") => Path.Combine(DirectoryOf(version), program);

    public void PointCurrent(string version) => Point(CurrentFile, version);

    public void PointGood(string version) => Point(GoodFile, version);

    /// <summary>Makes a version of files that are written and synced under a name that nothing starts, and then gives it its own.</summary>
    /// <param name="write">Gets where each file goes.</param>
    public void Make(string version, Action<Func<ReleaseFile, Stream>> write)
    {
        var draft = Path.Combine(Versions, NewPrefix + version);
        Remove(draft);
        try
        {
            MakeDirectory(draft);
            var directories = new HashSet<string> { draft };
            write(file =>
            {
                var path = Path.Combine(draft, file.Path);
                for (var directory = Path.GetDirectoryName(path)!; directories.Add(directory); directory = Path.GetDirectoryName(directory)!)
                    MakeDirectory(directory);
                return new SyncedFile(path, file.Executable ? Executable : Readable);
            });
            foreach (var directory in directories)
                DurableFile.SyncDirectory(directory);
            RemoveVersion(version);
            Directory.Move(draft, DirectoryOf(version));
            DurableFile.SyncDirectory(Versions);
        }
        catch
        {
            Remove(draft);
            throw;
        }
    }

    /// <summary>Under another name first, so that half a version is never taken for one.</summary>
    public void RemoveVersion(string version)
    {
        if (!Directory.Exists(DirectoryOf(version)))
            return;
        var aside = Path.Combine(Versions, OldPrefix + version);
        Remove(aside);
        Directory.Move(DirectoryOf(version), aside);
        Remove(aside);
    }

    /// <summary>Removes what an end in the middle left.</summary>
    public void CleanUp()
    {
        if (!Directory.Exists(Versions))
            return;
        foreach (var left in Directory.EnumerateDirectories(Versions, ".*").Where(d => Path.GetFileName(d) is var name && (name.StartsWith(NewPrefix, StringComparison.Ordinal) || name.StartsWith(OldPrefix, StringComparison.Ordinal))).ToList())
            Remove(left);
    }

    /// <summary>Of all files of a version, as they count for the bound of the disk.</summary>
    public long BytesOf(string version) => new DirectoryInfo(DirectoryOf(version)).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);

    string? Read(string name)
    {
        var path = Path.Combine(programs, name);
        if (!File.Exists(path))
            return null;
        using var file = File.OpenRead(path);
        if (file.Length > LongestPointer)
            return null;
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Trim() is var text && CalendarVersion.TryParse(text, out _) ? text : null;
    }

    void Point(string name, string version)
    {
        var draft = Path.Combine(programs, name + ".new");
        File.Delete(draft);
        using (var file = new SyncedFile(draft, Readable))
            file.Write(Encoding.ASCII.GetBytes(version + "\n"));
        DurableFile.Publish(draft, Path.Combine(programs, name));
    }

    /// <summary>For everybody to read, whatever the umask.</summary>
    static void MakeDirectory(string path)
    {
        Directory.CreateDirectory(path);
        File.SetUnixFileMode(path, Executable);
    }

    static void Remove(string directory)
    {
        if (Directory.Exists(directory))
            Directory.Delete(directory, recursive: true);
    }
}
