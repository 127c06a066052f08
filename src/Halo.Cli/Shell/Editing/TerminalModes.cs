using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Halo.Cli.Shell.Editing;

/// <summary>Old consoles of Windows show escape sequences as text until they are told to obey them.</summary>
static class TerminalModes
{
    const int StandardError = -12;

    const uint ObeysEscapes = 0x0004;

    public static void ObeyEscapes()
    {
        if (OperatingSystem.IsWindows())
            SetMode();
    }

    [SupportedOSPlatform("windows")]
    static void SetMode()
    {
        var console = GetStdHandle(StandardError);
        // Where it is no console there is nothing to set.
        if (GetConsoleMode(console, out var mode))
            _ = SetConsoleMode(console, mode | ObeysEscapes);
    }

    [DllImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    static extern nint GetStdHandle(int handle);

    [DllImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    static extern bool GetConsoleMode(nint console, out uint mode);

    [DllImport("kernel32.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    static extern bool SetConsoleMode(nint console, uint mode);
}
