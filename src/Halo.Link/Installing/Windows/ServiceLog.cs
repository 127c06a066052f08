using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.Versioning;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Microsoft.Extensions.Hosting.WindowsServices;

namespace Halo.Link.Installing.Windows;

/// <summary>Where the Windows service logs, which has no terminal: files beside its data, and in the event log that it failed.</summary>
static class ServiceLog
{
    /// <summary>Of the log files; also where a setting names another data directory.</summary>
    public static string Folder => Path.Combine(DefaultPaths.DataDirectory, "logs");

    /// <summary>Whether this process is the service.</summary>
    [SupportedOSPlatformGuard("windows")]
    public static bool IsNeeded => WindowsServiceHelpers.IsWindowsService();

    /// <summary>From here on everything that goes to the terminal goes into the files.</summary>
    public static void Begin()
    {
        var log = TextWriter.Synchronized(new RotatingLog(Folder, TimeProvider.System));
        Console.SetOut(log);
        Console.SetError(log);
    }

    /// <summary>Tells administrators of a failure, where they look first.</summary>
    [SupportedOSPlatform("windows")]
    public static void TellOfFailure(int exitCode)
    {
        try
        {
            EventLog.WriteEntry(InstalledVersion.EventSource, $"Halo Link ended with exit code {exitCode}. The last lines of {Path.Combine(Folder, "halo-link.log")} say why; halo-link doctor looks further.", EventLogEntryType.Error, exitCode);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or ArgumentException or System.Security.SecurityException)
        {
            // The log file says it too.
        }
    }
}
