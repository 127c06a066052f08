using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Halo.Link.Installing.Windows;
using Halo.Link.Observability;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;

namespace Halo.Link.Installing;

/// <summary>What the MSI has done by the program that it installed: settings, folders, service and registry, all at the end of an installation or before a removal.</summary>
[SupportedOSPlatform("windows")]
sealed partial class SetupProgram(Func<LinkSettings, CancellationToken, Task<int>> notifyApi, TimeProvider time)
{
    /// <summary>First argument of the command line.</summary>
    public const string Command = "setup";

    const string ApplyStep = "apply", ShowStep = "show", UndoStep = "undo", CommitStep = "commit", RemoveStep = "remove";
    static readonly TimeSpan NotifyTimeout = TimeSpan.FromSeconds(20);

    /// <returns>The exit code: 0, or 1 where it failed and the log of setup says why.</returns>
    public static async Task<int> RunAsync(string[] args, Func<LinkSettings, CancellationToken, Task<int>> notifyApi, TimeProvider time)
    {
        var program = new SetupProgram(notifyApi, time);
        var setup = new ServiceSetup(new WindowsMachine(), program.Log);
        try
        {
            var properties = SetupProperties.Parse(Marshal.PtrToStringUni(GetCommandLine()) ?? "");
            switch (args.ElementAtOrDefault(1))
            {
                case ApplyStep:
                    return setup.Apply(properties);
                case ShowStep when properties[SetupProperties.Product] is { } product:
                    InstalledVersion.Show(HostInformation.Version, product);
                    return ServiceSetup.Done;
                case UndoStep:
                    return setup.Undo();
                case CommitStep:
                    return setup.Commit();
                case RemoveStep:
                    return await setup.RemoveAsync(program.NotifyApiAsync);
                default:
                    await Console.Error.WriteLineAsync("halo-link setup is for the installer: see halo-link configure.");
                    return ServiceSetup.Failed;
            }
        }
        catch (SettingsException e)
        {
            foreach (var fault in e.Faults)
                program.Log($"Refused: {fault}");
            return ServiceSetup.Failed;
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException or UnauthorizedAccessException or System.ServiceProcess.TimeoutException)
        {
            program.Log($"Failed{((e as Win32Exception ?? e.InnerException as Win32Exception) is { } windows ? $" (Windows error {windows.NativeErrorCode})" : "")}: {FaultText.Of(e)}");
            return ServiceSetup.Failed;
        }
    }

    /// <summary>Whatever comes of it, the removal goes on: a Link is also removed while the API is away.</summary>
    async Task NotifyApiAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(NotifyTimeout, time);
            var notified = notifyApi(SettingsReader.Read(DefaultPaths.ConfigurationFile, Environment.GetEnvironmentVariables()), limit.Token);
            if (await Task.WhenAny(notified, Task.Delay(NotifyTimeout, time)) == notified)
                await notified;
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
            // A folder that somebody else made could lead the system to write anywhere.
            if (ServiceFolders.IsOfAdministrators(ServiceFolders.Root))
                File.AppendAllText(Path.Combine(ServiceFolders.Root, "setup.log"), string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ} {line}\r\n"));
            else
                EventLog.WriteEntry(InstalledVersion.EventSource, line, EventLogEntryType.Warning);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or Win32Exception or InvalidOperationException or ArgumentException or System.Security.SecurityException)
        {
            // Then it is not written down.
        }
    }

    [LibraryImport("kernel32", EntryPoint = "GetCommandLineW")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial nint GetCommandLine();
}
