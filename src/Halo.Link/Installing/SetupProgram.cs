using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Principal;
using Halo.Link.Configuring;
using Halo.Link.Installing.Windows;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Releases;

namespace Halo.Link.Installing;

/// <summary>What the MSI has done by the program that it installed: settings, folders, service and registry, all at the end of an installation or before a removal.</summary>
/// <remarks>
/// Whichever version's program the service runs is the one that is installed. So an old version's removal after an upgrade, which Windows Installer does for itself,
/// touches neither service nor data.
/// </remarks>
[SupportedOSPlatform("windows")]
sealed partial class SetupProgram(Func<LinkSettings, CancellationToken, Task<int>> tellApi, TimeProvider time)
{
    /// <summary>First argument of the command line.</summary>
    public const string Command = "setup";

    const string ApplyStep = "apply", ShowStep = "show", UndoStep = "undo", RemoveStep = "remove";
    const int Done = 0, Failed = 1;
    static readonly TimeSpan LongestTelling = TimeSpan.FromSeconds(20);

    static string Own => WindowsService.CommandOf(Environment.ProcessPath!);

    /// <returns>The exit code: 0, or 1 where nothing was changed and the log of setup says why.</returns>
    public static async Task<int> RunAsync(string[] args, Func<LinkSettings, CancellationToken, Task<int>> tellApi, TimeProvider time)
    {
        var setup = new SetupProgram(tellApi, time);
        try
        {
            var properties = SetupProperties.Parse(Marshal.PtrToStringUni(GetCommandLine()) ?? "");
            switch (args.ElementAtOrDefault(1))
            {
                case ApplyStep:
                    return setup.Apply(properties);
                case ShowStep when properties[SetupProperties.Product] is { } product:
                    InstalledVersion.Show(HostInformation.Version, product);
                    return Done;
                case UndoStep:
                    return setup.Undo();
                case RemoveStep:
                    return await setup.RemoveAsync(properties[SetupProperties.Purge] == "1");
                default:
                    await Console.Error.WriteLineAsync("halo-link setup is for the installer: see halo-link configure.");
                    return Failed;
            }
        }
        catch (SettingsException e)
        {
            foreach (var fault in e.Faults)
                setup.Log($"Refused: {fault}");
            return Failed;
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException or UnauthorizedAccessException or System.ServiceProcess.TimeoutException)
        {
            setup.Log($"Failed{((e as Win32Exception ?? e.InnerException as Win32Exception) is { } windows ? $" (Windows error {windows.NativeErrorCode})" : "")}: {FaultText.Of(e)}");
            return Failed;
        }
    }

    int Apply(SetupProperties properties)
    {
        var (previous, wasRunning) = (WindowsService.Command, WindowsService.IsRunning);
        if (previous is not null && previous != Own && PreviousVersion.FolderOf(previous) is not null && IsNewer(InstalledVersion.Known))
        {
            // Windows Installer passes over such a package by itself, where it brought the newer version.
            Log($"Version {InstalledVersion.Known} is newer than {HostInformation.Version}, and stays.");
            return Done;
        }
        ServiceFolders.Create();
        var before = properties.HasSettings ? Configure(properties) : null;
        try
        {
            if (TrySwitch(properties, previous, wasRunning))
                return Done;
        }
        catch
        {
            before?.PutBack();
            throw;
        }
        before?.PutBack();
        PutBack(previous!);
        return Failed;
    }

