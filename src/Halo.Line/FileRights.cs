using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace Halo.Line;

/// <summary>Whether files that hold secrets can be read by every account of the machine, and the command that mends it.</summary>
public static class FileRights
{
    const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <summary>One sentence with the command; null: others can neither read nor write it, or it cannot be looked at.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="holds">What is in it, as it goes on after "which holds".</param>
    public static string? WarningFor(string file, string holds)
    {
        try
        {
            var full = Path.GetFullPath(file);
            if (!File.Exists(full) || !IsOpen(full))
                return null;
            return $"Every account of this machine can read {full}, which holds {holds}. Mend it with: {Command(full)}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or SystemException)
        {
            return null;
        }
    }

    static bool IsOpen(string file) => OperatingSystem.IsWindows() ? IsOpenOnWindows(file) : (File.GetUnixFileMode(file) & Others) != 0;

    static string Command(string file)
    {
        if (OperatingSystem.IsWindows())
            return $"icacls \"{file}\" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F \"{Environment.UserDomainName}\\{Environment.UserName}:R\"";
        var quoted = $"'{file.Replace("'", "'\\''", StringComparison.Ordinal)}'";
        // A file of somebody else's, once closed to others, would be closed to this account too.
        return CanWrite(file) ? $"chmod 600 {quoted}" : $"chown {Environment.UserName} {quoted} && chmod 600 {quoted}";
    }

    static bool CanWrite(string file)
    {
        try
        {
            using var opened = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [SupportedOSPlatform("windows")]
    static bool IsOpenOnWindows(string file) => new FileInfo(file).GetAccessControl().GetAccessRules(includeExplicit: true, includeInherited: true, typeof(SecurityIdentifier))
        .OfType<FileSystemAccessRule>()
        .Any(r => r.AccessControlType == AccessControlType.Allow && r.IdentityReference is SecurityIdentifier who && IsEverybody(who)
            && (r.FileSystemRights & (FileSystemRights.ReadData | FileSystemRights.WriteData)) != 0);

    [SupportedOSPlatform("windows")]
    static bool IsEverybody(SecurityIdentifier who) =>
        who.IsWellKnown(WellKnownSidType.WorldSid) || who.IsWellKnown(WellKnownSidType.BuiltinUsersSid) || who.IsWellKnown(WellKnownSidType.AuthenticatedUserSid);
}
