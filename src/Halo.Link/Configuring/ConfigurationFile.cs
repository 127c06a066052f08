using System.Collections;
using System.Diagnostics;
using System.Runtime.Versioning;
using Halo.Line;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;

namespace Halo.Link.Configuring;

/// <summary>The configuration file that is being changed: saved whole or not at all, and never with a fault that it did not have.</summary>
sealed class ConfigurationFile
{
    readonly string _path;
    readonly IDictionary _environment;
    readonly HashSet<SettingsFault> _known;

    ConfigurationFile(string path, IDictionary environment, SettingsDocument document, bool isNew, IEnumerable<SettingsFault> known)
    {
        (_path, _environment, Document, IsNew) = (path, environment, document, isNew);
        _known = [.. known];
    }

    /// <summary>Its text.</summary>
    public SettingsDocument Document { get; }

    /// <summary>Whether there was none.</summary>
    public bool IsNew { get; }

    /// <summary>Its path.</summary>
    public string FilePath => _path;

    /// <param name="environment">Lies over the file, as for a Link.</param>
    /// <exception cref="SettingsException">It is there and cannot be read, or is not JSON.</exception>
    public static ConfigurationFile Open(string path, IDictionary environment)
    {
        path = Path.GetFullPath(path);
        if (!IsThere(path))
            return new(path, environment, SettingsDocument.Empty, isNew: true, []);
        // A link leads to the file that is to be changed.
        path = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        var content = new SettingsSource(path).Read();
        var file = new ConfigurationFile(path, environment, SettingsDocument.Parse(path, content), isNew: false, []);
        file._known.UnionWith(file.FaultsOf(content, out _));
        return file;
    }

    static bool IsThere(string path)
    {
        try
        {
            _ = File.GetAttributes(path);
            return true;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            // Not to be taken for one that does not exist.
            throw new SettingsException([new(path, $"cannot be looked at by the account {Environment.UserName} ({e.GetType().Name}): run this as an administrator (sudo).")]);
        }
    }

    /// <summary>The settings as a Link would read them; null: they have faults.</summary>
    /// <param name="fresh">Those that the file did not have before.</param>
    public LinkSettings? Check(out IReadOnlyList<SettingsFault> fresh)
    {
        var faults = FaultsOf(Document.Content, out var settings);
        fresh = [.. faults.Where(f => !_known.Contains(f))];
        return settings;
    }

    /// <summary>Writes it in the place of the old one, in one step; its owner and rights stay. A new one is for its owner, and for the group of a directory that hands its group on.</summary>
    /// <exception cref="SettingsException">It cannot be written.</exception>
    public void Save()
    {
        var draft = $"{_path}.{Environment.ProcessId}.tmp";
        try
        {
            var directory = Path.GetDirectoryName(_path)!;
            DurableFile.CreateDirectory(directory);
            using (var file = OwnFiles.Open(draft, FileMode.Create, FileAccess.Write))
            {
                if (!OperatingSystem.IsWindows())
                    KeepRights(draft, directory);
                file.Write(Document.Content);
                file.Flush(flushToDisk: true);
            }
            Replace(draft, _path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(draft);
            throw new SettingsException([new(_path, $"cannot be written by the account {Environment.UserName} ({e.GetType().Name}): run this as an administrator (sudo), or look at the disk.")]);
        }
    }

    /// <summary>Puts a file that is whole on the disk in the place of another, in one step. On Windows the rights of the one that was there stay.</summary>
    public static void Replace(string draft, string path)
    {
        if (OperatingSystem.IsWindows() && File.Exists(path))
            File.Replace(draft, path, null);
        else
            DurableFile.Publish(draft, path);
    }

    /// <summary>Whoever writes it, whatever the umask: the service must not be locked out of its own file.</summary>
    [UnsupportedOSPlatform("windows")]
    void KeepRights(string draft, string directory)
    {
        if (IsNew)
        {
            var inherits = File.GetUnixFileMode(directory).HasFlag(UnixFileMode.SetGroup);
            File.SetUnixFileMode(draft, UnixFileMode.UserRead | UnixFileMode.UserWrite | (inherits ? UnixFileMode.GroupRead : UnixFileMode.None));
            return;
        }
        using var chown = Process.Start(new ProcessStartInfo("chown", ["--reference", _path, draft]) { RedirectStandardError = true })!;
        chown.WaitForExit();
        if (chown.ExitCode != 0)
            throw new IOException("The file's owner and group could not be kept.");
        // After its owner, whose change takes rights away.
        File.SetUnixFileMode(draft, File.GetUnixFileMode(_path));
    }

    IReadOnlyList<SettingsFault> FaultsOf(byte[] content, out LinkSettings? settings)
    {
        settings = null;
        try
        {
            settings = SettingsReader.Read(_path, content, _environment, asService: false);
            return [];
        }
        catch (SettingsException e)
        {
            return e.Faults;
        }
    }
}
