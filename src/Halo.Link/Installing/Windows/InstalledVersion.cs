using System.Runtime.Versioning;
using Microsoft.Win32;

namespace Halo.Link.Installing.Windows;

/// <summary>What the registry says of the installation, for deployment tools and people: the version that runs, and the source of entries in the event log.</summary>
[SupportedOSPlatform("windows")]
static class InstalledVersion
{
    public const string Key = @"SOFTWARE\Halo Link", Version = "Version", Folder = "InstallLocation";

    /// <summary>Name of the source in the log <c>Application</c>.</summary>
    public const string EventSource = "Halo Link";

    const string EventKey = @"SYSTEM\CurrentControlSet\Services\EventLog\Application\" + EventSource;
    const string Products = @"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
    // Windows' own, which outlives every version of Halo Link: a version's own file would be held open by the event log.
    const string MessageFile = @"%SystemRoot%\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll";
    const int AllTypes = 7;

    /// <summary>The version that is written down; null: none.</summary>
    public static string? Known
    {
        get
        {
            using var key = Registry.LocalMachine.OpenSubKey(Key);
            return key?.GetValue(Version) as string;
        }
    }

    /// <param name="folder">Of the version's programs.</param>
    public static void Write(string version, string folder)
    {
        using (var key = Registry.LocalMachine.CreateSubKey(Key))
        {
            key.SetValue(Version, version);
            key.SetValue(Folder, folder);
        }
        using (var source = Registry.LocalMachine.CreateSubKey(EventKey))
        {
            source.SetValue("EventMessageFile", MessageFile, RegistryValueKind.ExpandString);
            source.SetValue("TypesSupported", AllTypes);
        }
    }

    /// <summary>Has Programs and Features show the calendar version in place of what Windows Installer makes of it.</summary>
    /// <param name="product">Windows Installer's product code.</param>
    public static void Show(string version, string product)
    {
        using var programs = Registry.LocalMachine.OpenSubKey($@"{Products}\{product}", writable: true);
        programs?.SetValue("DisplayVersion", version);
    }

    public static void Remove()
    {
        Registry.LocalMachine.DeleteSubKeyTree(EventKey, throwOnMissingSubKey: false);
        Registry.LocalMachine.DeleteSubKeyTree(Key, throwOnMissingSubKey: false);
    }
}
