namespace Halo.Link.Installing;

/// <summary>The settings as they were before setup changed them, beside them on the disk: the installation may fail after setup has ended.</summary>
/// <param name="path">Of the settings.</param>
sealed class SettingsBackup(string path)
{
    // Empty where there were no settings: a file of settings never is.
    readonly string _copy = path + ".before";

    public void Save() => File.WriteAllBytes(_copy, File.Exists(path) ? File.ReadAllBytes(path) : []);

    /// <summary>Puts them back, once.</summary>
    /// <returns>False: nothing was saved.</returns>
    public bool Restore()
    {
        if (!File.Exists(_copy))
            return false;
        if (File.ReadAllBytes(_copy) is { Length: > 0 } content)
            // In its place, so that its rights stay.
            File.WriteAllBytes(path, content);
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
}
