using System.Text.Json;

namespace Halo.Cli.Profiles;

/// <summary>Profiles in one file that only its owner can read.</summary>
sealed class ProfileStore(string path)
{
    const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The user's own: <c>~/.config/halo/profiles.json</c>, on Windows under <c>%APPDATA%</c>.</summary>
    public static ProfileStore Default { get; } = new(Path.Combine(
        // A new account has no such directory yet.
        Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData, Environment.SpecialFolderOption.DoNotVerify), "halo", "profiles.json"));

    public string FilePath => path;

    public Profile? Find(string name) => Read().GetValueOrDefault(name);

    public void Save(string name, Profile profile)
    {
        var all = Read();
        all[name] = profile;
        Write(all);
    }

    public bool Remove(string name)
    {
        var all = Read();
        if (!all.Remove(name))
            return false;
        Write(all);
        return true;
    }

    SortedDictionary<string, Profile> Read()
    {
        try
        {
            if (!File.Exists(path))
                return [];
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & ~(OwnerFile | UnixFileMode.UserExecute)) != 0)
                throw new UsageException($"{path} holds keys and can be read by others: chmod 600 {path}");
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ProfileContext.Default.SortedDictionaryStringProfile) ?? [];
        }
        catch (JsonException)
        {
            throw new UsageException($"{path} is no file of profiles. Move it away, and log in again: halo login");
        }
    }

    void Write(SortedDictionary<string, Profile> all)
    {
        if (!Path.IsPathRooted(path))
            throw new UsageException("There is no home directory for a profile: set HOME, or give the key by HALO_KEY.");
        var directory = Path.GetDirectoryName(path)!;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, OwnerFile | UnixFileMode.UserExecute);
        // Under another name first: whoever reads, or dies, sees the old one or the new one.
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerFile;
        using (var file = new FileStream(temporary, options))
        {
            JsonSerializer.Serialize(file, all, ProfileContext.Default.SortedDictionaryStringProfile);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }
}
