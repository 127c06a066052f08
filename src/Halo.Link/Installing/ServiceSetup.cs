using System.ComponentModel;
using Halo.Link.Configuring;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Releases;

namespace Halo.Link.Installing;

/// <summary>The steps of setup: what each does to the service, the settings and the registry, and how it is undone.</summary>
/// <remarks>
/// The program that the service runs tells which version is installed. So an old version's removal after an upgrade, which Windows Installer does by itself,
/// touches neither service nor data.
/// </remarks>
/// <param name="log">Never gets a value of a setting.</param>
sealed class ServiceSetup(ISetupMachine machine, Action<string> log)
{
    public const int Done = 0, Failed = 1;

    /// <summary>Beside the settings: says that the service was removed, and nothing of it runs any more. Without it <c>PURGE</c> removes nothing.</summary>
    const string RemovedMark = "removed";

    bool _hasStopped;

    string RemovedFile => Path.Combine(Path.GetDirectoryName(machine.ConfigurationFile)!, RemovedMark);

    /// <summary>Installs this version, or changes its settings.</summary>
    /// <exception cref="SettingsException">A property cannot be used. Nothing was changed.</exception>
    public int Apply(SetupProperties properties)
    {
        // Until something is changed, a failure has nothing to undo.
        machine.PreviousCommand = null;
        var (previous, wasRunning) = (machine.ServiceCommand, machine.IsRunning);
        if (previous is not null && !IsOwn(previous) && File.Exists(ServiceCommand.ProgramOf(previous)) && IsNewer(machine.InstalledVersion))
        {
            // Windows Installer skips such a package by itself, unless it did not install the newer version.
            log($"Version {machine.InstalledVersion} is newer than {machine.Version}, and stays.");
            return Done;
        }
        machine.CreateFolders();
        File.Delete(RemovedFile);
        if (!File.Exists(machine.ConfigurationFile) && machine.OldConfigurationFile is { } old)
            throw new SettingsException([new(old, $"is where earlier versions kept settings and data: stop that Halo Link, move the content of the folder to {Path.GetDirectoryName(machine.ConfigurationFile)}, and run the installer again.")]);
        var backup = new SettingsBackup(machine.ConfigurationFile);
        backup.Discard();
        machine.PreviousCommand = previous ?? "";
        try
        {
            var change = properties.HasSettings ? Configure(properties, backup) : Change.None;
            if (TrySwitch(properties, previous, wasRunning, change))
                return Done;
        }
        catch
        {
            backup.Restore();
            if (wasRunning && _hasStopped)
                TryPutBack(previous!);
            throw;
        }
        backup.Restore();
        PutBack(previous!);
        return Failed;
    }

    /// <summary>After <see cref="Apply"/>, where the installation failed: Windows Installer calls it in a rollback.</summary>
    public int Undo()
    {
        // Null: nothing was changed, or it has been undone.
        if (machine.PreviousCommand is not { } previous)
            return Done;
        UndoTo(previous);
        // Only now: what was cut off here is undone again.
        machine.PreviousCommand = null;
        return Done;
    }

    void UndoTo(string previous)
    {
        var restored = new SettingsBackup(machine.ConfigurationFile).Restore();
        var present = machine.ServiceCommand;
        if (previous.Length == 0)
        {
            if (present is not null && !IsOwn(present))
                return;
            if (present is not null)
            {
                machine.Stop();
                machine.DeleteService();
            }
            machine.RemoveVersion();
            return;
        }
        if (!IsOwn(present))
            return;
        if (IsOwn(previous))
        {
            // A repair or a change of settings: this version stays, and runs with the settings that it had.
            if (restored)
                machine.Stop();
            StartIfConfigured();
            return;
        }
        if (!File.Exists(ServiceCommand.ProgramOf(previous)))
            return;
        log("The installation failed; the previous version is put back.");
        PutBack(previous);
    }

    /// <summary>After an installation that succeeded: forgets how it was before.</summary>
    public int Commit()
    {
        if (!IsOwn(machine.ServiceCommand))
            return Done;
        machine.PreviousCommand = null;
        new SettingsBackup(machine.ConfigurationFile).Discard();
        return Done;
    }

