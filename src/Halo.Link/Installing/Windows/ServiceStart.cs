using System.ComponentModel;
using System.Runtime.Versioning;

namespace Halo.Link.Installing.Windows;

/// <summary>The service's first start: it is installed without settings, and starts with the machine once they are written.</summary>
[SupportedOSPlatform("windows")]
static class ServiceStart
{
    /// <summary>Starts the service, where it is installed and does not run.</summary>
    /// <returns>What became of it, for people; null: there was nothing to do.</returns>
    public static string? Begin()
    {
        try
        {
            if (WindowsService.Command is not { } command || WindowsService.IsDisabled || WindowsService.IsRunning)
                return null;
            WindowsService.Install(command, null, null, starts: true);
            return WindowsService.TryStart()
                ? "The service runs, and starts with the machine from now on."
                : $"The service does not start: the last lines in {ServiceLog.Folder} say why.";
        }
        catch (Win32Exception e)
        {
            return $"The service could not be started (Windows error {e.NativeErrorCode}): start it as an administrator (sc start {WindowsService.Name}).";
        }
    }
}
