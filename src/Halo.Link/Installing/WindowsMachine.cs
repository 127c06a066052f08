using System.Runtime.Versioning;
using System.Security.Principal;
using Halo.Link.Installing.Windows;
using Halo.Link.Observability;
using Halo.Link.Settings;

namespace Halo.Link.Installing;

/// <summary>This machine.</summary>
[SupportedOSPlatform("windows")]
sealed class WindowsMachine : ISetupMachine
{
    public string Program => Environment.ProcessPath!;

    public string Version => HostInformation.Version;

    public string ConfigurationFile => DefaultPaths.ConfigurationFile;

    public string? OldConfigurationFile =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Halo", "Link", Path.GetFileName(ConfigurationFile)) is var old
        // Anybody can make a folder there.
        && ServiceFolders.IsOfAdministrators(Path.GetDirectoryName(old)!) && File.Exists(old) ? old : null;

    public string? ServiceCommand => WindowsService.Command;

    public bool IsRunning => WindowsService.IsRunning;

    public bool IsDisabled => WindowsService.IsDisabled;

    public string? InstalledVersion => Windows.InstalledVersion.Known;

    public string? PreviousCommand
    {
        get => PreviousVersion.Read();
        set => PreviousVersion.Write(value);
    }

    public void CreateFolders() => ServiceFolders.Create();

    public void GrantLogonRight(string account)
    {
        try
        {
            LogonRight.Grant(account);
        }
        catch (IdentityNotMappedException)
        {
            throw new SettingsException([new(SetupProperties.Account, @"is no account that this machine knows: give it as DOMAIN\user, a group-managed one as DOMAIN\name$.")]);
        }
    }

    public void InstallService(string command, string? account, string? password, bool? starts) => WindowsService.Install(command, account, password, starts);

    public bool TryStart() => WindowsService.TryStart();

    public void Stop() => WindowsService.Stop();

    public void DeleteService() => WindowsService.Delete();

    public void WriteVersion(string version, string folder) => Windows.InstalledVersion.Write(version, folder);

    public void RemoveVersion() => Windows.InstalledVersion.Remove();
}
