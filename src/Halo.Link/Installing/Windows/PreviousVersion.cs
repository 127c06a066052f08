using System.Runtime.Versioning;
using Microsoft.Win32;

namespace Halo.Link.Installing.Windows;

/// <summary>The command that the service ran before setup: where the installation fails at its end, it is put back.</summary>
[SupportedOSPlatform("windows")]
static class PreviousVersion
{
    const string Name = "PreviousCommand";

    /// <param name="command">Empty: there was no service; null: there is nothing to undo.</param>
    public static void Write(string? command)
    {
        if (command is null)
        {
            using var known = Registry.LocalMachine.OpenSubKey(InstalledVersion.Key, writable: true);
            known?.DeleteValue(Name, throwOnMissingValue: false);
            return;
        }
        using var key = Registry.LocalMachine.CreateSubKey(InstalledVersion.Key);
        key.SetValue(Name, command);
    }

    /// <returns>As it was written.</returns>
    public static string? Read()
    {
        using var key = Registry.LocalMachine.OpenSubKey(InstalledVersion.Key);
        return key?.GetValue(Name) as string;
    }
}
