using Halo.Line;
using Halo.Link.Configuring;
using Halo.Link.Files;

namespace Halo.Link.Installing;

/// <summary>The settings as they were before setup changed them, beside them on the disk: the installation may fail after setup has ended.</summary>
/// <remarks>Both files change in one step, so that neither a full disk nor a power loss leaves half of one.</remarks>
/// <param name="path">Of the settings.</param>
sealed class SettingsBackup(string path)
{
    // Empty where there were no settings: a file of settings never is.
    readonly string _copy = path + ".before";

    public void Save() => DurableFile.Publish(Draft(File.Exists(path) ? File.ReadAllBytes(path) : []), _copy);

    /// <summary>Puts them back, once.</summary>
    /// <returns>False: nothing was saved.</returns>
    public bool Restore()
    {
        if (!File.Exists(_copy))
            return false;
        if (File.ReadAllBytes(_copy) is { Length: > 0 } content)
            ConfigurationFile.Replace(Draft(content), path);
        else
            File.Delete(path);
        Discard();
        return true;
    }

    public void Discard()
    {
        if (File.Exists(_copy))
            File.Delete(_copy);
    }

    /// <summary>A file that is whole on the disk, under a name that nothing reads.</summary>
    string Draft(byte[] content)
    {
        var draft = _copy + ".tmp";
        using var file = OwnFiles.Open(draft, FileMode.Create, FileAccess.Write);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return draft;
    }
}
