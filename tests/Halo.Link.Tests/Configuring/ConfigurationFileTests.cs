using System.Collections;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Halo.Link.Configuring;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Configuring;

/// <summary>The umask is the whole process's.</summary>
[Collection(nameof(Alone))]
[UnsupportedOSPlatform("windows")]
public sealed class ConfigurationFileTests : IDisposable
{
    const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A careful administrator's umask, and a file that the service's group reads.</summary>
    [Theory]
    [InlineData(Owner | UnixFileMode.GroupRead)]
    [InlineData(Owner)]
    public void Whoever_changes_the_file_its_rights_stay(UnixFileMode mode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows keeps rights by itself when a file is replaced.");
        var path = Path.Combine(_folder.Path, "halo-link.json");
        File.WriteAllText(path, "{}");
        File.SetUnixFileMode(path, mode);
        UnderUmask(() => Save(path));
        Assert.Equal(mode, File.GetUnixFileMode(path));
    }

    /// <summary>As the package makes its directory.</summary>
    [Theory]
    [InlineData(true, Owner | UnixFileMode.GroupRead)]
    [InlineData(false, Owner)]
    public void A_new_file_is_its_groups_too_where_the_directory_hands_it_on(bool handsOn, UnixFileMode mode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has rights of its own.");
        var directory = Directory.CreateDirectory(Path.Combine(_folder.Path, "etc"), Owner | UnixFileMode.UserExecute).FullName;
        if (handsOn)
            File.SetUnixFileMode(directory, Owner | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.SetGroup);
        var path = Path.Combine(directory, "halo-link.json");
        UnderUmask(() => Save(path));
        Assert.Equal(mode, File.GetUnixFileMode(path));
    }

    static void Save(string path)
    {
        var file = ConfigurationFile.Open(path, new Hashtable());
        file.Document.Set(SettingsPath.Parse("uploads"), 4);
        file.Save();
        Assert.Contains("\"uploads\": 4", File.ReadAllText(path), StringComparison.Ordinal);
    }

    static void UnderUmask(Action action)
    {
        var before = umask(0x3F);
        try
        {
            action();
        }
        finally
        {
            _ = umask(before);
        }
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern uint umask(uint mask);
}
