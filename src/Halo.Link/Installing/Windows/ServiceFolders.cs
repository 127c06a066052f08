using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;
using Halo.Link.Settings;

namespace Halo.Link.Installing.Windows;

/// <summary>The folders of settings and data: administrators write the settings, the service reads them and alone writes its data, nobody else reads anything.</summary>
/// <remarks>Everybody can make folders in <c>%ProgramData%</c>, and setup runs as the system: what somebody else put there is never used.</remarks>
[SupportedOSPlatform("windows")]
static class ServiceFolders
{
    const InheritanceFlags ToAll = InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit;

    static readonly SecurityIdentifier Administrators = new(WellKnownSidType.BuiltinAdministratorsSid, null);
    static readonly SecurityIdentifier Service = new(ServiceSid.Of(WindowsService.Name));

    /// <summary>Of settings, logs of setup, and data.</summary>
    public static string Root => Path.GetDirectoryName(DefaultPaths.ConfigurationFile)!;

    /// <summary>Makes them, and sets their rights anew.</summary>
    /// <exception cref="SettingsException">Somebody who is no administrator made one of them, or something in them, and could have put settings of his own there.</exception>
    public static void Create()
    {
        Protect(Root, FileSystemRights.ReadAndExecute);
        // Closed from here on. What somebody put in while it was open is looked at, each time: a refusal is not forgotten.
        var data = new DirectoryInfo(DefaultPaths.DataDirectory);
        foreach (var entry in new DirectoryInfo(Root).EnumerateFileSystemInfos())
        {
            Refuse(entry, service: true);
            // What is in a folder that was closed to all but the service is the service's own.
            if (entry is DirectoryInfo inner && !(string.Equals(inner.FullName, data.FullName, StringComparison.OrdinalIgnoreCase) && IsClosed(inner)))
                Inspect(inner);
        }
        Protect(data.FullName, FileSystemRights.Modify);
    }

    /// <summary>Whether a folder is there, is no link, and belongs to administrators.</summary>
    public static bool IsOfAdministrators(string folder) => new DirectoryInfo(folder) is { Exists: true } directory && !IsLink(directory) && IsTrusted(OwnerOf(directory), service: false);

    static void Inspect(DirectoryInfo directory)
    {
        foreach (var entry in directory.EnumerateFileSystemInfos())
        {
            Refuse(entry, service: true);
            if (entry is DirectoryInfo inner)
                Inspect(inner);
        }
    }

    static bool IsClosed(DirectoryInfo directory) => directory.GetAccessControl(AccessControlSections.Access).AreAccessRulesProtected;

    static void Protect(string folder, FileSystemRights ofService)
    {
        var rights = new DirectorySecurity();
        rights.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        Allow(new(WellKnownSidType.LocalSystemSid, null), FileSystemRights.FullControl);
        Allow(Administrators, FileSystemRights.FullControl);
        Allow(Service, ofService);
        var directory = new DirectoryInfo(folder);
        if (!directory.Exists)
            // Somebody may have been faster, and then these rights are not set: so nothing is taken for granted below.
            rights.CreateDirectory(folder);
        directory.Refresh();
        Refuse(directory, service: false);
        rights.SetOwner(Administrators);
        directory.SetAccessControl(rights);
        directory.Refresh();
        Refuse(directory, service: false);

        void Allow(SecurityIdentifier who, FileSystemRights what) => rights.AddAccessRule(new(who, what, ToAll, PropagationFlags.None, AccessControlType.Allow));
    }

    static void Refuse(FileSystemInfo entry, bool service)
    {
        if (IsLink(entry))
            throw new SettingsException([new(entry.FullName, "leads elsewhere (a junction or a link), which Halo Link does not follow here: look where it leads, and remove it.")]);
        if (!IsTrusted(OwnerOf(entry), service))
            throw new SettingsException([new(entry.FullName, "belongs to somebody who is no administrator: look what it is, and remove it or give it to the group Administrators.")]);
    }

    static bool IsLink(FileSystemInfo entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    static SecurityIdentifier? OwnerOf(FileSystemInfo entry)
    {
        FileSystemSecurity rights = entry is DirectoryInfo directory ? directory.GetAccessControl(AccessControlSections.Owner) : ((FileInfo)entry).GetAccessControl(AccessControlSections.Owner);
        return rights.GetOwner(typeof(SecurityIdentifier)) as SecurityIdentifier;
    }

    static bool IsTrusted(SecurityIdentifier? owner, bool service) => owner is not null
        && (owner.IsWellKnown(WellKnownSidType.LocalSystemSid) || owner == Administrators || owner == WindowsIdentity.GetCurrent().User || (service && owner == Service));
}
