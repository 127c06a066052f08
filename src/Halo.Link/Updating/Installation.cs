using System.Runtime.InteropServices;
using Halo.Link.Observability;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Updating;

/// <summary>How this program was installed.</summary>
static class Installation
{
    const string Versions = "versions", Updater = "halo-link-updater";

    /// <summary>What a release for this installation has to be made for; null: no updater has laid it out, and none could replace it.</summary>
    public static LinkPlatform? Platform { get; } = HasUpdater(AppContext.BaseDirectory) ? new(
        OperatingSystem.IsWindows() ? "windows" : "linux", RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64") : null;

    static bool HasUpdater(string directory)
    {
        var own = new DirectoryInfo(Path.TrimEndingDirectorySeparator(directory));
        return OperatingSystem.IsLinux() && own.Name == HostInformation.Version && own.Parent?.Name == Versions && File.Exists(Path.Combine(own.FullName, Updater));
    }
}