    /// <summary>Removes the service; settings and data stay.</summary>
    /// <param name="notifyApi">That the sites are gone; called where there are settings, and must not throw.</param>
    public async Task<int> RemoveAsync(Func<Task> notifyApi)
    {
        // Another version has taken over.
        if (machine.ServiceCommand is { } command && !IsOwn(command))
            return Done;
        if (File.Exists(machine.ConfigurationFile))
            await notifyApi();
        TryStop("is removed when the machine restarts");
        machine.DeleteService();
        machine.RemoveVersion();
        // After a kill in an installation it may be there: it has secrets.
        new SettingsBackup(machine.ConfigurationFile).Discard();
        if (Directory.Exists(Path.GetDirectoryName(RemovedFile)))
            File.WriteAllText(RemovedFile, "");
        log("The service is removed.");
        return Done;
    }

    enum Change { None, First, Changed }

    /// <summary>Has the service run this version with these settings.</summary>
    /// <returns>False: it does not start, and the version before ran.</returns>
    bool TrySwitch(SetupProperties properties, string? previous, bool wasRunning, Change change)
    {
        var account = properties[SetupProperties.Account];
        // Before the service is stopped: an unknown account is the likeliest failure.
        if (account is not null && !account.StartsWith(@"NT ", StringComparison.OrdinalIgnoreCase))
            machine.GrantLogonRight(account);
        var upgrades = previous is not null && !IsOwn(previous);
        if (previous is not null && (upgrades || account is not null || change != Change.None))
        {
            _hasStopped = true;
            machine.Stop();
        }
        var configured = File.Exists(machine.ConfigurationFile);
        // A start type that an administrator chose stays.
        machine.InstallService(ServiceCommand.WithProgram(previous, machine.Program), account, properties[SetupProperties.AccountPassword],
            starts: !configured ? false : previous is null || change == Change.First ? true : null);
        if (!StartIfConfigured())
        {
            if (upgrades && wasRunning)
            {
                log("The new version does not start; the previous version is put back.");
                return false;
            }
            log("The service is installed and did not start: see its log, and halo-link doctor. Windows tries again.");
        }
        machine.WriteVersion(machine.Version, Path.GetDirectoryName(machine.Program)!);
        log($"Version {machine.Version} is installed{(configured ? "" : "; the service starts once halo-link configure has written the settings")}.");
        return true;
    }

    Change Configure(SetupProperties properties, SettingsBackup backup)
    {
        var file = ConfigurationFile.Open(machine.ConfigurationFile, Environment.GetEnvironmentVariables());
        var before = file.Document.Content;
        properties.ApplyTo(file.Document);
        _ = file.Check(out var fresh);
        if (fresh.Count > 0)
            throw new SettingsException(fresh);
        if (!file.IsNew && file.Document.Content.AsSpan().SequenceEqual(before))
            return Change.None;
        backup.Save();
        file.Save();
        return file.IsNew ? Change.First : Change.Changed;
    }

    void PutBack(string command)
    {
        TryStop("runs the previous version from its next start on");
        machine.InstallService(command, null, null, File.Exists(machine.ConfigurationFile) ? null : false);
        if (Path.GetDirectoryName(ServiceCommand.ProgramOf(command)) is { Length: > 0 } folder)
            machine.WriteVersion(Path.GetFileName(folder), folder);
        StartIfConfigured();
    }

    /// <param name="otherwise">What becomes of a service that does not end.</param>
    void TryStop(string otherwise)
    {
        try
        {
            machine.Stop();
        }
        catch (InvalidOperationException e)
        {
            log($"The service does not stop, and {otherwise}. {FaultText.Of(e)}");
        }
    }

    /// <summary>The failure that led here is the one to tell.</summary>
    void TryPutBack(string command)
    {
        try
        {
            PutBack(command);
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            log($"The previous service could not be put back. {FaultText.Of(e)}");
        }
    }

    /// <returns>False: it should run, and does not start.</returns>
    bool StartIfConfigured() => !File.Exists(machine.ConfigurationFile) || machine.IsDisabled || machine.TryStart();

    bool IsOwn(string? command) => ServiceCommand.Runs(command, machine.Program);

    bool IsNewer(string? version) =>
        CalendarVersion.TryParse(version, out var known) && CalendarVersion.TryParse(machine.Version, out var own) && known > own;
}
