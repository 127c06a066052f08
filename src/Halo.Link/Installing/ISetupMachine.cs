using Halo.Link.Settings;

namespace Halo.Link.Installing;

/// <summary>What setup reads and changes on a machine.</summary>
/// <exception cref="System.ComponentModel.Win32Exception">From every member: Windows refuses.</exception>
interface ISetupMachine
{
    /// <summary>Full path of the program that runs setup.</summary>
    string Program { get; }

    string Version { get; }

    string ConfigurationFile { get; }

    /// <summary>Where versions before 26.1130 had it; null: nothing is there.</summary>
    string? OldConfigurationFile { get; }

    /// <summary>The command that the service runs; null: there is no service.</summary>
    string? ServiceCommand { get; }

    bool IsRunning { get; }

    /// <summary>Whether an administrator has switched the service off.</summary>
    bool IsDisabled { get; }

    /// <summary>The version that the registry names; null: none.</summary>
    string? InstalledVersion { get; }

    /// <summary>The command that the service ran before <see cref="ServiceSetup.Apply"/>. Empty: there was no service; null: there is nothing to undo.</summary>
    string? PreviousCommand { get; set; }

    /// <summary>Makes the folders of settings and data, and closes them to others.</summary>
    /// <exception cref="SettingsException">Somebody who is no administrator could have put something into them.</exception>
    void CreateFolders();

    /// <summary>Gives an account the right to log on as a service.</summary>
    /// <exception cref="SettingsException">Windows does not know the account.</exception>
    void GrantLogonRight(string account);

    /// <summary>Makes the service, or changes the one that is there; what is null stays as it is.</summary>
    /// <param name="starts">With the machine. Null: as before; a new one does.</param>
    void InstallService(string command, string? account, string? password, bool? starts);

    /// <returns>False: it ended again, or did not start in time.</returns>
    bool TryStart();

    /// <exception cref="InvalidOperationException">It does not end.</exception>
    void Stop();

    void DeleteService();

    void WriteVersion(string version, string folder);

    void RemoveVersion();
}
