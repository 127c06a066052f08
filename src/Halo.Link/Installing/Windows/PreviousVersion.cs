using System.Runtime.Versioning;
using Microsoft.Win32;

namespace Halo.Link.Installing.Windows;

/// <summary>The command that the service ran before setup: where the installation fails at its end, it is put back.</summary>
[SupportedOSPlatform("windows")]
static class PreviousVersion
{
    const string Name = "PreviousCommand";

    /// <param name="command">Null: there was no service.</param>
    public static void Write(string? command)
    {
        using var key = Registry.LocalMachine.CreateSubKey(InstalledVersion.Key);
        if (command is null)
            key.DeleteValue(Name, throwOnMissingValue: false);
        else
            key.SetValue(Name, command);
    }

    /// <returns>Null: there was none, or it is gone.</returns>
    public static string? Read()
    {
        using var key = Registry.LocalMachine.OpenSubKey(InstalledVersion.Key);
        return key?.GetValue(Name) is string command && FolderOf(command) is not null ? command : null;
    }

    /// <summary>Of the program in a service's command; null: it is not there.</summary>
    public static string? FolderOf(string command) =>
        command.Split('"') is [_, var program, ..] && File.Exists(program) ? Path.GetDirectoryName(program) : null;
}