    /// <summary>Has the service run this version.</summary>
    /// <returns>False: it does not start, and the version before ran.</returns>
    bool TrySwitch(SetupProperties properties, string? previous, bool wasRunning)
    {
        var account = properties[SetupProperties.Account];
        var upgrades = previous is not null && previous != Own;
        if (previous is not null && (upgrades || account is not null))
            WindowsService.Stop();
        if (account is not null && !account.StartsWith(@"NT ", StringComparison.OrdinalIgnoreCase))
            Grant(account);
        var configured = File.Exists(DefaultPaths.ConfigurationFile);
        WindowsService.Install(Own, account, properties[SetupProperties.AccountPassword], starts: configured);
        if (configured && !WindowsService.IsDisabled && !WindowsService.TryStart())
        {
            if (upgrades && wasRunning)
            {
                Log("The new version does not start; the version before goes on.");
                return false;
            }
            Log("The service is installed and did not start: see its log, and halo-link doctor. Windows tries again.");
        }
        PreviousVersion.Write(previous);
        InstalledVersion.Write(HostInformation.Version, AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        Log($"Version {HostInformation.Version} is installed{(configured ? "" : "; the service starts once halo-link configure has written the settings")}.");
        return true;
    }

    static void Grant(string account)
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

    static bool IsNewer(string? version) =>
        CalendarVersion.TryParse(version, out var known) && CalendarVersion.TryParse(HostInformation.Version, out var own) && known > own;

    static FileBefore Configure(SetupProperties properties)
    {
        var before = new FileBefore(DefaultPaths.ConfigurationFile);
        var file = ConfigurationFile.Open(DefaultPaths.ConfigurationFile, Environment.GetEnvironmentVariables());
        properties.ApplyTo(file.Document);
        _ = file.Check(out var fresh);
        if (fresh.Count > 0)
            throw new SettingsException(fresh);
        file.Save();
        return before;
    }

    /// <summary>After a failure that came later than <see cref="Apply"/>.</summary>
    int Undo()
    {
        if (WindowsService.Command != Own)
            return Done;
        if (PreviousVersion.Read() is { } previous)
        {
            // A repair or a change of settings: this version was there before.
            if (previous == Own)
                return Done;
            Log("The installation failed; the version before goes on.");
            PutBack(previous);
            return Done;
        }
        WindowsService.Stop();
        WindowsService.Delete();
        InstalledVersion.Remove();
        return Done;
    }

    static void PutBack(string command)
    {
        WindowsService.Stop();
        var configured = File.Exists(DefaultPaths.ConfigurationFile);
        WindowsService.Install(command, null, null, configured);
        if (PreviousVersion.FolderOf(command) is { } folder)
            InstalledVersion.Write(Path.GetFileName(folder), folder);
        if (configured && !WindowsService.IsDisabled)
            WindowsService.TryStart();
    }

    async Task<int> RemoveAsync(bool purge)
    {
        // A newer version has taken over, or nothing was ever set up.
        if (WindowsService.Command is { } command && command != Own)
            return Done;
        if (File.Exists(DefaultPaths.ConfigurationFile))
            await TellApiAsync();
        try
        {
            WindowsService.Stop();
        }
        catch (InvalidOperationException e)
        {
            Log($"The service does not stop, and is removed with the next start of the machine. {FaultText.Of(e)}");
        }
        WindowsService.Delete();
        InstalledVersion.Remove();
        if (purge)
            ServiceFolders.Remove();
        else
            Log("Removed. Settings and data stay.");
        return Done;
    }

    /// <summary>Whatever comes of it, it goes on: a Link is also removed while the API is away.</summary>
    async Task TellApiAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(LongestTelling, time);
            var told = tellApi(SettingsReader.Read(DefaultPaths.ConfigurationFile, Environment.GetEnvironmentVariables()), limit.Token);
            if (await Task.WhenAny(told, Task.Delay(LongestTelling, time)) == told)
                await told;
            else
                Log("The API was not told of the removal in time; its operator sees the sites as away.");
        }
        catch (Exception e)
        {
            Log($"The API was not told of the removal; its operator sees the sites as away. {FaultText.Of(e)}");
        }
    }

    /// <summary>Neither Windows Installer nor a deployment tool shows what a program prints. No value of a setting gets here.</summary>
    void Log(string line)
    {
        try
        {
            Console.Error.WriteLine(line);
            File.AppendAllText(Path.Combine(ServiceFolders.Root, "setup.log"), string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ} {line}\r\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it is not written down.
        }
    }

    /// <summary>The settings as they were before setup changed them.</summary>
    sealed class FileBefore(string path)
    {
        readonly byte[]? _content = File.Exists(path) ? File.ReadAllBytes(path) : null;

        public void PutBack()
        {
            if (_content is null)
                File.Delete(path);
            else
                File.WriteAllBytes(path, _content);
        }
    }

    [LibraryImport("kernel32", EntryPoint = "GetCommandLineW")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint GetCommandLine();
}
