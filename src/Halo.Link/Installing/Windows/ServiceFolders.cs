using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;
using Halo.Link.Settings;

namespace Halo.Link.Installing.Windows;

/// <summary>The folders of settings and data: administrators write the settings, the service reads them and alone writes its data, nobody else reads anything.</summary>
[SupportedOSPlatform("windows")]
static class ServiceFolders
{
    const InheritanceFlags ToAll = InheritanceFlags.ContainerInherit | InheritanceFlags.ObjectInherit;

    /// <summary>Of settings, logs of setup, and data.</summary>
    public static string Root => Path.GetDirectoryName(DefaultPaths.ConfigurationFile)!;

    /// <summary>Makes them, and sets their rights anew.</summary>
    /// <exception cref="SettingsException">Somebody who is no administrator made the folder before, as everybody may there, and could have put settings of his own into it.</exception>
    public static void Create()
    {
        if (Directory.Exists(Root) && new DirectoryInfo(Root).GetAccessControl(AccessControlSections.Owner).GetOwner(typeof(SecurityIdentifier)) is SecurityIdentifier owner
            && !owner.IsWellKnown(WellKnownSidType.LocalSystemSid) && !owner.IsWellKnown(WellKnownSidType.BuiltinAdministratorsSid) && owner != WindowsIdentity.GetCurrent().User)
            throw new SettingsException([new(Root, "belongs to somebody who is no administrator: look what is in it, and remove it or give it to the group Administrators.")]);
        Protect(Root, FileSystemRights.ReadAndExecute);
        Protect(DefaultPaths.DataDirectory, FileSystemRights.Modify);
    }

    /// <summary>Removes them, with everything in them.</summary>
    public static void Remove()
    {
        if (Directory.Exists(Root))
            Directory.Delete(Root, recursive: true);
    }

    static void Protect(string folder, FileSystemRights ofService)
    {
        var rights = new DirectorySecurity();
        rights.SetAccessRuleProtection(isProtected: true, preserveInheritance: false);
        Allow(new(WellKnownSidType.LocalSystemSid, null), FileSystemRights.FullControl);
        Allow(new(WellKnownSidType.BuiltinAdministratorsSid, null), FileSystemRights.FullControl);
        Allow(new(ServiceSid.Of(WindowsService.Name)), ofService);
        if (Directory.Exists(folder))
            new DirectoryInfo(folder).SetAccessControl(rights);
        else
            rights.CreateDirectory(folder);

        void Allow(SecurityIdentifier who, FileSystemRights what) => rights.AddAccessRule(new(who, what, ToAll, PropagationFlags.None, AccessControlType.Allow));
    }
}
